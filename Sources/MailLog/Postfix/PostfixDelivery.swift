// SPDX-License-Identifier: Apache-2.0

/// The line that ends a delivery to one recipient.
///
///     QUEUEID: to=<u@example.org>, relay=mx.example.org[192.0.2.1]:25, conn_use=2, delay=0.1, delays=0/0/0.1/0,
///         tls=secure, dsn=2.0.0, status=sent (250 2.0.0 Ok)
///
/// It is read from the left: only what stands in the last parentheses, and the addresses, can be somebody else's words.
///
/// A class, since each function on the way to the session would make a copy of it.
final class PostfixDelivery {
    /// What the `tls=` field of Postfix 3.11 and later says.
    enum TLSField {
        /// No TLS, as the security level has it.
        case off
        /// No TLS, although the security level asked for it.
        case missed
        /// TLS as the security level has it.
        case used
        /// TLS that did not do, or that was not yet judged.
        case open
    }

    /// Two numbers of seconds.
    private static let maxWaitedOctets = 40

    let queueID: SyslogOctets
    /// After all rewriting.
    let recipient: SyslogOctets
    /// The recipient's.
    let domain: SyslogOctets
    /// nil: no server, or none that has an address.
    private(set) var peer: SyslogOctets?
    private(set) var port: Int?
    /// Whether an earlier session was used again.
    private(set) var isReuse = false
    /// Time before and in the active queue: the same for all recipients of one delivery, and growing with each new try.
    private(set) var waited: SyslogOctets
    /// Time for the connections and for the mail, `0.04/1.2`.
    private var lasted: SyslogOctets
    private(set) var tls: TLSField?
    private(set) var verdict = PostfixVerdict.nothing
    /// Whether the server took the message, or the recipient in a probe.
    private(set) var isTaken = false

    /// Most places that are taken for the end of an address, one after the other.
    private static let maxTries = 8

    /// Postfix writes an address with quotes, or, before 3.5 and on request, as it is (info_log_address_format): then `>`
    /// and what looks like fields may be part of it. So the address ends at the first place behind which there is a whole
    /// line.
    static func read(queueID: SyslogOctets, fields: SyslogOctets) -> PostfixDelivery? {
        var rest = fields
        guard rest.skip("to=<") else { return nil }
        var tries = maxTries
        var start: Int? = rest.quotedLength
        while let from = start {
            var place = from
            while tries > 0, let end = rest.addressEnd(from: place, before: [", relay=", ", orig_to=<"]) {
                let address = rest.prefix(end)
                if let at = address.lastIndex(of: UInt8(ascii: "@")),
                    let delivery = PostfixDelivery(queueID, address, at, withoutOriginal(rest.dropFirst(end + 1)))
                {
                    return delivery
                }
                place = end + 1
                tries -= 1
            }
            // What looked like a quote may be none.
            start = from > 0 ? 0 : nil
        }
        return nil
    }

    /// Steps over `, orig_to=<u@example.org>`.
    private static func withoutOriginal(_ fields: SyslogOctets) -> SyslogOctets {
        var rest = fields
        guard rest.skip(", orig_to=<") else { return fields }
        let end = rest.addressEnd(from: rest.quotedLength, before: [", relay="])
        return rest.dropFirst((end ?? rest.addressEnd(from: 0, before: [", relay="]) ?? rest.count) + 1)
    }

    /// - Parameter rest: what follows the recipient, beginning with a comma.
    private init?(_ queueID: SyslogOctets, _ recipient: SyslogOctets, _ at: Int, _ rest: SyslogOctets) {
        var rest = rest
        self.queueID = queueID
        self.recipient = recipient
        domain = recipient.dropFirst(at + 1)
        waited = rest.prefix(0)
        lasted = waited
        guard rest.skip(", ") else { return nil }
        while !rest.hasPrefix("status=") {
            guard let name = rest.take(untilNear: UInt8(ascii: "=")),
                let value = rest.take(untilNear: UInt8(ascii: ",")),
                rest.skip(" ")
            else { return nil }
            set(name, value)
        }
        guard rest.skip("status="), let status = rest.take(untilNear: .blank), rest.skip("(") else { return nil }
        isTaken = status.equals("sent") || status.equals("deliverable")
        if !isTaken { verdict = PostfixVerdict(rest.last == UInt8(ascii: ")") ? rest.dropLast(1) : rest) }
    }

    /// Whether the text shows that a session got as far as TLS, or beyond.
    var hasSession: Bool {
        if isTaken { return true }
        return switch verdict {
        case .nothing, .broken(_, conversed: false): false
        case .certificateRefused, .certificateLacking, .issuerRefused, .noSTARTTLS, .noHandshake, .conversed, .broken:
            true
        }
    }

    /// Whether Postfix says that the session had no TLS.
    var isSaidToHaveNoTLS: Bool { tls == .off || tls == .missed }

    /// How long smtp(8) worked on it, rounded up; nil if the line does not say.
    var secondsLasted: Int64? {
        var rest = lasted
        guard let connecting = rest.take(until: UInt8(ascii: "/")), let first = connecting.wholeSeconds,
            let second = rest.wholeSeconds
        else { return nil }
        return first + second
    }

    private func set(_ name: SyslogOctets, _ value: SyslogOctets) {
        if name.equals("relay") {
            var rest = value
            guard let peer = rest.takePeer(), rest.skip(":"), let port = rest.number else { return }
            self.peer = peer
            self.port = port
        } else if name.equals("conn_use") {
            isReuse = (value.number ?? 1) > 1
        } else if name.equals("delays") {
            var rest = value
            guard let first = rest.take(untilNear: UInt8(ascii: "/")),
                let second = rest.take(untilNear: UInt8(ascii: "/"))
            else { return }
            waited = value.prefix(min(first.count + 1 + second.count, Self.maxWaitedOctets))
            lasted = rest
        } else if name.equals("tls") {
            tls = Self.field(value)
        }
    }

    /// `secure`, `!secure`, `secure?`, `may:none`, `none`. What REQUIRETLS came to may stand behind, as in
    /// `secure/requiretls:none`, and says nothing of the level.
    private static func field(_ fields: SyslogOctets) -> TLSField {
        let value = fields.prefix(fields.index(of: UInt8(ascii: "/")) ?? fields.count)
        if value.equals("none") { return .off }
        if value.hasSuffix(":none") { return .missed }
        return value[0] == UInt8(ascii: "!") || value.last == UInt8(ascii: "?") ? .open : .used
    }
}

extension SyslogOctets {
    /// Seconds with or without a fraction, rounded up: a day at the most.
    fileprivate var wholeSeconds: Int64? {
        let end = index(of: UInt8(ascii: ".")) ?? count
        guard let whole = prefix(end).number else { return nil }
        return Int64(min(whole, 86_400)) + (end < count ? 1 : 0)
    }

    /// Octets of a quoted string that stands at the beginning; 0 if there is none. It can hold anything, a `>` too.
    fileprivate var quotedLength: Int {
        guard self[0] == UInt8(ascii: "\"") else { return 0 }
        var end = 1
        while let octet = self[end], octet != UInt8(ascii: "\"") { end += octet == UInt8(ascii: "\\") ? 2 : 1 }
        return end
    }

    /// Where the first `>` stands, from `start` on, that one of the fields follows.
    fileprivate func addressEnd(from start: Int, before fields: [StaticString]) -> Int? {
        var place = start
        while let next = dropFirst(place).index(of: UInt8(ascii: ">")) {
            let rest = dropFirst(place + next + 1)
            if fields.contains(where: { rest.hasPrefix($0) }) { return place + next }
            place += next + 1
        }
        return nil
    }
}
