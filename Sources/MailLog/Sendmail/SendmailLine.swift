// SPDX-License-Identifier: Apache-2.0

/// What a message of Sendmail says about a session with a server. The rest of what it logs is no case of it.
///
/// Lines about TLS carry no queue id; relays are written with or without a final dot. Checked against Sendmail 8.17.
enum SendmailLine {
    /// TLS stands (LogLevel 9).
    case established(relay: SyslogOctets, SendmailVerify)
    /// Why the certificate of the session that comes next fails (LogLevel 14).
    case certificateError(SyslogOctets)
    /// Why the certificate of the last session fails, or "ok" (LogLevel 12).
    case verifyMessage(SyslogOctets)
    /// The handshake failed; a refusal by `tls_server` tells with whom.
    case handshakeFailed
    /// FEATURE(`sts`) has a policy for the host that comes next, so that names are compared (LogLevel 14).
    case namesCompared
    /// The rules could not say how to start TLS, so that none was tried.
    case localFailure
    /// The ruleset `try_tls` has Sendmail try no TLS with the host that comes next.
    case unwanted(host: SyslogOctets)
    /// The ruleset `tls_server` refuses the session.
    case refused(relay: SyslogOctets, SendmailVerify, text: SyslogOctets)
    /// The ruleset `tls_rcpt` refuses the session for a recipient.
    case refusedFor(recipient: SyslogOctets, relay: SyslogOctets, text: SyslogOctets)
    case delivery(SendmailDelivery)
    /// The end of a delivery by a mailer that is none of those whose sessions count: what it had of sessions is nobody else's.
    case foreign
    /// The end of a delivery to recipients who cannot be told: its sessions are nobody else's.
    case unreadable(queueID: SyslogOctets)

    /// Longest queue id taken, in octets: Sendmail's own have 14 or 15.
    private static let maxQueueIDOctets = 32

    /// - Parameter own: names of further mailers that speak SMTP.
    init?(_ message: SyslogOctets, mailers own: Set<String>) {
        let line: SendmailLine? =
            switch message[0] {
            case UInt8(ascii: "S"): Self.tls(message)
            case UInt8(ascii: "r"): Self.ruling(message)
            case UInt8(ascii: "t"): Self.features(message)
            default: Self.queued(message, own)
            }
        guard let line else { return nil }
        self = line
    }

    private static func tls(_ message: SyslogOctets) -> SendmailLine? {
        var rest = message
        if rest.skip("STARTTLS: TLS cert verify: ") {
            // Subjects are the host's own words: the reason is what comes last.
            guard rest.index(of: ", state=0, reason=") != nil else { return nil }
            return rest.after(last: ", reason=").map { .certificateError($0) }
        }
        guard rest.skip("STARTTLS=client, ") else { return nil }
        if rest.hasPrefix("cert-subject=") { return rest.after(last: ", verifymsg=").map { .verifyMessage($0) } }
        if rest.hasPrefix("error: connect failed=") { return .handshakeFailed }
        if rest.hasPrefix("get_tls_se_features=failed") { return .localFailure }
        guard rest.skip("relay="), let relay = rest.take(until: .comma), rest.skip(" version="),
            rest.take(until: .comma) != nil, rest.skip(" verify="), let word = rest.take(until: .comma)
        else { return nil }
        return .established(relay: relay, SendmailVerify(word))
    }

    /// `ruleset=tls_server, arg1=FAIL, relay=mx.example, reject=403 4.7.0 authentication failed`
    private static func ruling(_ message: SyslogOctets) -> SendmailLine? {
        var rest = message
        if rest.hasPrefix("ruleset=tls_clt_features, ") { return .localFailure }
        if rest.skip("ruleset=try_tls, arg1=") { return rest.take(until: .comma).map { .unwanted(host: $0) } }
        if rest.skip("ruleset=tls_rcpt, arg1=") { return recipientRule(rest) }
        guard rest.skip("ruleset=tls_server, arg1="), let word = rest.take(until: .comma), rest.skip(" relay="),
            let relay = rest.take(until: .comma), rest.skip(" reject=")
        else { return nil }
        return .refused(relay: relay, SendmailVerify(word), text: rest)
    }

    /// `u@example, relay=mx.example., reject=450 4.7.0 u@example... mx.example not listed in SANs`
    private static func recipientRule(_ text: SyslogOctets) -> SendmailLine? {
        var rest = text
        guard let recipient = rest.takeValue(), rest.skip("relay="), let relay = rest.takeValue(), rest.skip("reject=")
        else { return nil }
        return .refusedFor(recipient: recipient, relay: relay, text: rest)
    }

    private static func features(_ message: SyslogOctets) -> SendmailLine? {
        message.hasPrefix("tls_clt_features=parsed, sts=secure,") ? .namesCompared : nil
    }

    private static func queued(_ message: SyslogOctets, _ own: Set<String>) -> SendmailLine? {
        var rest = message
        guard let end = message.prefix(maxQueueIDOctets + 1).index(of: .colon), end > 0,
            message.prefix(end).allSatisfy(\.isLetterOrDigit)
        else { return nil }
        rest = rest.dropFirst(end + 1)
        guard rest.skip(" ") else { return nil }
        if rest.skip("to=") {
            let queueID = message.prefix(end)
            return switch SendmailDelivery.read(queueID: queueID, fields: rest, own: own) {
            case .delivery(let delivery): .delivery(delivery)
            case .foreign: .foreign
            case .other: nil
            // Not Postfix's: its lines have neither.
            case .unreadable: rest.mentions([", stat=", ", mailer="]) ? .unreadable(queueID: queueID) : nil
            }
        }
        return rest.hasPrefix("ruleset=") ? ruling(rest) : nil
    }
}

extension SyslogOctets {
    /// What stands behind the last `text`.
    fileprivate func after(last text: StaticString) -> SyslogOctets? {
        var found: SyslogOctets?
        var rest = self
        while let place = rest.index(of: text) {
            rest = rest.dropFirst(place + text.utf8CodeUnitCount)
            found = rest
        }
        return found
    }

    /// Takes a value up to the `, ` behind it and steps over both. Within quotes, which an address may have, is no end.
    mutating func takeValue() -> SyslogOctets? {
        var isQuoted = false
        var position = 0
        while let octet = self[position] {
            switch octet {
            case UInt8(ascii: "\\"): position += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case .comma where !isQuoted && self[position + 1] == .blank:
                let value = prefix(position)
                self = dropFirst(position + 2)
                return value
            default: break
            }
            position += 1
        }
        return nil
    }
}

extension UInt8 {
    static let comma = UInt8(ascii: ",")
}
