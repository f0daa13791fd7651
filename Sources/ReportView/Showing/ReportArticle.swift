// SPDX-License-Identifier: Apache-2.0
import HTML
import TLSRPT

/// One report of the page.
struct ReportArticle {
    /// Most lines of a policy that are shown.
    private static let maxPolicyLines = 50

    let digest: ReportDigest

    var markup: Markup {
        let sender = digest.organization ?? digest.contact ?? "unnamed sender"
        var facts: [Markup] = []
        if let contact = digest.contact { facts.append("contact \(contact)") }
        if !digest.reportID.isEmpty { facts.append("report \(digest.reportID)") }
        facts.append("file \(digest.source)")
        var more: Markup = ""
        if digest.omittedPolicies > 0 {
            let sum = outcome(successes: digest.omitted.successes, failures: digest.omitted.failures)
            more = "<p>\(counted(digest.omittedPolicies, "more policy", "more policies")): \(sum)</p>\n"
        }
        let separated = facts.map { "<span>\($0)</span>" as Markup }
        return """
            <article><h3>\(sender), \(digest.dateRange.period)</h3>
            <p>\(outcomeMarkup(digest.successes, digest.failures))</p>
            <p class="soft">\(joined(separated, with: " · "))</p>
            \(digest.policies.map(section))\(more)</article>

            """
    }

    private func section(_ policy: PolicyDigest) -> Markup {
        let strings = policy.policy.strings
        var lines = strings.prefix(Self.maxPolicyLines).map { "<code>\($0)</code>" as Markup }
        if strings.count > lines.count { lines.append("\(grouped(strings.count - lines.count)) more") }
        var text: Markup = ""
        if !lines.isEmpty { text += "<p class=\"soft\">policy \(joined(lines, with: "; "))</p>\n" }
        if !policy.policy.mxHosts.isEmpty, !strings.contains(where: { $0.hasPrefix("mx:") }) {
            let hosts = policy.policy.mxHosts.prefix(Self.maxPolicyLines).map { "<code>\($0)</code>" as Markup }
            text += "<p class=\"soft\">mx \(joined(hosts, with: "; "))</p>\n"
        }
        let name = "\(policy.policy.type.text) \(policy.policy.domain ?? "(no domain)")"
        return """
            <section><h4>\(name)</h4>
            <p>\(outcomeMarkup(policy.successes, policy.failures))</p>
            \(shareBar(successes: policy.successes, failures: policy.failures))
            \(text)\(table(policy))</section>

            """
    }

    private func table(_ policy: PolicyDigest) -> Markup {
        var rows = policy.kinds.map { row(sessions: $0.sessions, $0.details) }
        if policy.omittedKinds > 0 {
            rows.append(note(policy.omittedSessions, "\(counted(policy.omittedKinds, "more kind")) of failure"))
        }
        if policy.unexplained > 0 { rows.append(note(policy.unexplained, "without details")) }
        guard !rows.isEmpty else { return "" }
        return """
            <div class="scroll"><table><caption>Failures, by sessions</caption>
            <thead><tr><th class="n" scope="col">Sessions</th><th scope="col">Result</th>\
            <th scope="col">Receiving host</th><th scope="col">Sent from</th><th scope="col">Reason</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    private func row(sessions: Int, _ details: FailureDetails) -> Markup {
        // An address or a link of somebody else's report is shown, never offered to be followed.
        let host = [
            details.receivingMXHostname, details.receivingIP.map { "[\($0)]" },
            details.receivingMXHelo == details.receivingMXHostname
                ? nil : details.receivingMXHelo.map { "greets as \($0)" },
        ]
        let reason = [details.reasonCode, details.additionalInformation]
        return """
            <tr><td class="n">\(grouped(sessions))</td><th scope="row">\(details.type.text)</th>\
            <td>\(lines(host))</td><td>\(details.sendingMTAIP ?? "")</td><td>\(lines(reason))</td></tr>

            """
    }

    private func note(_ sessions: Int, _ text: String) -> Markup {
        "<tr><td class=\"n\">\(grouped(sessions))</td><th scope=\"row\" colspan=\"4\">\(text)</th></tr>\n"
    }

    private func lines(_ texts: [String?]) -> Markup {
        joined(texts.compactMap { $0 }.filter { !$0.isEmpty }.map { "\($0)" as Markup }, with: "<br/>")
    }
}

/// The outcome in words, marked where something failed.
func outcomeMarkup(_ successes: Int, _ failures: Int) -> Markup {
    let text = outcome(successes: successes, failures: failures)
    return failures > 0 ? "<span class=\"failed\">\(text)</span>" : "\(text)"
}

private func joined(_ parts: [Markup], with separator: Markup) -> Markup {
    var whole: Markup = ""
    for (index, part) in parts.enumerated() {
        if index > 0 { whole += separator }
        whole += part
    }
    return whole
}
