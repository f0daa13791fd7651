// SPDX-License-Identifier: Apache-2.0
import Basics

extension PostfixRules {
    /// TLS at delivery, apart from the policy map.
    func tls() -> [Diagnostic] {
        var found = level("Postfix", facts["smtp_tls_security_level"], main("smtp_tls_security_level = may"))
        for service in facts.services(running: ["smtp"]) {
            guard let level = service.overrides["smtp_tls_security_level"] else { continue }
            found += self.level(
                "service \(service.name)", level,
                Diagnostic.Cure(
                    facts.masterFile, "\(service.name.prefix { $0 != "/" }) ... smtp",
                    "  -o smtp_tls_security_level=may"))
        }
        return found + loadableAuthorities() + greeting()
    }

    /// Some hosts answer by the name that greets them, and DNS lists know it: the probe is to be what the mail is.
    private func greeting() -> [Diagnostic] {
        guard let ours = settings.heloName else { return [] }
        return facts.clients.compactMap { client in
            let given = facts.value("smtp_helo_name", for: client)
            let name = given.isEmpty ? facts["myhostname"] : given
            // What postconf could not expand is not known.
            guard !name.isEmpty, !name.contains("$"), (try? DomainName(name)) != ours else { return nil }
            let isOwn = client.overrides["smtp_helo_name"] != nil
            return .advice(
                "helo-name",
                "\(isOwn ? "service \(client.name): " : "")Postfix greets MX hosts as \(name), sts-milter's probes as \(ours) (network.helo_name): a host may answer them otherwise",
                isOwn ? nil : Diagnostic.Cure("sts-milter.toml", "[network]", "helo_name = \"\(name)\""))
        }
    }

    private func level(_ subject: String, _ level: String, _ cure: Diagnostic.Cure) -> [Diagnostic] {
        switch level.lowercased() {
        case "", "none":
            // The settings of Postfix before 2.3 still count where the level is empty.
            if level.isEmpty, facts.isYes("smtp_use_tls") || facts.isYes("smtp_enforce_tls") { return [] }
            let shown = level.isEmpty ? "is empty" : "= \(level)"
            return [
                .problem(
                    "security-level",
                    "\(subject) delivers without TLS (smtp_tls_security_level \(shown)), whatever sts-milter found out about a host",
                    cure)
            ]
        case "dane", "dane-only":
            guard facts["smtp_dns_support_level"].lowercased() != "dnssec" else { return [] }
            return [
                .problem(
                    "dnssec", "\(subject): smtp_tls_security_level = \(level) without smtp_dns_support_level = dnssec",
                    main("smtp_dns_support_level = dnssec"))
            ]
        default: return []
        }
    }
}
