// SPDX-License-Identifier: Apache-2.0
import HTML

/// What these pages have beside the style of reports.
let statusStyle: Markup = """
    :root{--well:#1a7f37;--look:#8f5f00;--focus:#0969da}
    @media(prefers-color-scheme:dark){:root{--well:#57ab5a;--look:#d4a72c;--focus:#6cb6ff}}
    a{color:inherit;text-underline-offset:.15em}a:hover{text-decoration-thickness:2px}
    :focus-visible{outline:3px solid var(--focus);outline-offset:2px}
    .skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.3rem .6rem}
    header{border-bottom:1px solid var(--line);background:var(--panel)}
    nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;max-width:66rem;margin:0 auto;
    padding:.7rem 1.5rem}
    nav .brand{font-weight:700;margin-right:auto}nav a{display:inline-block;padding:.15rem 0}
    nav a[aria-current]{font-weight:700;text-decoration-thickness:3px}
    h1{overflow-wrap:anywhere}
    .lights{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:.6rem;list-style:none;
    padding:0;margin:1rem 0}
    .light{display:flex;gap:.7rem;padding:.6rem .8rem;border:1px solid var(--line);border-left:.35rem solid var(--well);
    border-radius:.4rem;background:var(--panel);overflow-wrap:anywhere}
    .light .mark{font-weight:700;color:var(--well)}.light .word{color:var(--well)}
    .look{border-left-color:var(--look)}.look .mark,.look .word{color:var(--look)}
    .wrong{border-left-color:var(--bad)}.wrong .mark,.wrong .word{color:var(--bad)}
    .calm{padding:.8rem 1rem;border:1px dashed var(--line);border-radius:.4rem}
    .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1rem}
    .held{margin:0;border-left:.35rem solid var(--bad);overflow-wrap:anywhere}.host{color:var(--soft)}
    .facts{display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;margin:.6rem 0}.facts div{min-width:5rem}
    .facts dt{color:var(--soft);font-size:.88em}.facts dd{margin:0;overflow-wrap:anywhere}
    p+h3,.scroll+h3{margin-top:1.6rem}th.n{white-space:normal}td ul{margin:0;padding-left:1.1rem}
    .verdict{font-size:1.1rem}
    pre{margin:.5rem 0;padding:.7rem 1rem;border:1px solid var(--line);border-radius:.4rem;background:var(--panel);
    overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;font:.92em/1.4 ui-monospace,"DejaVu Sans Mono",monospace}
    form{margin:1rem 0}input,button{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--soft);
    border-radius:.3rem;padding:.3rem .6rem}input{max-width:100%}summary{cursor:pointer}

    """
