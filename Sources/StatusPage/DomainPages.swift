// SPDX-License-Identifier: Apache-2.0
import Basics
import HTML
import Status
import TLSRPT

/// The stored policies, a piece at a time.
struct DomainsPage {
    let list: DomainList
    let query: String
    let now: Stamp

    var answer: Answer {
        let rows: [Markup] = list.rows.map { row in
            """
            <tr><th scope="row">\(link(row.domain))</th><td>\(row.mode)</td>\
            <td>\(moment(row.fetched, row.fetched.age(at: now)))</td>\
            <td>\(moment(row.expires, row.expires.wait(from: now)))</td></tr>

            """
        }
        return Frame(place: .domains, title: "Domains").page(
            """
            <form action="/domains" method="get" role="search"><label for="q">Name holds</label> \
            <input id="q" name="q" type="search" maxlength="253" value="\(query)"/> <button>Find</button></form>
            \(stored(rows))\(more)
            """)
    }

    private func stored(_ rows: [Markup]) -> Markup {
        if let problem = list.problem { return storeProblem(problem) }
        guard !rows.isEmpty else {
            return "<p class=\"calm\">No policy is stored\(query.isEmpty ? "" : " under such a name").</p>\n"
        }
        return table("Stored policies", [head("Domain"), head("Mode"), head("Fetched"), head("Ends")], rows)
    }

    private var more: Markup {
        guard list.hasMore, let last = list.rows.last else { return "" }
        return "<p><a href=\"/domains?q=\(query)&amp;after=\(last.domain)\">Next domains</a></p>\n"
    }
}

/// One domain: what memory and store know of it.
struct DomainPage {
    /// Lines of a policy that are shown; who publishes it may write thousands.
    private static let maxLines = 50

    let report: DomainReport

    var answer: Answer {
        Frame(place: nil, title: report.domain).page(
            """
            <p class="soft">from memory, as of <time datetime="\(report.at.description)">\(report.at.description)</time>. \
            <code>sts-milter check \(report.domain)</code> asks the network now.</p>
            \(problem)\(verdict)\(held)<h2>Policy</h2>
            \(policy)<h2>MX hosts</h2>
            \(hosts)\(sessions)<h2>Reports</h2>
            \(reports)
            """)
    }

    private var problem: Markup { report.problem.map(storeProblem) ?? "" }

    private var verdict: Markup {
        guard let word = report.verdict else {
            return "<p>Not all is in memory that a verdict needs: no mail to the domain was judged of late.</p>\n"
        }
        return "<p class=\"verdict\"><b>\(word)</b>: \(report.explanation)</p>\n"
    }

    private var held: Markup {
        guard let held = report.held else { return "" }
        return """
            <p class="failed">Mail is held since \(moment(held.since, held.since.age(at: report.at))), \
            last try \(moment(held.lastTry, held.lastTry.age(at: report.at))): \(held.reason)</p>
            <p><b>What to do:</b> \(held.whatToDo)</p>

            """
    }

    private var policy: Markup {
        guard let policy = report.policy else { return "<p>\(report.policyText)</p>\n" }
        var lines: [Markup] = policy.lines.prefix(Self.maxLines).map { "\($0)\n" }
        if policy.lines.count > Self.maxLines { lines.append("and \(policy.lines.count - Self.maxLines) more lines\n") }
        var pairs: [(String, Markup)] = [("mode", "\(policy.mode)")]
        switch policy.life {
        case .fetched(let fetched, let expires):
            pairs += [
                ("id", "<code>\(policy.id)</code>"), ("from", "\(policy.origin)"),
                ("fetched", moment(fetched, fetched.age(at: report.at))),
                ("ends", moment(expires, expires.wait(from: report.at))),
            ]
        case .until(let end):
            pairs.append(("from", policy.origin == "pinned" ? "a pin of the settings" : "the preload list"))
            if let end { pairs.append(("until", "\(end)")) }
        }
        return facts(pairs) + "<pre tabindex=\"0\" aria-label=\"The policy\">\(lines)</pre>\n"
    }

    private var hosts: Markup {
        guard !report.hosts.isEmpty else { return "<p>\(report.routeText ?? "not in memory")</p>\n" }
        let rows: [Markup] = report.hosts.map { host in
            let facts: [Markup] = host.facts.map { "<br/>\($0)" }
            let state: Markup = host.isFailing ? "<span class=\"failed\">\(host.state)</span>" : "\(host.state)"
            return """
                <tr><td class="n">\(host.preference)</td><th scope="row">\(host.name)</th>\
                <td>\(host.pattern ?? "in no pattern of the policy")</td><td>\(state)\(facts)</td></tr>

                """
        }
        return table(
            "MX hosts", [numberHead("Preference"), head("Host"), head("Pattern of the policy"), head("Last seen")],
            rows)
    }

    private var sessions: Markup {
        let days = report.days.mapValues { Tally(successes: $0.successes, failures: $0.failures) }
        if days.isEmpty, report.problem != nil { return "" }
        guard !days.isEmpty else { return "<h2>Sessions</h2>\n<p>None were counted in the last 14 days.</p>\n" }
        return "<h2>Sessions</h2>\n\(sessionDays(days, of: report.domain))"
    }

    private var reports: Markup {
        guard !report.reports.isEmpty else {
            return report.problem == nil ? "<p>None in the last days.</p>\n" : "<p>They cannot be read.</p>\n"
        }
        return ReportTable(rows: report.reports, now: report.at, namesDomain: false).markup
    }
}
