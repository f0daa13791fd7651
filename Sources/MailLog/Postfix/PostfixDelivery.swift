// SPDX-License-Identifier: Apache-2.0

/// The line that ends a delivery to one recipient.
///
///     QUEUEID: to=<u@example.org>, relay=mx.example.org[192.0.2.1]:25, conn_use=2, delay=0.1, delays=0/0/0.1/0,
///         tls=secure, dsn=2.0.0, status=sent (250 2.0.0 Ok)
///
/// It is read from the left: only what stands in the last parentheses, and the recipient, can be somebody else's words.
struct PostfixDelivery {
    /// What the `tls=` field of Postfix 3.11 and later says.
    enum TLSField {
        /// No TLS.
        case none
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
    private(set) var tls: TLSField?
    private(set) var verdict = PostfixVerdict.nothing
    /// Whether the server took the message, or the recipient in a probe.
    private(set) var isTaken = false

    init?(queueID: SyslogOctets, fields: SyslogOctets) {
        var rest = fields
        guard rest.skip("to=<"), let recipient = rest.takeRecipient(),
            let at = recipient.lastIndex(of: UInt8(ascii: "@"))
        else { return nil }
        self.queueID = queueID
        self.recipient = recipient
        domain = recipient.dropFirst(at + 1)
        waited = rest.prefix(0)
        if rest.skip(", orig_to=<") {
            guard rest.takeRecipient() != nil else { return nil }
        }
        guard rest.skip(", ") else { return nil }
        while !rest.hasPrefix("status=") {
            guard let name = rest.take(until: UInt8(ascii: "=")), let value = rest.take(until: UInt8(ascii: ",")),
                rest.skip(" ")
            else { return nil }
            set(name, value)
        }
        guard rest.skip("status="), let status = rest.take(until: .blank), rest.skip("(") else { return nil }
        isTaken = status.equals("sent") || status.equals("deliverable")
        if !isTaken { verdict = PostfixVerdict(rest.last == UInt8(ascii: ")") ? rest.dropLast(1) : rest) }
    }

    /// Whether the text shows that a session got as far as TLS, or beyond.
    var hasSession: Bool {
        if isTaken { return true }
        if case .nothing = verdict { return false }
        return true
    }

    private mutating func set(_ name: SyslogOctets, _ value: SyslogOctets) {
        if name.equals("relay") {
            var rest = value
            guard let peer = rest.takePeer(), rest.skip(":"), let port = rest.number else { return }
            self.peer = peer
            self.port = port
        } else if name.equals("conn_use") {
            isReuse = (value.number ?? 1) > 1
        } else if name.equals("delays") {
            var rest = value
            guard let first = rest.take(until: UInt8(ascii: "/")), let second = rest.take(until: UInt8(ascii: "/"))
            else { return }
            waited = value.prefix(min(first.count + 1 + second.count, Self.maxWaitedOctets))
        } else if name.equals("tls") {
            tls = Self.field(value)
        }
    }

    /// `secure`, `!secure`, `secure?`, `may:none`, `none`.
    private static func field(_ value: SyslogOctets) -> TLSField {
        if value.equals("none") || value.hasSuffix(":none") { return .none }
        return value[0] == UInt8(ascii: "!") || value.last == UInt8(ascii: "?") ? .open : .used
    }
}

extension SyslogOctets {
    /// Takes an address and the `>` behind it. A quoted local part can hold anything, a `>` too.
    fileprivate mutating func takeRecipient() -> SyslogOctets? {
        var end = 0
        if self[0] == UInt8(ascii: "\"") {
            end = 1
            while let octet = self[end], octet != UInt8(ascii: "\"") { end += octet == UInt8(ascii: "\\") ? 2 : 1 }
        }
        guard let close = dropFirst(end).index(of: UInt8(ascii: ">")) else { return nil }
        let address = prefix(end + close)
        self = dropFirst(address.count + 1)
        return address
    }
}
