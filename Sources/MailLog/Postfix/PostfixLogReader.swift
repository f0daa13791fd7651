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

    package mutating func read(
        _ lines: UnsafeRawBufferPointer, now: UTCTime, into sessions: inout [ObservedSession]
    ) {
        var rest = SyslogOctets(lines)
        while let line = rest.take(until: .lineFeed) {
            if line.count <= Self.maxLineOctets, let split = SyslogLine(line), let program = Self.program(split.tag) {
                take(split, of: program, now, &sessions)
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
        _ line: SyslogLine, of program: Program, _ now: UTCTime, _ sessions: inout [ObservedSession]
    ) {
        guard line.pid != nil, let message = PostfixLine(line.message), let time = clock.time(of: line, now: now)
        else { return }
        switch program {
        case .tlsproxy: proxied.note(message, of: line.host, time)
        case .smtp: follow(message, of: line, time.secondsSinceEpoch, &sessions)
        case .unknown:
            // lmtp(8) logs the same, to other ports.
            if case .delivery(let delivery) = message, delivery.peer != nil, delivery.port != 25 { return }
            proxied.note(message, of: line.host, time)
            follow(message, of: line, time.secondsSinceEpoch, &sessions)
        }
    }

    private mutating func follow(
        _ message: PostfixLine, of line: SyslogLine, _ time: Int64, _ sessions: inout [ObservedSession]
    ) {
        let attempts = processes.update(with: message, of: line, time, &proxied)
        if case .delivery(let delivery) = message, !attempts.isEmpty {
            let logsTLS = delivery.tls != nil || silence.logsTLS(line.tag)
            for attempt in attempts {
                var session = ObservedSession(attempt, delivery)
                session.isTLSLogged = logsTLS || !attempt.isSilent
                sessions.append(session)
            }
        }
        if message.tellsOfTLS {
            silence.noteTLS(line.tag)
        } else if attempts.last?.isSilent == true {
            silence.noteNoTLS(line.tag)
        }
    }
}

extension PostfixLine {
    /// Whether such lines are logged of each session with TLS, so that a session without them has none.
    fileprivate var tellsOfTLS: Bool {
        switch self {
        case .established: true
        case .delivery(let delivery): delivery.tls != nil
        case .unverified, .reused, .noHandshake, .report, .outsidePolicy, .refusedByMap, .left: false
        }
    }
}
