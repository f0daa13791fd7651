// SPDX-License-Identifier: Apache-2.0
import Basics

/// The line that tells how a delivery ended for one or more recipients:
///
///     to=a@example,b@example, delay=…, xdelay=…, mailer=esmtp, pri=…, relay=mx.example. [192.0.2.1], dsn=2.0.0, stat=Sent (…)
///
/// Recipients are the sender's words, `reply=` and `stat=` the server's: fields are read from the left, in their order,
/// and only as far as `dsn=`.
struct SendmailDelivery {
    /// Mailers that speak SMTP to servers found by MX records. - Sendmail's cf/m4/smtp.m4.
    private static let mailers: [StaticString] = ["esmtp", "smtp", "smtp8", "dsmtp", "relay"]
    /// Domains of one line that are looked at: the line is some 1000 octets long.
    private static let maxDomains = 20

    let queueID: SyslogOctets
    let relay: SyslogOctets
    let address: IPAddress?
    let isSent: Bool
    /// Whether FEATURE(`sts') could not look its map up; the map's "try again later" looks so.
    let isRefusedByMap: Bool
    /// The only recipient; nil if there are several.
    let recipient: String?
    /// The recipients' domains, each once; nil if they have none, and for a smart host, whose sessions are no
    /// matter of theirs.
    let domains: [String]?

    /// - Returns: nil unless a server was dialled.
    init?(queueID: SyslogOctets, fields: SyslogOctets) {
        var rest = fields
        guard let recipients = rest.takeValue() else { return nil }
        var mailer: SyslogOctets?
        var relay: SyslogOctets?
        while relay == nil {
            guard let field = rest.takeValue() else { return nil }
            var value = field
            if mailer == nil, value.skip("mailer=") { mailer = value }
            if mailer != nil, value.skip("relay=") { relay = value }
        }
        guard let mailer, Self.mailers.contains(where: { mailer.equals($0) }), var name = relay,
            let host = name.take(until: .blank), host[0] != UInt8(ascii: "["), name[0] == UInt8(ascii: "["),
            let end = name.index(of: UInt8(ascii: "]")), rest.hasPrefix("dsn=")
        else { return nil }
        self.queueID = queueID
        self.relay = host
        address = IPAddress(literal: name.prefix(end).dropFirst(1).text)
        _ = rest.takeValue()
        isRefusedByMap = rest.hasPrefix("stat=Deferred: ") && rest.hasSuffix("... STS lookup temp fail")
        isSent = rest.hasPrefix("stat=Sent") || rest.hasPrefix("reply=2")
        recipient = Self.only(recipients)
        let domains = mailer.equals("relay") ? [] : Self.domains(of: recipients)
        self.domains = domains.isEmpty ? nil : domains
    }

    private static func only(_ recipients: SyslogOctets) -> String? {
        var rest = recipients
        let first = rest.takeRecipient()
        guard rest.isEmpty else { return nil }
        let address =
            first[0] == UInt8(ascii: "<") && first.last == UInt8(ascii: ">") ? first.dropFirst(1).dropLast(1) : first
        return address.text
    }

    private static func domains(of recipients: SyslogOctets) -> [String] {
        var found: [String] = []
        var rest = recipients
        while !rest.isEmpty, found.count < maxDomains {
            let recipient = rest.takeRecipient()
            if let domain = domain(of: recipient), !found.contains(domain) { found.append(domain) }
        }
        return found
    }

    /// The domain of an address, in A-labels.
    static func domain(of recipient: SyslogOctets) -> String? {
        let address = recipient.last == UInt8(ascii: ">") ? recipient.dropLast(1) : recipient
        return address.lastIndex(of: UInt8(ascii: "@"))
            .flatMap { try? DomainName(address.dropFirst($0 + 1).text) }?.ascii
    }
}

extension SyslogOctets {
    /// Takes an address from a list without blanks, with the comma behind it.
    fileprivate mutating func takeRecipient() -> SyslogOctets {
        var isQuoted = false
        var position = 0
        while let octet = self[position] {
            if octet == UInt8(ascii: "\\"), isQuoted { position += 1 }
            if octet == UInt8(ascii: "\"") { isQuoted.toggle() }
            if octet == .comma, !isQuoted { break }
            position += 1
        }
        let recipient = prefix(position)
        self = dropFirst(position + 1)
        return recipient
    }
}
