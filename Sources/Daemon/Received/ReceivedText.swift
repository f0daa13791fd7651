// SPDX-License-Identifier: Apache-2.0

/// Received reports as text for a terminal: domains with failures first, and of each domain its failures first.
package struct ReceivedText {
    /// Failures and reporters of one domain that are shown, and reporters of one failure.
    private static let maxFailures = 10
    private static let maxReporters = 5
    private static let maxNames = 3
    /// Columns of the bar of the day with most failures.
    private static let barColumns = 20

    package init() {}

    package func render(_ trends: ReceivedTrends) -> String {
        guard !trends.domains.isEmpty else {
            return "nothing was reported from \(trends.firstDay) to \(trends.lastDay)\n"
        }
        return trends.domains.map { render($0).map { $0 + "\n" }.joined() }.joined(separator: "\n")
    }

    private func render(_ domain: ReceivedTrends.Domain) -> [String] {
        let reports = domain.reporters.reduce(0) { $0 + $1.reports }
        var lines = [
            "\(domain.domain): \(domain.failures) of \(domain.sessions) sessions failed, "
                + "in \(reports) reports by \(domain.reporters.count) reporters"
        ]
        if !domain.kinds.isEmpty { lines += [""] + indented(failures(domain)) }
        lines += [""] + indented(reporters(domain))
        if domain.failures > 0 { lines += [""] + indented(days(domain)) }
        return lines
    }

    private func failures(_ domain: ReceivedTrends.Domain) -> [String] {
        var table = TextTable([">failed", "from", "to", "why", "told by"])
        for kind in domain.kinds.prefix(Self.maxFailures) {
            var names = kind.reporters.prefix(Self.maxNames).joined(separator: ", ")
            if kind.reporters.count > Self.maxNames { names += " and \(kind.reporters.count - Self.maxNames) more" }
            table.add([
                "\(kind.sessions)", kind.firstDay, kind.lastDay, (kind.host.map { "\($0): " } ?? "") + kind.text, names,
            ])
        }
        return table.lines + more(domain.kinds.count - Self.maxFailures, "kinds of failure")
    }

    private func reporters(_ domain: ReceivedTrends.Domain) -> [String] {
        var table = TextTable(["reporter", ">reports", ">sessions", ">failed"])
        for one in domain.reporters.prefix(Self.maxReporters) {
            table.add([one.name, "\(one.reports)", "\(one.sessions)", "\(one.failures)"])
        }
        return table.lines + more(domain.reporters.count - Self.maxReporters, "reporters")
    }

    private func days(_ domain: ReceivedTrends.Domain) -> [String] {
        let most = domain.days.map(\.failures).max() ?? 0
        var table = TextTable(["day", ">sessions", ">failed", ""])
        for day in domain.days {
            // A day with any failure has a mark.
            let columns = most > 0 ? (day.failures * Self.barColumns + most - 1) / most : 0
            table.add([day.day, "\(day.sessions)", "\(day.failures)", String(repeating: "#", count: columns)])
        }
        return table.lines
    }

    private func more(_ count: Int, _ what: String) -> [String] { count > 0 ? ["and \(count) more \(what)"] : [] }

    private func indented(_ lines: [String]) -> [String] { lines.map { "  " + $0 } }
}
