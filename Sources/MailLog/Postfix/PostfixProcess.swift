// SPDX-License-Identifier: Apache-2.0
import Basics

/// What is known of one smtp(8) process: it works on one delivery at a time, and its lines are in order.
///
/// Lines about TLS name the peer, lines about a delivery name the queue id and the peer: the process joins them. A failed
/// server has no domain until the line that ends the delivery tells the recipient's.
struct PostfixProcess: Sendable, Hashable, Codable {
    /// Most servers of one delivery that are kept: Postfix tries 5 addresses (smtp_mx_address_limit).
    private static let maxEnded = 16
    /// Longest name that is kept, in octets.
    private static let maxNameOctets = DomainName.maxOctets

    /// The session that a delivery was counted with: its other recipients add nothing.
    private struct Counted: Sendable, Hashable, Codable {
        let queueID: String
        let peer: PostfixPeer
        let waited: String

        enum CodingKeys: String, CodingKey {
            case queueID = "q"
            case peer = "p"
            case waited = "w"
        }
    }

    /// When its last line was written, in seconds since 1970.
    var time: Int64 = 0
    private var current: PostfixAttempt?
    private var ended: [PostfixAttempt]?
    /// The delivery that the ended sessions belong to, where a line has told.
    private var queueID: String?
    private var counted: Counted?

    private enum CodingKeys: String, CodingKey {
        case time = "t"
        case current = "c"
        case ended = "e"
        case queueID = "q"
        case counted = "n"
    }

    init() {}

    /// Whether a session waits for the end of its delivery.
    var isPending: Bool { current != nil || ended != nil }

    // MARK: Lines about TLS

    mutating func unverified(_ peer: SyslogOctets, _ text: SyslogOctets) {
        if current?.end != nil || current?.level != nil { close() }
        attempt(with: peer) { if $0.failure == nil { $0.failure = PostfixFailure(verification: text) } }
    }

    mutating func established(_ peer: SyslogOctets, _ level: PostfixTLSLevel) {
        if current?.end != nil || current?.level != nil { close() }
        attempt(with: peer) { $0.level = level }
    }

    mutating func reused(_ peer: SyslogOctets) {
        close()
        attempt(with: peer) { $0.isReuse = true }
    }

    mutating func noHandshake(_ peer: SyslogOctets) {
        if current?.end != nil || current?.level != nil { close() }
        attempt(with: peer) { $0.end = .noHandshake }
    }

    mutating func told(_ peer: SyslogOctets, _ domain: SyslogOctets, _ failure: PostfixFailure?) {
        if current?.toldFailure != nil || current?.toldSuccess != nil { close() }
        attempt(with: peer) {
            $0.domain = domain.prefix(Self.maxNameOctets).text
            if let failure { $0.toldFailure = failure } else { $0.toldSuccess = true }
        }
    }

    /// Each address of the host gets such a line; none of them is dialled.
    mutating func outsidePolicy(_ host: SyslogOctets, _ domain: SyslogOctets) {
        close()
        let host = PostfixPeer(host: host.prefix(Self.maxNameOctets).text)
        var attempt = PostfixAttempt(peer: host)
        attempt.domain = domain.prefix(Self.maxNameOctets).text
        attempt.toldFailure = .mxNotInPolicy
        attempt.time = time
        if ended?.contains(where: { $0.peer == host && $0.toldFailure == .mxNotInPolicy }) != true { keep(attempt) }
    }

    // MARK: Lines about deliveries

    /// A server that was not the last one.
    mutating func left(_ queueID: SyslogOctets, _ verdict: PostfixVerdict, _ proxied: (PostfixPeer) -> PostfixAttempt?)
    {
        belong(to: queueID)
        switch verdict {
        case .conversed(let peer):
            // It may serve the other recipients yet, so the session stays open.
            if current.map({ peer == $0.peer }) == true || isCounted(queueID, peer, waited: nil) { return }
            close()
            attempt(with: peer) { _ in }
        case .certificateRefused, .issuerRefused, .noSTARTTLS, .noHandshake:
            end(verdict, proxied)
            close()
        case .nothing: break
        }
        if self.queueID == nil { self.queueID = queueID.text }
    }

