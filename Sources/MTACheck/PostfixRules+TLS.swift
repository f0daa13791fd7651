// SPDX-License-Identifier: Apache-2.0

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
        return found
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
