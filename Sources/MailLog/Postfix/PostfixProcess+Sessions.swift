// SPDX-License-Identifier: Apache-2.0

/// The sessions of one delivery: which one goes on, and which have ended.
extension PostfixProcess {
    /// Most servers of one delivery that are kept: Postfix tries 5 addresses (smtp_mx_address_limit).
    private static let maxEnded = 16
    /// By how much a session may seem to be before its delivery, in seconds: stamps have whole ones, and `delays=` is rounded.
    private static let slack: Int64 = 2

    func isCurrent(_ peer: SyslogOctets) -> Bool {
        // The peer alone: a copy of all that is known of the session costs more than the look.
        if let current = current?.peer { peer == current } else { false }
    }

    /// Makes the session with `peer` the current one: the one that goes on, or a new one.
    mutating func open(_ peer: SyslogOctets) {
        if current?.isReuse == true || !isCurrent(peer) { close() }
        if current == nil {
            current = PostfixAttempt(peer: PostfixPeer(peer))
            if offering != nil { takeOffer() }
        }
        current?.time = time
    }

    private mutating func takeOffer() {
        if offering == current?.peer.host { current?.isUnwanted = true }
        offering = nil
    }

    /// Makes the session with a server that a text names the current one.
    mutating func meet(_ server: SyslogOctets) {
        var rest = server
        if let peer = rest.takePeer() { return open(peer) }
        let named = PostfixPeer(host: server.prefix(Self.maxNameOctets))
        if current?.peer.host != named.host { close() }
        if current == nil { current = PostfixAttempt(peer: named) }
        current?.time = time
    }

    mutating func end(_ verdict: PostfixVerdict) {
        let end: PostfixAttempt.End
        switch verdict {
        case .nothing, .conversed, .broken: return
        case .certificateRefused: end = .certificateRefused
        case .certificateLacking(let failure, let server):
            meet(server)
            // A line about the certificate says more.
            if current?.failure == nil { current?.failure = failure }
            end = .certificateRefused
        case .issuerRefused: end = .issuerRefused
        case .noHandshake: end = .noHandshake
        case .noSTARTTLS(let peer):
            end = .noSTARTTLS
            if !isCurrent(peer) {
                close()
                open(peer)
            }
        }
        // With tlsproxy(8) and no TLS lines of its own, the process does not say whom it left.
        var attempt = current ?? PostfixAttempt(peer: PostfixPeer())
        attempt.end = end
        attempt.time = time
        current = attempt
    }

    /// The connection with the peer is gone: whatever comes next with it is another session.
    /// - Parameter conversed: whether there was a session, should no other line have told of it.
    mutating func lose(_ peer: SyslogOctets, _ conversed: Bool, _ queueID: SyslogOctets) {
        if isCurrent(peer) {
            current?.time = time
            close()
        } else if isCounted(queueID, peer, waited: nil) {
            if counted?.hasTLS == true { keepCounted(PostfixPeer(peer)) }
        } else if conversed {
            close()
            open(peer)
            close()
        }
        if isCounted(queueID, peer, waited: nil) { counted = nil }
    }

    mutating func close() {
        if let attempt = current.take() { keep(attempt) }
    }

    /// Keeps a session that has been counted for what it says of the next one.
    mutating func keepCounted(_ peer: PostfixPeer) {
        var attempt = PostfixAttempt(peer: peer)
        attempt.time = time
        attempt.level = .trusted
        attempt.isReuse = true
        keep(attempt)
    }

    mutating func keep(_ attempt: PostfixAttempt) {
        if (ended?.count ?? 0) < Self.maxEnded { ended = (ended ?? []) + [attempt] }
    }

    /// Drops sessions that were before the delivery began: those of one whose end is missing from the log.
    mutating func dropOlder(than delivery: PostfixDelivery) {
        guard ended != nil || (current?.time ?? time) < time - Self.slack, let lasted = delivery.secondsLasted else {
            return
        }
        let began = time - lasted - Self.slack
        if let last = current?.time, last < began { current = nil }
        ended?.removeAll { $0.time < began }
        if ended?.isEmpty == true { ended = nil }
    }

    /// Notes which sessions followed on one with TLS, or on an attempt at it, with the same server. Leaves out those that had
    /// been counted.
    static func noteFallbacks(in attempts: inout [PostfixAttempt], from first: Int) {
        for index in attempts.indices.dropFirst(first + 1) where attempts[index].hasNoTLS {
            let earlier = attempts[first..<index].last { $0.peer == attempts[index].peer && $0.causeToFallBack != nil }
            attempts[index].fallback = earlier?.causeToFallBack
        }
        attempts.removeAll { $0.isReuse == true }
    }
}
