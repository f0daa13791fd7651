// SPDX-License-Identifier: Apache-2.0

/// What a message of Postfix's smtp(8) or tlsproxy(8) says about a session. The rest of what they log is no case of it.
///
/// A peer is written `HOST[ADDRESS]`. Lines about TLS carry no queue id. Checked against Postfix 3.4 to 3.12.
enum PostfixLine {
    /// A certificate failed. Logged at any `smtp_tls_loglevel`, by levels that look at it.
    case unverified(peer: SyslogOctets, text: SyslogOctets)
    /// TLS stands. Logged from `smtp_tls_loglevel` 1 on.
    case established(peer: SyslogOctets, PostfixTLSLevel)
    /// An earlier session carries one more message.
    case reused(peer: SyslogOctets)
    /// No TLS came about.
    case noHandshake(peer: SyslogOctets)
    /// A server offers STARTTLS, and the session with it goes without (smtp_tls_note_starttls_offer).
    case offered(host: SyslogOctets)
    /// What Postfix from 3.10 on reports by TLSRPT: it knows its session best. Without a type it is a success.
    case report(peer: SyslogOctets, domain: SyslogOctets, type: SyslogOctets?, reason: SyslogOctets?)
    /// A host of the MX set that the policy does not name; it is not contacted (from 3.10.6 on).
    case outsidePolicy(host: SyslogOctets, domain: SyslogOctets)
    /// The table of TLS policies failed for the next hop, as the policy map's "try again later" makes it: no host of it is
    /// dialled. Logged of each host.
    case refusedByMap(host: SyslogOctets, domain: SyslogOctets)
    /// A server that was not the last one to try did not do.
    case left(queueID: SyslogOctets, PostfixVerdict)
    case delivery(PostfixDelivery)
    /// One of the above that cannot be read: what it tells of a session is lost, and must not be said of another.
    /// - Parameter queueID: of a delivery's end.
    case unreadable(queueID: SyslogOctets?)

    /// Longest queue id taken, in octets: Postfix's long ones have some 20.
    private static let maxQueueIDOctets = 64

    init?(_ message: SyslogOctets) {
        // The capital letters of the first word tell most lines apart.
        switch message[0] {
        case UInt8(ascii: "V"), UInt8(ascii: "T"), UInt8(ascii: "U"), UInt8(ascii: "A"), UInt8(ascii: "S"):
            if let line = Self.connection(message) {
                self = line
                return
            }
        case UInt8(ascii: "c"), UInt8(ascii: "s"), UInt8(ascii: "C"), UInt8(ascii: "w"):
            if let line = Self.verification(message) ?? Self.outside(message) ?? Self.refused(message) {
                self = line
                return
            }
        case UInt8(ascii: "H"):
            if let line = Self.offer(message) {
                self = line
                return
            }
        default: break
        }
        guard let line = Self.queued(message) else { return nil }
        self = line
    }

    private static func connection(_ message: SyslogOctets) -> PostfixLine? {
        var rest = message
        if rest.skip("SSL_connect error to ") {
            return rest.takePeer().map { .noHandshake(peer: $0) } ?? .unreadable(queueID: nil)
        }
        if rest.skip("TLSRPT: status=") { return report(rest) ?? .unreadable(queueID: nil) }
        // "established from": smtpd(8).
        guard let word = rest.take(untilNear: .blank), rest.skip("TLS connection "),
            let level = PostfixTLSLevel(word), let verb = rest.take(untilNear: .blank), rest.skip("to ")
        else { return nil }
        guard let peer = rest.takePeer() else { return .unreadable(queueID: nil) }
        if verb.equals("established") { return .established(peer: peer, level) }
        return verb.equals("reused") ? .reused(peer: peer) : nil
    }

