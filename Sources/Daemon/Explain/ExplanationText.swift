// SPDX-License-Identifier: Apache-2.0
import Basics

/// An explanation as lines for a terminal.
package struct ExplanationText {
    private let keptFor: Duration

    /// - Parameter keptFor: the setting `store.explain_for`.
    package init(keptFor: Duration) { self.keptFor = keptFor }

    package func render(_ explanation: Explanation) -> String {
        guard explanation.isKnown else { return unknown(explanation.queueID) }
        var lines: [String] = []
        for message in explanation.messages {
            lines.append("\(explanation.queueID): \(inWords(message.answer)) at \(message.ended)")
            if let reply = message.reply { lines.append(line("told", reply)) }
            if message.requiresTLS {
                lines.append(line("REQUIRETLS", "asked for, so the header TLS-Required is ignored"))
            }
            for recipients in message.recipients { lines += describe(recipients) }
            if message.omitted > 0 { lines.append("  and \(message.omitted) more recipients, which are not kept") }
        }
        if explanation.messages.isEmpty { lines.append("\(explanation.queueID): the milter knows nothing of it") }
        lines += deliveries(explanation.deliveries)
        return lines.map { $0 + "\n" }.joined()
    }

    /// What it may mean that nothing is known.
    private func unknown(_ id: String) -> String {
        guard keptFor > .zero else {
            return "\(id): nothing is known, for nothing is kept: store.explain_for is 0s\n"
        }
        return """
            \(id): nothing is known of this message. One of these is so:
              it is older than \(keptFor.written) (store.explain_for), or more mail came since than is kept
              it came within the last seconds, and is not written yet
              it never passed the milter of this sts-milter: another instance has it, or the MTA asks no milter for it
              all its recipients are local, or leave by a transport that is not judged (milter.transports)
              it was refused before it had a queue id: the log has such verdicts with queue_id=NOQUEUE

            """
    }

    private func inWords(_ answer: String) -> String {
        switch answer {
        case "accepted": "the milter let it go on"
        case "let-through-by-tls-required": "let through by its header TLS-Required: No"
        case "let-through-by-pause": "let through by a pause"
        case "deferred": "all of it was deferred"
        case "put-on-hold": "put on hold"
        case "gone":
            "it never came to its end: recipients were deferred, somebody else refused it, or the client gave up"
        default: answer
        }
    }

    private func describe(_ recipients: Explanation.Recipients) -> [String] {
        let to = "  to \(recipients.domain ?? "an address without a domain"): "
        guard let verdict = recipients.verdict, let action = recipients.action else {
            return [to + recipients.explanation]
        }
        var lines = [to + "\(verdict), action \(action)", line("why", recipients.explanation)]
        if let reply = recipients.reply { lines.append(line("told", reply)) }
        lines.append(line("next hop", recipients.nextHops.joined(separator: ", ")))
        if let rule = recipients.rule { lines.append(line("rule", rule)) }
        if recipients.isLocalSubmission { lines.append(line("submission", "by sendmail(1)")) }
        lines.append(
            line("policy", recipients.policy.map { describe($0) } ?? (verdict == "unknown" ? "not known" : "none")))
        if !recipients.hosts.isEmpty || !recipients.otherTargets.isEmpty {
            lines.append(line("MX records", recipients.mxSecure == true ? "signed" : "not signed, so no DANE"))
        }
        lines += recipients.hosts.map { line("MX", describe($0, hasPolicy: recipients.policy != nil)) }
        lines += recipients.otherTargets.map { line("MX", "\($0): not looked at") }
        if let enforcement = recipients.enforcement { lines.append(line("enforcement", enforcement)) }
        return lines
    }

    private func describe(_ policy: Explanation.PolicySeen) -> String {
        let mx = "mx \(policy.mx.joined(separator: " "))"
        return switch policy.source {
        case "pinned": "mode \(policy.mode), a pin of the settings, \(mx)"
        case "preloaded": "mode \(policy.mode), of the preload list, \(mx)"
        default:
            "mode \(policy.mode), id \(policy.id), fetched \(policy.fetched) (\(age(policy.ageSeconds)) before), "
                + "expires \(policy.expires), \(mx)"
        }
    }

    private func age(_ seconds: Int64) -> String {
        let units: [(Int64, String)] = [(86_400, "d"), (3600, "h"), (60, "m")]
        let unit = units.first { seconds >= 2 * $0.0 } ?? (1, "s")
        return "\(max(0, seconds) / unit.0)\(unit.1)"
    }

    private func describe(_ host: Explanation.Host, hasPolicy: Bool) -> String {
        var text = "\(host.preference) \(host.name)" + (host.port == 25 ? "" : ":\(host.port)")
        if let address = host.address { text += " [\(address)]" }
        text += ": \(host.status.rawValue)" + (host.authentication.map { " by \($0)" } ?? "")
        if let type = host.resultType { text += ", \(type)" }
        if let said = host.text { text += ": \(said)" }
        if let end = host.certificateEnds { text += ", certificate valid to \(end)" }
        if hasPolicy { text += host.pattern.map { ", pattern \($0)" } ?? ", in no mx pattern of the policy" }
        return text
    }

    private func deliveries(_ deliveries: [Explanation.Delivery]) -> [String] {
        guard !deliveries.isEmpty else {
            return [
                "  of its delivery nothing was heard: not tried yet, by a connection that was open, or no log is followed"
            ]
        }
        return deliveries.map { delivery in
            let place = (delivery.host ?? "-") + (delivery.address.map { "[\($0)]" } ?? "")
            var text = "  delivery at \(delivery.time)"
            if let domain = delivery.domain { text += " to \(domain)" }
            if delivery.result == "refused-by-map" {
                text += ": not let go by the policy map" + (delivery.refusal.map { ": \($0)" } ?? "")
            } else {
                text += ": \(place): \(delivery.result)"
            }
            if let reason = delivery.reason { text += " (\(reason))" }
            if let verification = delivery.verification { text += " (\(verification))" }
            return text
        }
    }

    private func line(_ name: String, _ text: String) -> String {
        "    " + name + String(repeating: " ", count: max(1, 13 - name.count)) + text
    }
}
