// SPDX-License-Identifier: Apache-2.0
import HTML
import Status

/// What became of the reports of the last days.
struct ReportsPage {
    let report: StatusReport
    let list: ReportList

    var answer: Answer {
        let reports = report.reports
        var pairs: [(String, Markup)] = [("due now", "\(grouped(reports.due))")]
        if let next = reports.nextTry { pairs.append(("next try", moment(next, next.wait(from: report.at)))) }
        if let last = reports.lastRun { pairs.append(("last day finished", moment(last, last.age(at: report.at)))) }
        pairs += reports.counts.sorted { $0.key < $1.key }.map { ($0.key, "\(grouped($0.value))") }
        if reports.suppressed > 0 { pairs.append(("destinations left alone", "\(grouped(reports.suppressed))")) }
        let obstacle: Markup = reports.obstacle.map { "<p class=\"failed\">\($0)</p>\n" } ?? ""
        return Frame(place: .reports, title: "Reports").page(
            """
            <p class="soft">the last 7 days, failures first</p>
            \(obstacle)\(facts(pairs))\(deliveries)
            """)
    }

    private var deliveries: Markup {
        if let problem = list.problem { return storeProblem(problem) }
        guard !list.rows.isEmpty else { return "<p class=\"calm\">No report was made yet.</p>\n" }
        return ReportTable(rows: list.rows, now: report.at, namesDomain: true).markup
    }
}

/// A table of deliveries.
struct ReportTable {
    let rows: [ReportRow]
    let now: Stamp
    let namesDomain: Bool

    var markup: Markup {
        var heads = [head("Day")]
        if namesDomain { heads.append(head("Domain")) }
        heads += [head("State"), head("Destination"), head("Said last")]
        return table("Deliveries of reports", heads, rows.map(row))
    }

    private func row(_ row: ReportRow) -> Markup {
        let domain: Markup = namesDomain ? "<td>\(link(row.domain))</td>" : ""
        let state: Markup = row.isFailure ? "<span class=\"failed\">\(row.state)</span>" : "\(row.state)"
        let next: Markup = row.nextTry.map { "<br/>next \(moment($0, $0.wait(from: now)))" } ?? ""
        return """
            <tr><th scope="row">\(row.day)</th>\(domain)<td>\(state)\(next)</td>\
            <td>\(row.destination ?? "none")</td><td>\(row.text)</td></tr>

            """
    }
}
