// SPDX-License-Identifier: Apache-2.0
import Basics

/// What is known of one smtp(8) process: it works on one delivery at a time, and its lines are in order.
///
/// Lines about TLS name the peer, lines about a delivery name the queue id and the peer: the process joins them. A failed
/// server has no domain until the line that ends the delivery tells the recipient's.
struct PostfixProcess: Sendable, Hashable, Codable {
    /// Longest name that is kept, in octets.
    static let maxNameOctets = DomainName.maxOctets

    /// The session that a delivery was counted with: its other recipients add nothing.
    struct Counted: Sendable, Hashable, Codable {
        let queueID: String
        let peer: PostfixPeer
        /// "" if no line says it: then it is any.
        let waited: String
        /// Set if it had TLS.
        let hasTLS: Bool?

        enum CodingKeys: String, CodingKey {
            case queueID = "q"
            case peer = "p"
            case waited = "w"
            case hasTLS = "l"
        }
    }

    /// When its last line was written, in seconds since 1970.
    var time: Int64 = 0
    var current: PostfixAttempt?
    var ended: [PostfixAttempt]?
    /// The delivery that the ended sessions belong to, where a line says so.
    private var queueID: String?
    var counted: Counted?
    /// The host that said last that it offers STARTTLS to a session without, as it is compared.
    var offering: String?
    /// Set if a line about TLS could not be read: a session of which no other line says anything is not one without TLS.
    private var isUnclear: Bool?

    private enum CodingKeys: String, CodingKey {
        case time = "t"
        case current = "c"
        case ended = "e"
        case queueID = "q"
        case counted = "n"
        case isUnclear = "u"
        case offering = "o"
    }

    init() {}

    /// Whether a session waits for the end of its delivery.
    var isPending: Bool { current != nil || ended != nil }

    /// Takes what a line says.
    /// - Parameters:
    ///   - host: the machine that logged it.
    ///   - proxied: what tlsproxy(8) found wrong.
    ///   - attempts: gets the sessions that the line completes, in their order; none for most lines.
    mutating func update(
        with message: PostfixLine, of host: SyslogOctets, _ proxied: inout PostfixProxied,
        into attempts: inout [PostfixAttempt]
    ) {
        switch message {
        case .unverified(let peer, let text): unverified(peer, text)
        case .established(let peer, let level): established(peer, level)
        case .reused(let peer): reused(peer)
        case .noHandshake(let peer): noHandshake(peer)
        case .offered(let host): offering = host.prefix(Self.maxNameOctets).hostName
        case .report(let peer, let domain, let type, let reason):
            reported(peer, domain, type.map { PostfixFailure(words: $0, reason: reason) })
        case .outsidePolicy(let host, let domain): outsidePolicy(host, domain)
        case .refusedByMap(let host, let domain): refusedByMap(host, domain)
        case .left(let queueID, let verdict): left(queueID, verdict)
        case .delivery(let delivery): deliver(delivery, host, &proxied, &attempts)
        case .unreadable(let queueID?): unreadable(queueID)
        case .unreadable(nil):
            current = nil
            isUnclear = true
        }
    }

    // MARK: Lines about TLS

    private mutating func unverified(_ peer: SyslogOctets, _ text: SyslogOctets) {
        if current?.end != nil || current?.level != nil { close() }
        open(peer)
        if current?.failure == nil { current?.failure = PostfixFailure(verification: text) }
    }

    private mutating func established(_ peer: SyslogOctets, _ level: PostfixTLSLevel) {
        if current?.end != nil || current?.level != nil { close() }
        open(peer)
        current?.level = level
    }

    private mutating func reused(_ peer: SyslogOctets) {
        close()
        open(peer)
        current?.isReuse = true
    }

    private mutating func noHandshake(_ peer: SyslogOctets) {
        if current?.end != nil || current?.level != nil { close() }
        open(peer)
        current?.end = .noHandshake
    }

    private mutating func reported(_ peer: SyslogOctets, _ domain: SyslogOctets, _ failure: PostfixFailure?) {
        if current?.reportedFailure != nil || current?.isReportedSuccess != nil { close() }
        open(peer)
        current?.domain = domain.prefix(Self.maxNameOctets).text
        if let failure { current?.reportedFailure = failure } else { current?.isReportedSuccess = true }
    }

    /// Each address of the host gets such a line; none of them is dialled.
    private mutating func outsidePolicy(_ host: SyslogOctets, _ domain: SyslogOctets) {
        close()
        let host = PostfixPeer(host: host.prefix(Self.maxNameOctets))
        var attempt = PostfixAttempt(peer: host)
        attempt.domain = domain.prefix(Self.maxNameOctets).text
        attempt.reportedFailure = .mxNotInPolicy
        attempt.time = time
        if ended?.contains(where: { $0.peer == host && $0.reportedFailure == .mxNotInPolicy }) != true { keep(attempt) }
    }

