// SPDX-License-Identifier: Apache-2.0
import Core

/// What is known of one Sendmail process: it delivers one message at a time, and its lines are in order.
///
/// Lines about TLS name the server, the lines that end a delivery name the server, the queue id and the recipients. A server
/// that failed before another one took the mail has no domain until that line. A process keeps a few connections
/// open for further messages: they are the same sessions.
struct SendmailProcess: Sendable, Hashable, Codable {
    /// Most sessions kept: those of one delivery, and connections kept open (ConnectionCacheSize, 2).
    private static let maxSessions = 16
    /// OpenSSL's longest text has some 80.
    private static let maxReasonOctets = 100
    /// How long a connection stays open for the next message (ConnectionCacheTimeout, 5 min), in seconds.
    private static let cacheTime: Int64 = 300

    /// When its last line was written, in seconds since 1970.
    var time: Int64 = 0
    private var sessions: [SendmailSession] = []
    /// Of the session that comes next.
    private var reason: String?
    private var comparesNames = false
    private var handshakeFailed = false
    private var hasLocalFailure = false
    /// The server with which no TLS is to be tried.
    private var unwanted: String?

    private enum CodingKeys: String, CodingKey {
        case time = "t"
        case sessions = "s"
        case reason = "r"
        case comparesNames = "n"
        case handshakeFailed = "h"
        case hasLocalFailure = "l"
        case unwanted = "u"
    }

    init() {}

    /// Takes what a line says.
    /// - Returns: the sessions that the line completes, in their order; none for most lines.
    mutating func update(with message: SendmailLine) -> [ObservedSession] {
        switch message {
        case .established(let relay, let verify): established(SendmailSession.name(relay), verify)
        case .certificateError(let reason): certificateError(reason)
        case .verifyMessage(let reason): verifyMessage(reason)
        case .handshakeFailed: handshakeFailed = true
        case .namesCompared: comparesNames = true
        case .localFailure: hasLocalFailure = true
        case .unwanted(let host): unwanted = SendmailSession.name(host)
        case .refused(let relay, let verify, let text): refused(SendmailSession.name(relay), verify, text)
        case .refusedFor(let recipient, let relay, let text):
            refused(SendmailSession.name(relay), for: SendmailDelivery.domain(of: recipient) ?? "", text)
        case .delivery(let delivery): return deliver(delivery)
        case .foreign: dropPending()
        case .unreadable(let queueID): unreadable(queueID.text)
        }
        return []
    }

    private mutating func established(_ relay: String, _ verify: SendmailVerify) {
        closeFailedHandshake(with: relay)
        var session = SendmailSession(relay: relay, time: time)
        session.verify = verify
        session.reason = reason
        session.comparesNames = comparesNames
        if verify == .clear { session.fallbackReason = handshakeFailureReason }
        keep(session)
        forget()
    }

    /// Why the certificate of the session that comes next fails: the first error is the one that counts.
    private mutating func certificateError(_ text: SyslogOctets) {
        reason = reason ?? text.prefix(Self.maxReasonOctets).text
    }

    private mutating func verifyMessage(_ text: SyslogOctets) {
        guard !text.equals("ok"), let last = sessions.indices.last, sessions[last].reason == nil else { return }
        sessions[last].reason = text.prefix(Self.maxReasonOctets).text
    }

    private mutating func refused(_ relay: String, _ verify: SendmailVerify, _ text: SyslogOctets) {
        if verify != .noHandshake { closeFailedHandshake(with: relay) }
        let isOurs = (hasLocalFailure && verify == .temporary) || (isUnwanted(relay) && verify == .noSTARTTLS)
        let open = sessions.indices.last.flatMap { last in
            let session = sessions[last]
            return session.relay == relay && session.counted.isEmpty && session.failure == nil ? last : nil
        }
        let reason = open.flatMap { sessions[$0].reason } ?? reason
        if !isOurs, let failure = verify.failure(reason: reason, text: text) {
            var session = open.map { sessions.remove(at: $0) } ?? SendmailSession(relay: relay, time: time)
            session.failure = failure
            keep(session)
        }
        forget()
    }

    /// - Parameter domain: the recipient's.
    private mutating func refused(_ relay: String, for domain: String, _ text: SyslogOctets) {
        let open = sessions.lastIndex { $0.relay == relay && $0.failure == nil }
        var session = open.map { sessions.remove(at: $0) } ?? SendmailSession(relay: relay, time: time)
        let verify = session.verify ?? .verified
        if let failure = verify.failure(reason: session.reason, text: text) { session.refuse(failure, for: domain) }
        keep(session)
    }

    private func isUnwanted(_ relay: String) -> Bool {
        unwanted.map { SendmailSession.isSame($0, as: relay) } ?? false
    }

    /// The end of a delivery whose sessions do not count.
    private mutating func dropPending() {
        sessions.removeAll { $0.counted.isEmpty }
        forget()
    }