    /// `failure, domain=D, receiving_mx=H[A], failure_type=x_y, failure_reason=z`
    private static func report(_ fields: SyslogOctets) -> PostfixLine? {
        var rest = fields
        guard let status = rest.take(until: UInt8(ascii: ",")), rest.skip(" domain="),
            let domain = rest.take(until: UInt8(ascii: ",")), rest.skip(" receiving_mx="), let peer = rest.takePeer()
        else { return nil }
        if status.equals("success") { return .report(peer: peer, domain: domain, type: nil, reason: nil) }
        guard status.equals("failure"), rest.skip(", failure_type=") else { return nil }
        let type = rest.take(until: UInt8(ascii: ",")) ?? rest
        let reason = rest.skip(" failure_reason=") ? rest : nil
        return .report(peer: peer, domain: domain, type: type, reason: reason)
    }

    /// `Host offered STARTTLS: [HOST]`
    private static func offer(_ message: SyslogOctets) -> PostfixLine? {
        var rest = message
        guard rest.skip("Host offered STARTTLS: ["), let host = rest.take(until: UInt8(ascii: "]")) else { return nil }
        return .offered(host: host)
    }

    private static func verification(_ message: SyslogOctets) -> PostfixLine? {
        var rest = message
        // "CA": the error lies above the host's own certificate.
        if !rest.skip("server ") { _ = rest.skip("CA ") }
        guard rest.skip("certificate verification failed for ") else { return nil }
        guard let peer = rest.takePeer(), rest.skip(":"), rest.take(until: .colon)?.number != nil, rest.skip(" ") else {
            return .unreadable(queueID: nil)
        }
        return .unverified(peer: peer, text: rest)
    }

    private static func outside(_ message: SyslogOctets) -> PostfixLine? {
        var rest = message
        let quote = UInt8(ascii: "'")
        guard rest.skip("warning: MX name '"), let host = rest.take(until: quote),
            rest.skip(" does not match STS MX pattern for '"), let domain = rest.take(until: quote)
        else { return nil }
        return .outsidePolicy(host: host, domain: domain)
    }

    /// `TLS policy lookup for [HOST]:PORT/HOST: client TLS configuration problem`
    private static func refused(_ message: SyslogOctets) -> PostfixLine? {
        var rest = message
        guard rest.skip("warning: TLS policy lookup for "), var hop = rest.take(until: UInt8(ascii: "/")),
            let host = rest.take(until: .colon),
            rest.hasPrefix(" client TLS configuration problem") || rest.hasPrefix(" Temporary lookup error")
        else { return nil }
        let end = UInt8(ascii: hop.skip("[") ? "]" : ":")
        return .refusedByMap(host: host, domain: hop.take(until: end) ?? hop)
    }

    private static func queued(_ message: SyslogOctets) -> PostfixLine? {
        let end = message.prefix(maxQueueIDOctets + 1).near(.colon, from: 0)
        guard end > 0, end <= maxQueueIDOctets, message[end] == .colon, message[end + 1] == .blank
        else { return nil }
        let queueID = message.prefix(end)
        guard queueID.allSatisfy(\.isLetterOrDigit) else { return nil }
        let rest = message.dropFirst(end + 2)
        if rest.hasPrefix("to=<") {
            let delivery = PostfixDelivery.read(queueID: queueID, fields: rest)
            return delivery.map { .delivery($0) } ?? .unreadable(queueID: queueID)
        }
        let verdict = PostfixVerdict(rest)
        if case .nothing = verdict { return nil }
        return .left(queueID: queueID, verdict)
    }
}

extension SyslogOctets {
    /// Longest peer, in octets: a name and an IPv6 address in brackets.
    private static let maxPeerOctets = 255 + 2 + 46

    /// Takes `HOST[ADDRESS]`.
    mutating func takePeer() -> SyslogOctets? {
        let head = prefix(Self.maxPeerOctets)
        let end = head.near(UInt8(ascii: "]"), from: 0)
        guard end < head.count else { return nil }
        let peer = prefix(end + 1)
        let open = peer.near(UInt8(ascii: "["), from: 0)
        guard open > 0, open < end, peer.near(.blank, from: 0) > end else { return nil }
        self = dropFirst(end + 1)
        return peer
    }
}
