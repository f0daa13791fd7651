// SPDX-License-Identifier: Apache-2.0

/// The style of all pages: light, dark and printed, nothing from elsewhere.
package let pageStyle: Markup = """
    :root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#fff;--panel:#f4f6f8;
    --good:#3b78b5;--bad:#c2410c}
    @media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#343b44;--paper:#0f1318;
    --panel:#181d24;--good:#5b9bd5;--bad:#f0803c}}
    *{box-sizing:border-box;print-color-adjust:exact}
    body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,"DejaVu Sans",sans-serif}
    main{max-width:66rem;margin:0 auto;padding:1.5rem}
    h1{font-size:1.6rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem}
    h3{font-size:1.1rem;margin:0}h4{font-size:1rem;margin:1.2rem 0 .3rem}
    h3,h4,p{overflow-wrap:anywhere}p{margin:.3rem 0}
    .soft,caption,figcaption,th{color:var(--soft)}.failed{color:var(--bad);font-weight:600}
    .sums{display:flex;flex-wrap:wrap;gap:.75rem;margin:1rem 0;padding:0;list-style:none}
    .sums li{flex:1 1 9rem;overflow-wrap:anywhere;padding:.6rem .9rem;
    border:1px solid var(--line);border-radius:.5rem;background:var(--panel)}
    .sums b{display:block;font-size:1.4rem}
    article{margin:1rem 0;padding:1rem;border:1px solid var(--line);border-radius:.5rem}
    .scroll{overflow-x:auto}table{width:100%;min-width:32rem;border-collapse:collapse;font-size:.92em}
    caption,figcaption{text-align:left;font-size:.92em;margin-bottom:.2rem}
    th,td{padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;
    overflow-wrap:anywhere}
    th{font-weight:600;overflow-wrap:break-word}tbody th{color:inherit;font-weight:normal}
    .n{text-align:right;white-space:nowrap}
    th.b,td.b{width:30%;padding-right:0;vertical-align:middle}
    code{font:.92em/1.4 ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
    figure{margin:1.5rem 0 0}.chart{width:100%;height:auto}.chart text{font-size:12px;fill:var(--soft)}
    .chart line{stroke:var(--line)}
    .bar{display:block;width:100%;height:.65rem;background:var(--line);border-radius:2px}
    .good{fill:var(--good)}.bad{fill:var(--bad)}
    .key{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin:0 .3em 0 0}.key.bad{margin-left:.8em}
    .key.good{background:var(--good)}.key.bad{background:var(--bad)}
    @media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--panel:#fff;--good:#3b78b5;--bad:#c2410c}
    body{font-size:10pt}main{max-width:none;padding:0}table{min-width:0}tr,figure,.sums,h2,h3,h4{break-inside:avoid}
    h2,h3,h4{break-after:avoid}}

    """
