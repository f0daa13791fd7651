// SPDX-License-Identifier: Apache-2.0
import HTML
import Status
import TLSRPT

/// The operator's own domains: what was seen of them, and what others reported, failures first.
struct OwnPage {
    /// Domains, kinds of failure and reporters of one domain, and names of one failure, that are shown.
    private static let maxDomains = 50
    private static let maxRows = 50
    private static let maxNames = 5

    let report: OwnDomainsReport

    var answer: Answer {
        let received = report.received.prefix(Self.maxDomains).map(section)
        let none: Markup = """
            <p class="calm">Nothing was reported. Others mail reports to the address of the record _smtp._tls, and \
            <code>report.maildir</code> or <code>sts-milter report receive</code> takes them.</p>

            """
        return Frame(place: .own, title: "Own domains").page(
            """
            <h2>As others see them</h2>
            \(watched)<h2>As others report</h2>
            <p class="soft">the last \(report.days) days, domains with most failures first. Anybody can send a report: it is \
            no proof.</p>
            \(received.isEmpty ? none : "\(received)")\(more(report.received.count - Self.maxDomains, "domains"))
            """)
    }

    private var watched: Markup {
        guard !report.watched.isEmpty else {
            return "<p class=\"calm\">No domain is watched: name yours in <code>watch</code>.</p>\n"
        }
        // What has trouble first; the order of the settings otherwise.
        let domains = report.watched.filter { !$0.troubles.isEmpty } + report.watched.filter(\.troubles.isEmpty)
        let rows: [Markup] = domains.map { domain in
            let troubles: [Markup] = domain.troubles.map { "<li class=\"failed\">\($0)</li>" }
            let state: Markup =
                domain.seenAt == nil
                ? "not looked at yet" : troubles.isEmpty ? "in order" : "<ul>\(troubles)</ul>"
            let seen: Markup = domain.seenAt.map { moment($0, $0.age(at: report.at)) } ?? "never"
            return """
                <tr><th scope="row">\(domain.domain)</th><td>\(state)</td>\
                <td class="n">\(domain.daysLeft.map(grouped) ?? "not seen")</td><td>\(seen)</td></tr>

                """
        }
        return table(
            "Own domains",
            [head("Domain"), head("State"), numberHead("Days to the end of a certificate"), head("Last look")], rows)
    }

    private func section(_ domain: OwnDomainsReport.Received) -> Markup {
        let days = domain.days.mapValues { Tally(successes: $0.successes, failures: $0.failures) }
        return """
            <h3>\(domain.domain)</h3>
            <p\(domain.failures > 0 ? " class=\"failed\"" : "")>\
            \(outcome(successes: domain.successes, failures: domain.failures))</p>
            \(failures(domain))\(sessionDays(days, of: domain.domain))\(reporters(domain))
            """
    }

    private func failures(_ domain: OwnDomainsReport.Received) -> Markup {
        guard !domain.kinds.isEmpty else { return "" }
        let rows: [Markup] = domain.kinds.prefix(Self.maxRows).map { kind in
            var names = kind.reporters.prefix(Self.maxNames).joined(separator: ", ")
            if kind.reporters.count > Self.maxNames { names += " and \(kind.reporters.count - Self.maxNames) more" }
            let days = kind.firstDay == kind.lastDay ? "\(kind.lastDay)" : "\(kind.firstDay) to \(kind.lastDay)"
            return """
                <tr><td class="n">\(grouped(kind.sessions))</td><th scope="row">\(kind.host ?? "no host named")</th>\
                <td>\(kind.text)</td><td>\(days)</td><td>\(names)</td></tr>

                """
        }
        return table(
            "What failed at \(domain.domain)",
            [numberHead("Failed"), head("Host"), head("Cause"), head("Days"), head("Told by")], rows)
            + more(domain.kinds.count - Self.maxRows, "kinds of failure")
    }

    private func reporters(_ domain: OwnDomainsReport.Received) -> Markup {
        let rows: [Markup] = domain.reporters.prefix(Self.maxRows).map { one in
            """
            <tr><th scope="row">\(one.name)</th><td class="n">\(grouped(one.reports))</td>\
            <td class="n">\(grouped(one.sessions))</td><td class="n">\(grouped(one.failures))</td></tr>

            """
        }
        return table(
            "Who reports on \(domain.domain)",
            [head("Reporter"), numberHead("Reports"), numberHead("Sessions"), numberHead("Failed")], rows)
            + more(domain.reporters.count - Self.maxRows, "reporters")
    }

    private func more(_ count: Int, _ what: String) -> Markup {
        count > 0 ? "<p class=\"soft\">and \(grouped(count)) more \(what)</p>\n" : ""
    }
}
