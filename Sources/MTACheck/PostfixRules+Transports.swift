// SPDX-License-Identifier: Apache-2.0

/// What becomes of mail in a Postfix whose default_transport sends none by SMTP, such as one that was installed for local
/// mail only.
package struct MailWithoutSMTP: Sendable, Hashable {
    /// The value of default_transport.
    let transport: String
    /// Parameters that may send some mail by SMTP all the same.
    let exceptions: [String]

    package var hasExceptions: Bool { !exceptions.isEmpty }

    /// For the administrator.
    package var text: String {
        let head = "default_transport = \(transport)"
        guard hasExceptions else {
            return
                "\(head), and neither transport tables nor relay domains say otherwise: no mail leaves this Postfix by SMTP, so there is none to guard"
        }
        return
            "\(head): no mail leaves this Postfix by SMTP but what \(exceptions.joined(separator: ", ")) say; sts-milter guards that alone"
    }
}

extension PostfixFacts {
    /// Programs of Postfix that deliver nothing.
    private static let refusing: Set<String> = ["error", "retry", "discard"]
    /// Tables that name a transport for some mail.
    private static let tables = [
        "transport_maps", "sender_dependent_default_transport_maps", "mailbox_transport_maps",
        "fallback_transport_maps",
    ]
    /// Parameters that are a transport for some mail.
    private static let transports = [
        "local_transport", "virtual_transport", "content_filter", "mailbox_transport", "fallback_transport",
    ]

    /// Nil where mail leaves by default_transport.
    package var mailWithoutSMTP: MailWithoutSMTP? {
        guard refuses(self["default_transport"]) else { return nil }
        var exceptions = Self.tables.filter { !self[$0].isEmpty }
        if !self["relay_domains"].isEmpty, !refuses(self["relay_transport"]) { exceptions.append("relay_domains") }
        exceptions += Self.transports.filter { sends(self[$0]) }
        return MailWithoutSMTP(transport: self["default_transport"], exceptions: exceptions)
    }

    /// The program of a transport such as `smtp:[relay.example]`: by master.cf, or by its name where that has none.
    private func program(_ transport: String) -> String {
        let name = transport.prefix { $0 != ":" }
        return services.first { $0.name == "\(name)/unix" }?.program ?? String(name)
    }

    private func refuses(_ transport: String) -> Bool { Self.refusing.contains(program(transport)) }

    private func sends(_ transport: String) -> Bool { program(transport) == "smtp" }
}

extension PostfixRules {
    /// Said before all else, for the rest is about mail that leaves by SMTP.
    func transports() -> [Diagnostic] {
        facts.mailWithoutSMTP.map { [.advice("no-smtp", $0.text)] } ?? []
    }
}