    /// The end of a delivery for one recipient: hands out the sessions it had, in their order.
    mutating func deliver(
        _ delivery: PostfixDelivery, _ proxied: (PostfixPeer) -> PostfixAttempt?, _ found: (PostfixAttempt) -> Void
    ) {
        belong(to: delivery.queueID)
        queueID = nil
        var last: PostfixAttempt?
        if let peer = delivery.peer {
            last = finish(delivery, with: peer, proxied)
        } else {
            close()
        }
        if let earlier = ended {
            ended = nil
            for attempt in earlier { found(attempt) }
        }
        if let last { found(last) }
    }

    private mutating func finish(
        _ delivery: PostfixDelivery, with peer: SyslogOctets, _ proxied: (PostfixPeer) -> PostfixAttempt?
    ) -> PostfixAttempt? {
        if current.map({ peer == $0.peer }) != true {
            close()
            let isMore = isCounted(delivery.queueID, peer, waited: delivery.waited)
            if isMore || delivery.isReuse || !delivery.hasSession { return nil }
            attempt(with: peer) { _ in }
        }
        end(delivery.verdict, proxied)
        guard var last = current else { return nil }
        current = nil
        last.time = time
        if delivery.tls == .used, last.isSilent { last.usedTLS = true }
        counted = Counted(queueID: delivery.queueID.text, peer: last.peer, waited: delivery.waited.text)
        return last.isReuse == true ? nil : last
    }

    private func isCounted(_ queueID: SyslogOctets, _ peer: SyslogOctets, waited: SyslogOctets?) -> Bool {
        guard let counted, queueID == counted.queueID, peer == counted.peer else { return false }
        return waited.map { $0 == counted.waited } ?? true
    }

    // MARK: Sessions

    /// The session with `peer` that goes on, or a new one.
    private mutating func attempt(with peer: SyslogOctets, _ change: (inout PostfixAttempt) -> Void) {
        if let open = current, open.isReuse == true || !(peer == open.peer) { close() }
        var attempt = current ?? PostfixAttempt(peer: PostfixPeer(peer))
        attempt.time = time
        change(&attempt)
        current = attempt
    }

    private mutating func end(_ verdict: PostfixVerdict, _ proxied: (PostfixPeer) -> PostfixAttempt?) {
        let end: PostfixAttempt.End
        switch verdict {
        case .nothing, .conversed: return
        case .certificateRefused: end = .certificateRefused
        case .issuerRefused: end = .issuerRefused
        case .noHandshake: end = .noHandshake
        case .noSTARTTLS(let peer):
            end = .noSTARTTLS
            if current.map({ peer == $0.peer }) != true {
                close()
                attempt(with: peer) { _ in }
            }
        }
        // With tlsproxy(8) and no TLS lines of its own, the process does not say whom it left.
        var attempt = current ?? PostfixAttempt(peer: PostfixPeer())
        attempt.end = end
        if attempt.failure == nil, attempt.toldFailure == nil, let other = proxied(attempt.peer) {
            attempt.failure = other.failure
            attempt.toldFailure = other.toldFailure
            attempt.domain = attempt.domain ?? other.domain
        }
        current = attempt
    }

    private mutating func close() {
        guard var attempt = current else { return }
        current = nil
        attempt.time = time
        if attempt.isReuse != true { keep(attempt) }
    }

    private mutating func keep(_ attempt: PostfixAttempt) {
        if (ended?.count ?? 0) < Self.maxEnded { ended = (ended ?? []) + [attempt] }
    }

    /// Drops sessions of another delivery, whose end was never logged.
    private mutating func belong(to queueID: SyslogOctets) {
        guard let known = self.queueID, !(queueID == known) else { return }
        ended = nil
        self.queueID = nil
    }
}
