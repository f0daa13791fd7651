// SPDX-License-Identifier: Apache-2.0
import Basics

/// What an MTA's routes leave of the guard, and several Postfixes on one machine.
extension PostfixRules {
    /// - RFC 8461 §3.4: a smart host is a policy domain of its own.
    func routes() -> [Diagnostic] { relayhost() + senderRelayhosts() + contentFilter() }

    private func relayhost() -> [Diagnostic] {
        let relay = facts["relayhost"]
        guard !relay.isEmpty else { return [] }
        return [
            .advice(
                "relayhost",
                "relayhost = \(relay): mail goes there, and only the policy of that name counts; recipients' own policies are for the relay to keep, so it needs sts-milter, too. A pin holds the way to it to TLS",
                pin(relay))
        ]
    }

    /// Only of a host: which MX hosts a domain has is not in main.cf.
    private func pin(_ relay: String) -> Diagnostic.Cure? {
        guard relay.hasPrefix("["), let end = relay.firstIndex(of: "]"),
            let host = try? DomainName(String(relay[..<end].dropFirst())), host.labelCount > 1
        else { return nil }
        return Diagnostic.Cure(
            "sts-milter.toml", "[[pin]]", "domain = \"\(host)\"", "mode = \"enforce\"", "mx = [\"\(host)\"]")
    }

    private func senderRelayhosts() -> [Diagnostic] {
        let name = "sender_dependent_relayhost_maps"
        guard !facts[name].isEmpty else { return [] }
        return [
            .advice(
                "sender-relayhosts",
                "\(name) = \(facts[name]): mail of the senders in it goes to their relays, and only the policies of those names count; the relays have to keep the recipients' policies"
            )
        ]
    }

    private func contentFilter() -> [Diagnostic] {
        let values = facts.services(running: ["smtpd"]).map { facts.value("content_filter", for: $0) }
        guard let filter = ([facts["content_filter"]] + values).first(where: { !$0.isEmpty }) else { return [] }
        return [
            .advice(
                "content-filter",
                "content_filter = \(filter): mail goes through it, and the route may change on the way. The milter belongs to the smtpd that takes the mail back from the filter (-o smtpd_milters in master.cf), not to the one before it; or use the policy map alone"
            )
        ]
    }

    func instances() -> [Diagnostic] {
        let others = PostfixList.elements(facts["multi_instance_directories"])
        guard !others.isEmpty else { return [] }
        return [
            .advice(
                "several-postfixes",
                "this machine has other Postfixes, which were not looked at: "
                    + others.map { "sts-milter check-mta postfix --config-dir \($0)" }.joined(separator: "; "))
        ]
    }
}