    /// One attempt, however many hosts the next hop has.
    private mutating func refusedByMap(_ host: SyslogOctets, _ domain: SyslogOctets) {
        close()
        var attempt = PostfixAttempt(peer: PostfixPeer(host: host.prefix(Self.maxNameOctets)))
        attempt.domain = domain.prefix(Self.maxNameOctets).text
        attempt.end = .refusedByMap
        attempt.time = time
        if ended?.contains(where: { $0.end == .refusedByMap && $0.domain == attempt.domain }) != true { keep(attempt) }
    }

    // MARK: Lines about deliveries

    /// A server that was not the last one.
    private mutating func left(_ queueID: SyslogOctets, _ verdict: PostfixVerdict) {
        belong(to: queueID)
        switch verdict {
        case .conversed(let peer):
            // It may serve the other recipients yet, so the session stays open.
            if isCurrent(peer) || isCounted(queueID, peer, waited: nil) { return }
            close()
            open(peer)
        case .certificateRefused, .certificateLacking, .issuerRefused, .noSTARTTLS, .noHandshake:
            end(verdict)
            close()
        case .broken(let peer, let conversed): lose(peer, conversed, queueID)
        case .nothing: break
        }
        if self.queueID == nil { self.queueID = queueID.text }
    }

    /// The end of a delivery for one recipient, who cannot be told. Others of the same delivery may follow; what it had
    /// of sessions is theirs, and nobody else's.
    private mutating func unreadable(_ queueID: SyslogOctets) {
        belong(to: queueID)
        if let current {
            counted = Counted(
                queueID: queueID.text, peer: current.peer, waited: "", hasTLS: current.level != nil ? true : nil)
        }
        close()
        self.queueID = queueID.text
    }

    /// The end of a delivery for one recipient.
    /// - Parameter attempts: gets the sessions that the delivery had.
    private mutating func deliver(
        _ delivery: PostfixDelivery, _ host: SyslogOctets, _ proxied: inout PostfixProxied,
        _ attempts: inout [PostfixAttempt]
    ) {
        belong(to: delivery.queueID)
        queueID = nil
        dropOlder(than: delivery)
        var last: PostfixAttempt?
        if let peer = delivery.peer {
            last = finish(delivery, with: peer)
        } else if case .certificateLacking = delivery.verdict {
            last = finishAsSaid(delivery)
        } else {
            close()
        }
        isUnclear = nil
        if offering != nil { offering = nil }
        let first = attempts.count
        let hasEnded = ended != nil
        if let ended { attempts += ended }
        ended = nil
        if let last { attempts.append(last) }
        // The last one first: the newest of what tlsproxy reported is its.
        for index in attempts[first...].indices.reversed() where attempts[index].end != nil {
            proxied.complete(&attempts[index], of: host, for: delivery.domain)
        }
        if hasEnded { Self.noteFallbacks(in: &attempts, from: first) }
    }

    private mutating func finish(_ delivery: PostfixDelivery, with peer: SyslogOctets) -> PostfixAttempt? {
        if !isCurrent(peer) {
            close()
            let isMore = isCounted(delivery.queueID, peer, waited: delivery.waited)
            if isMore || delivery.isReuse || !delivery.hasSession { return nil }
            open(peer)
        } else if delivery.isSaidToHaveNoTLS, delivery.hasSession, current?.level != nil {
            // The line tells of the session that served the recipient, and what ended the one before is missing.
            close()
            open(peer)
        }
        end(delivery.verdict)
        guard var last = current.take() else { return nil }
        last.time = time
        if delivery.tls != nil, last.isSilent {
            if delivery.tls == .used { last.usedTLS = true }
            if delivery.tls == .off { last.isUnwanted = true }
        }
        counted = Counted(
            queueID: delivery.queueID.text, peer: last.peer, waited: delivery.waited.text,
            hasTLS: last.level != nil || last.isReuse == true ? true : nil)
        return last.isReuse == true || (isUnclear == true && last.isSilent) ? nil : last
    }

    /// The end of a delivery whose text alone names the server.
    private mutating func finishAsSaid(_ delivery: PostfixDelivery) -> PostfixAttempt? {
        end(delivery.verdict)
        guard var last = current.take() else { return nil }
        last.time = time
        let this = Counted(
            queueID: delivery.queueID.text, peer: last.peer, waited: delivery.waited.text, hasTLS: nil)
        defer { counted = this }
        return counted == this ? nil : last
    }

    func isCounted(_ queueID: SyslogOctets, _ peer: SyslogOctets, waited: SyslogOctets?) -> Bool {
        guard let counted, queueID == counted.queueID, peer == counted.peer else { return false }
        return waited.map { counted.waited.isEmpty || $0 == counted.waited } ?? true
    }

    /// Drops sessions of another delivery, whose end was never logged.
    private mutating func belong(to queueID: SyslogOctets) {
        guard let known = self.queueID, !(queueID == known) else { return }
        ended = nil
        self.queueID = nil
    }
}
