// SPDX-License-Identifier: Apache-2.0
import Concurrency
import HTML
import TLSRPT

/// Reports as one HTML page that needs nothing else: no script, no picture, no style from elsewhere.
package struct ReportPage: ReportForm {
    /// Rows of the tables that sum up.
    private static let maxRows = 20
    /// Octets of reports that the page shows one by one; all others are in its sums.
    private static let maxArticleOctets = 6 << 20

    private let limits: ViewLimits
    private var totals = Totals()
    private var articles: [Markup] = []
    private var articleOctets = 0
    private var omitted = 0

    package init(limits: ViewLimits = .usual) { self.limits = limits }

    package mutating func add(_ report: Report, from source: String) -> String {
        totals.add(report)
        guard articleOctets < Self.maxArticleOctets else {
            omitted += 1
            return ""
        }
        let article = ReportArticle(digest: ReportDigest(report, from: source, limits: limits)).markup
        articleOctets += article.html.utf8.count
        articles.append(article)
        return ""
    }

    package mutating func end() -> String {
        // The page keeps itself from ever loading or running anything, whatever a report holds.
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>TLS reports, \(totals.period)</title>
            <style>
            \(pageStyle)</style></head>
            <body><main>
            <h1>TLS reports</h1>
            <p class="soft">\(counted(totals.reports, "report")) of \(counted(totals.senders.count, "sender")), \
            \(totals.period)</p>
            \(sums)\(DayChart(totals.days, name: "days")?.markup ?? "")
            \(types)\(policies)<h2>Reports</h2>
            \(articles)\(rest)</main></body></html>

            """
        return page.html
    }

    private var rest: Markup {
        omitted == 0 ? "" : "<p>\(counted(omitted, "more report")), only summed up</p>\n"
    }

    private var sums: Markup {
        let sessions = totals.all.sessions
        return """
            <ul class="sums"><li><b>\(grouped(sessions))</b> \(sessions == 1 ? "session" : "sessions")</li>\
            <li><b>\(grouped(totals.all.failures))</b> failed</li>\
            <li><b>\(share(totals.all.failures, of: sessions))</b> of the sessions failed</li></ul>
            <p class="soft"><span class="key good"></span>succeeded<span class="key bad"></span>failed</p>

            """
    }

    private var types: Markup {
        let types = totals.sortedTypes
        guard let largest = types.first?.sessions else { return "" }
        var rows: [Markup] = types.prefix(Self.maxRows).map { type, sessions in
            """
            <tr><th scope="row">\(type)</th><td class="n">\(grouped(sessions))</td>\
            <td class="b">\(lengthBar(sessions, of: largest))</td></tr>

            """
        }
        if types.count > Self.maxRows { rows.append(more(types.count - Self.maxRows, "more result type")) }
        return """
            <h2>Failures by result</h2>
            <div class="scroll"><table><caption>A session can fail in more than one way</caption>
            <thead><tr><th scope="col">Result</th><th class="n" scope="col">Sessions</th>\
            <th class="b" scope="col">Share of the largest</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    private var policies: Markup {
        let policies = totals.sortedPolicies
        var rows: [Markup] = policies.prefix(Self.maxRows).map { name, tally in
            """
            <tr><th scope="row">\(name.domain.isEmpty ? "(no domain)" : name.domain)</th><td>\(name.type)</td>\
            <td class="n">\(grouped(tally.sessions))</td><td class="n">\(grouped(tally.failures))</td>\
            <td class="b">\(shareBar(successes: tally.successes, failures: tally.failures))</td></tr>

            """
        }
        if policies.count > Self.maxRows {
            rows.append(more(policies.count - Self.maxRows, "more policy", "more policies"))
        }
        return """
            <h2>Policies</h2>
            <div class="scroll"><table><caption>Most failures first</caption>
            <thead><tr><th scope="col">Domain</th><th scope="col">Policy</th><th class="n" scope="col">Sessions</th>\
            <th class="n" scope="col">Failed</th><th class="b" scope="col">Share</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    private func more(_ count: Int, _ singular: String, _ plural: String? = nil) -> Markup {
        "<tr><td colspan=\"5\">\(counted(count, singular, plural))</td></tr>\n"
    }
}
