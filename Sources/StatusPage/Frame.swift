// SPDX-License-Identifier: Apache-2.0
import Basics
import HTML
import Status
import TLSRPT

/// What all pages have: title, ways to the others, and nothing from elsewhere.
struct Frame {
    enum Place: CaseIterable {
        case home, domains, reports, own

        var path: String {
            switch self {
            case .home: "/"
            case .domains: "/domains"
            case .reports: "/reports"
            case .own: "/own"
            }
        }

        var name: String {
            switch self {
            case .home: "Status"
            case .domains: "Domains"
            case .reports: "Reports"
            case .own: "Own domains"
            }
        }
    }

    /// Nil on a page that is none of them.
    let place: Place?
    let title: String

    func page(_ content: Markup) -> Answer {
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(title) - sts-milter</title>
            <link rel="stylesheet" href="/style.css"/></head>
            <body><a class="skip" href="#main">To the content</a>
            <header><nav aria-label="Pages"><ul><li class="brand">sts-milter</li>\(ways)</ul></nav></header>
            <main id="main">
            <h1>\(title)</h1>
            \(content)</main></body></html>

            """
        return Answer(.ok, "text/html; charset=utf-8", page.html)
    }

    private var ways: [Markup] {
        Place.allCases.map { way in
            way == place
                ? "<li><a href=\"\(way.path)\" aria-current=\"page\">\(way.name)</a></li>"
                : "<li><a href=\"\(way.path)\">\(way.name)</a></li>"
        }
    }
}

/// A table that scrolls by itself where the screen is narrow, also by keyboard.
func table(_ caption: String, _ heads: [Markup], _ rows: [Markup]) -> Markup {
    """
    <div class="scroll" role="region" tabindex="0" aria-label="\(caption)"><table><caption>\(caption)</caption>
    <thead><tr>\(heads)</tr></thead>
    <tbody>
    \(rows)</tbody></table></div>

    """
}

/// Sessions of each day as a chart, and as a table, which is open where there are too few days for a chart.
func sessionDays(_ days: [UTCDay: Tally], of domain: String) -> Markup {
    let chart = DayChart(days, name: domain)?.markup
    let rows: [Markup] = days.sorted { $0.key > $1.key }.map { day, tally in
        """
        <tr><th scope="row">\(day.description)</th><td class="n">\(grouped(tally.sessions))</td>\
        <td class="n">\(grouped(tally.failures))</td></tr>

        """
    }
    let heads = [head("Day"), numberHead("Sessions"), numberHead("Failed")]
    return """
        \(chart ?? "")
        <details\(chart == nil ? " open=\"\"" : "")><summary>Each day</summary>
        \(table("Sessions a day (UTC)", heads, rows))</details>

        """
}

func head(_ text: String) -> Markup { "<th scope=\"col\">\(text)</th>" }
func numberHead(_ text: String) -> Markup { "<th scope=\"col\" class=\"n\">\(text)</th>" }

/// A way to the page of a domain.
func link(_ domain: String) -> Markup { "<a href=\"/domain/\(domain)\">\(domain)</a>" }

/// A moment, and how long ago or ahead it is.
func moment(_ stamp: Stamp, _ words: String) -> Markup {
    "<time datetime=\"\(stamp.description)\" title=\"\(stamp.description)\">\(words)</time>"
}

/// What stands where the store had to be read, and could not.
func storeProblem(_ problem: String) -> Markup {
    "<p class=\"failed\">The store cannot be read: \(problem)</p>\n"
}

/// A list of names and values.
func facts(_ pairs: [(name: String, value: Markup)]) -> Markup {
    let rows: [Markup] = pairs.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" }
    return "<dl class=\"facts\">\(rows)</dl>\n"
}
