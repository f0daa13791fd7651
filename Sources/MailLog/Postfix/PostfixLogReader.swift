// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// Reads what Postfix's smtp(8) logs, 3.4 and later, under any `syslog_name`.
///
/// - Deviation: sessions that smtp_tls_loglevel hides look like plain text.
package struct PostfixLogReader: LogReader {
    /// Longest line looked at, in octets: Postfix cuts its own at 2000 before the syslog daemon adds its part.
    private static let maxLineOctets = 8192

    private var processes = PostfixProcesses()
    private var proxied = PostfixProxied()
    private var silence = PostfixSilence()
    private var clock = SyslogClock()

    private enum CodingKeys: String, CodingKey {
        case processes = "p"
        case proxied = "x"
        case silence = "s"
    }

    package init() {}

    package mutating func takeRemarks() -> [String] { silence.takeRemarks() }

    package mutating func read(_ lines: UnsafeRawBufferPointer, now: UTCTime, _ found: (ObservedSession) -> Void) {
        var rest = SyslogOctets(lines)
        while let line = rest.take(until: .lineFeed) {
            if line.count <= Self.maxLineOctets, let split = SyslogLine(line), let program = Self.program(split.tag) {
                take(split, of: program, now, found)
            }
        }
    }

    private enum Program { case smtp, tlsproxy, unknown }

    /// By the last part of the tag, since `syslog_name` sets the rest. An RFC 5424 line by rsyslog has lost that part.
    private static func program(_ tag: SyslogOctets) -> Program? {
        if tag.hasSuffix("/smtp") { return .smtp }
        if tag.hasSuffix("/tlsproxy") { return .tlsproxy }
        return tag.equals("postfix") ? .unknown : nil
    }

    private mutating func take(
        _ line: SyslogLine, of program: Program, _ now: UTCTime, _ found: (ObservedSession) -> Void
    ) {
        guard line.pid != nil, let message = PostfixLine(line.message), let time = clock.time(of: line, now: now)
        else { return }
        switch program {
        case .tlsproxy: proxied.note(message, of: line.host, time)
        case .smtp: follow(message, of: line, time.secondsSinceEpoch, found)
        case .unknown:
            // lmtp(8) logs the same, to other ports.
            if case .delivery(let delivery) = message, delivery.peer != nil, delivery.port != 25 { return }
            proxied.note(message, of: line.host, time)
            follow(message, of: line, time.secondsSinceEpoch, found)
        }
    }

    private mutating func follow(
        _ message: PostfixLine, of line: SyslogLine, _ time: Int64, _ found: (ObservedSession) -> Void
    ) {
        let proxied = proxied
        var taken: PostfixPeer?
        let other = { (peer: PostfixPeer) in
            let found = proxied.find(peer, of: line.host, time)
            if found?.toldFailure != nil { taken = peer }
            return found
        }
        var isSilent = false
        let isHeard = message.endsDelivery && silence.hasHeard(line.tag)
        processes.update(line.process, time) { process in
            switch message {
            case .unverified(let peer, let text): process.unverified(peer, text)
            case .established(let peer, let level): process.established(peer, level)
            case .reused(let peer): process.reused(peer)
            case .noHandshake(let peer): process.noHandshake(peer)
            case .told(let peer, let domain, let type, let reason):
                process.told(peer, domain, type.map { PostfixFailure(words: $0, reason: reason) })
            case .outsidePolicy(let host, let domain): process.outsidePolicy(host, domain)
            case .left(let queueID, let verdict): process.left(queueID, verdict, other)
            case .delivery(let delivery):
                process.deliver(delivery, other) { attempt in
                    isSilent = attempt.isSilent
                    var session = ObservedSession(attempt, delivery)
                    session.isTLSLogged = !isSilent || delivery.tls != nil || isHeard
                    found(session)
                }
            }
        }
        if let taken { self.proxied.forgetReport(of: taken, of: line.host) }
        if message.tellsOfTLS { silence.hear(line.tag) } else if isSilent { silence.miss(line.tag) }
    }
}

extension PostfixLine {
    fileprivate var endsDelivery: Bool { if case .delivery = self { true } else { false } }

    /// Whether such lines are logged of each session with TLS, so that a session without them has none.
    fileprivate var tellsOfTLS: Bool {
        switch self {
        case .established: true
        case .delivery(let delivery): delivery.tls != nil
        case .unverified, .reused, .noHandshake, .told, .outsidePolicy, .left: false
        }
    }
}
