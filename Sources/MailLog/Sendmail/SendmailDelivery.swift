// SPDX-License-Identifier: Apache-2.0
import Basics

/// The line that tells how a delivery by SMTP ended for one or more recipients:
///
///     to=a@example,b@example, delay=…, xdelay=…, mailer=esmtp, pri=…, relay=mx.example. [192.0.2.1], dsn=2.0.0, stat=Sent (…)
///
/// Recipients are the sender's words, `reply=` and `stat=` the server's: fields are read from the left, in their order,
/// and only as far as `dsn=`.
struct SendmailDelivery {
    /// A server that took the mail or refused it, by name and address.
    struct Server {
        let name: SyslogOctets
        let address: IPAddress?
    }

    /// Mailers that speak SMTP to servers found by MX records. - Sendmail's cf/m4/smtp.m4.
    private static let mailers: [StaticString] = ["esmtp", "smtp", "smtp8", "dsmtp", "relay"]
    /// Domains of one line that are looked at: the line is some 1000 octets long.
    private static let maxDomains = 20

    let queueID: SyslogOctets
    /// nil where none was dialled, or none that has an address.
    let server: Server?
    let isSent: Bool
    /// Whether the server refused a sender or recipient, so that there was a session that got beyond the point where TLS
    /// begins.
    let isPastTLS: Bool
    /// Whether FEATURE(`sts') could not look its map up; the map's "try again later" looks so.
    let isRefusedByMap: Bool
    /// The only recipient; nil if there are several.
    let recipient: String?
    /// The recipients' domains, each once; nil if they have none, and for a smart host, whose sessions are no
    /// matter of theirs.
    let domains: [String]?

    /// What the fields behind `to=` say.
    enum Reading {
        case delivery(SendmailDelivery)
        /// By a mailer that does not speak SMTP, or that nobody has named.
        case foreign
        /// By none, such as a message that is put into the queue.
        case other
        case unreadable
    }

    /// - Parameter own: names of further mailers that speak SMTP.
    static func read(queueID: SyslogOctets, fields: SyslogOctets, own: Set<String>) -> Reading {
        var rest = fields
        guard let recipients = rest.takeValue() else { return .unreadable }
        var mailer: SyslogOctets?
        var relay: SyslogOctets?
        while relay == nil, !isResult(rest) {
            guard var value = rest.takeValue() else { return .unreadable }
            if mailer == nil, value.skip("mailer=") { mailer = value }
            if mailer != nil, value.skip("relay=") { relay = value }
        }
        // "relay=" comes right before the result.
        guard isResult(rest) else { return .unreadable }
        guard let mailer else { return .other }
        guard mailers.contains(where: { mailer.equals($0) }) || own.contains(where: { mailer == $0 }) else {
            return .foreign
        }
        // A host that is named by its address is the site's choice, as a smart host is.
        let isSmartHost = mailer.equals("relay") || relay?[0] == UInt8(ascii: "[")
        return .delivery(Self(queueID, recipients, isSmartHost: isSmartHost, server(relay), result: rest))
    }

    private init(
        _ queueID: SyslogOctets, _ recipients: SyslogOctets, isSmartHost: Bool, _ server: Server?, result: SyslogOctets
    ) {
        self.queueID = queueID
        self.server = server
        var rest = result
        let code = rest.hasPrefix("dsn=") ? rest.takeValue()?.dropFirst(4) : nil
        isPastTLS = code?.isOfAddress == true && rest.hasReplyToMail
        isRefusedByMap = rest.hasPrefix("stat=Deferred: ") && rest.hasSuffix("... STS lookup temp fail")
        isSent = rest.hasPrefix("stat=Sent") || rest.hasPrefix("reply=2")
        recipient = Self.only(recipients)
        let domains = isSmartHost ? [] : Self.domains(of: recipients)
        self.domains = domains.isEmpty ? nil : domains
    }

    private static func isResult(_ fields: SyslogOctets) -> Bool {
        fields.hasPrefix("dsn=") || fields.hasPrefix("stat=")
    }

    /// `mx.example. [192.0.2.1]`
    private static func server(_ relay: SyslogOctets?) -> Server? {
        guard var rest = relay, rest[0] != UInt8(ascii: "["), let name = rest.take(until: .blank), rest.skip("["),
            let end = rest.index(of: UInt8(ascii: "]"))
        else { return nil }
        return Server(name: name, address: IPAddress(literal: rest.prefix(end).text))
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
        return address.mailDomain?.ascii
    }
}

extension SyslogOctets {
    /// Whether the status is one of an address or mailbox, or greylisting's: neither a greeting nor EHLO is answered so.
    /// - RFC 3463 §3.2: Address Status, §3.3: Mailbox Status.
    fileprivate var isOfAddress: Bool {
        guard self[1] == UInt8(ascii: "."), self[3] == UInt8(ascii: ".") else { return false }
        return self[2] == UInt8(ascii: "1") || self[2] == UInt8(ascii: "2") || equals("4.7.1")
    }

    /// Whether a server's own reply stands there that refuses mail, and does not end the session. - RFC 5321 §4.2.2.
    fileprivate var hasReplyToMail: Bool {
        let codes: [StaticString] = [
            "reply=450", "reply=451", "reply=452", "reply=550", "reply=551", "reply=552", "reply=553",
        ]
        return codes.contains { hasPrefix($0) }
    }

    /// Takes an address from a list without blanks, with the comma behind it.
    fileprivate mutating func takeRecipient() -> SyslogOctets {
        var isQuoted = false
        var position = 0
        while let octet = self[position] {
            if octet == UInt8(ascii: "\\") { position += 1 }
            if octet == UInt8(ascii: "\"") { isQuoted.toggle() }
            if octet == .comma, !isQuoted { break }
            position += 1
        }
        let recipient = prefix(position)
        self = dropFirst(position + 1)
        return recipient
    }
}