    /// The end of a delivery for recipients who cannot be told. Others of the same delivery may follow; what it had of
    /// sessions is theirs, and nobody else's.
    private mutating func unreadable(_ queueID: String) {
        guard let relay = sessions.last?.relay else { return forget() }
        for index in sessions.indices where sessions[index].counted.isEmpty {
            sessions[index].queueID = queueID
            sessions[index].via = relay
            sessions[index].lastTime = time
            sessions[index].counted = [""]
        }
        forget()
    }

    /// The end of a delivery for which no server was there: those that failed before are its sessions.
    private mutating func leave(_ delivery: SendmailDelivery) -> [ObservedSession] {
        var found: [ObservedSession] = []
        for index in sessions.indices where sessions[index].counted.isEmpty {
            sessions[index].queueID = delivery.queueID.text
            sessions[index].lastTime = time
            sessions[index].count(for: delivery, into: &found)
        }
        forget()
        return found
    }

    /// The end of a delivery for some recipients.
    /// - Returns: the sessions that the delivery had.
    private mutating func deliver(_ delivery: SendmailDelivery) -> [ObservedSession] {
        guard let server = delivery.server else { return leave(delivery) }
        return deliver(delivery, by: server)
    }

    private mutating func deliver(
        _ delivery: SendmailDelivery, by end: SendmailDelivery.Server
    ) -> [ObservedSession] {
        var found: [ObservedSession] = []
        let queueID = delivery.queueID.text
        let relay = fullName(of: end, in: queueID)
        closeFailedHandshake(with: relay)
        var isKnown = false
        let server = sessions.lastIndex { $0.relay == relay }
        for index in sessions.indices where belongs(sessions[index], to: queueID, relay) {
            let isLive = sessions[index].relay == relay && sessions[index].failure == nil
            isKnown = isKnown || isLive
            if index == server, sessions[index].address == nil {
                sessions[index].address = end.address?.description
            }
            sessions[index].lastTime = time
            sessions[index].queueID = sessions[index].queueID ?? queueID
            sessions[index].via = relay
            sessions[index].count(for: delivery, into: &found)
        }
        if !isKnown, delivery.isSent || delivery.isPastTLS || delivery.isRefusedByMap {
            var session = SendmailSession(relay: relay, time: time)
            session.queueID = queueID
            session.via = relay
            session.address = end.address?.description
            if delivery.isRefusedByMap { session.isRefused = true }
            if isUnwanted(relay) { session.isUnwanted = true }
            // Option TLSFallbacktoClear.
            if sessions.contains(where: { $0.relay == relay && $0.queueID == queueID && $0.failure == .noHandshake }) {
                session.fallbackReason = handshakeFailureReason
            }
            session.count(for: delivery, into: &found)
            keep(session)
        }
        forget()
        return found
    }

    /// The name of the server that ends a delivery: where the log has cut it, that of the delivery's own session, or of
    /// one that is still open to the same address.
    private func fullName(of end: SendmailDelivery.Server, in queueID: String) -> String {
        let name = SendmailSession.name(end.name)
        guard let cut = CutHostName(name) else { return name }
        let session = sessions.last { session in
            guard session.relay == name || cut.matches(session.relay) else { return false }
            if session.counted.isEmpty || session.queueID == queueID { return true }
            return session.failure == nil && session.address == end.address?.description
        }
        return session?.relay ?? name
    }

    /// Whether the session is part of the delivery that `relay` ended: begun for it, or still open and used again.
    private func belongs(_ session: SendmailSession, to queueID: String, _ relay: String) -> Bool {
        if session.counted.isEmpty { return true }
        guard session.via == relay else { return false }
        if session.queueID == queueID { return true }
        return session.relay == relay && session.failure == nil && session.isRefused != true
            && time - session.lastTime <= Self.cacheTime
    }

    /// Whether nothing is pending, and no connection is open any more.
    func isDone(at now: Int64) -> Bool {
        abs(now - time) > Self.cacheTime && !handshakeFailed && sessions.allSatisfy { !$0.counted.isEmpty }
    }

    /// After a handshake that failed, the same server is tried in the clear if no rule forbids (TLSFallbacktoClear).
    private mutating func closeFailedHandshake(with relay: String) {
        guard handshakeFailed else { return }
        handshakeFailed = false
        var session = SendmailSession(relay: relay, time: time)
        session.failure = .noHandshake
        keep(session)
    }

    private mutating func keep(_ session: SendmailSession) {
        // A new session with a server takes the place of an old one that was counted.
        sessions.removeAll {
            SendmailSession.isSame($0.relay, as: session.relay) && !$0.counted.isEmpty && $0.failure == nil
        }
        if sessions.count >= Self.maxSessions { sessions.removeFirst() }
        sessions.append(session)
    }

    private mutating func forget() {
        reason = nil
        comparesNames = false
        handshakeFailed = false
        hasLocalFailure = false
        unwanted = nil
    }
}
