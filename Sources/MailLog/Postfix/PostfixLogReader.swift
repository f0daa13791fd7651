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
    private var unread = UnreadLines()
    /// The sessions that one line completes: kept for its room.
    private var attempts: [PostfixAttempt] = []
    /// Nothing of it matters here.
    package var settings = LogReaderSettings()

    private enum CodingKeys: String, CodingKey {
        case processes = "p"
        case proxied = "x"
        case silence = "s"
    }

    package init() {}

    package mutating func takeRemarks() -> [String] { silence.takeRemarks() }

    package mutating func takeUnread() -> UnreadLines? { unread.take() }

    package mutating func read(
        _ lines: UnsafeRawBufferPointer, now: UTCTime, into sessions: inout [ObservedSession]
    ) {
        var rest = SyslogOctets(lines)
        while let whole = rest.take(until: .lineFeed) {
            if whole.isOfOtherPostfixProgram { continue }
            // A longer line ends there, as it would for a syslog daemon.
            let line = whole.prefix(Self.maxLineOctets)
            guard let split = SyslogLine(line) else {
                if line.mentions(Self.words) { unread.note(line) }
                continue
            }
            guard let program = Program(split) else { continue }
            if program.isCertain {
                take(split, of: program, line, now, &sessions)
            } else {
                let split = split.contained ?? split
                if let program = Program(split) { take(split, of: program, line, now, &sessions) }
            }
        }
    }

    /// What a line has that tells of a session and has no header that can be read.
    private static let words: [StaticString] = ["postfix/", "/smtp[", ", status=", "TLS connection established to "]

    private mutating func take(
        _ line: SyslogLine, of program: Program, _ text: SyslogOctets, _ now: UTCTime,
        _ sessions: inout [ObservedSession]
    ) {
        if program == .foreign {
            if line.isOfUnknownPostfix { unread.note(text) }
            return
        }
        guard let message = PostfixLine(line.message) else { return }
        guard line.pid != nil, let time = clock.time(of: line, now: now) else {
            processes.forget(line.process)
            unread.note(text)
            return
        }
        if case .unreadable = message {
            guard program != .unknown(isPostfix: false) else { return }
            unread.note(text)
        }
        switch program {
        case .foreign: break
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
        if !attempts.isEmpty { attempts.removeAll(keepingCapacity: true) }
        processes.update(with: message, of: line, time, &proxied, into: &attempts)
        if case .delivery(let delivery) = message, !attempts.isEmpty {
            let logsTLS = delivery.tls != nil || silence.logsTLS(line.tag)
            for index in attempts.indices {
                let isTLSLogged = logsTLS || !attempts[index].isSilent
                sessions.append(attempts[index].session(of: delivery, isTLSLogged: isTLSLogged))
            }
        }
        if message.tellsOfTLS {
            silence.noteTLS(line.tag)
        } else if let last = attempts.indices.last, attempts[last].isSilent {
            silence.noteNoTLS(line.tag, with: attempts[last].peer.host)
        }
    }
}

/// The program of Postfix that wrote a line, by the last part of the tag, since `syslog_name` sets the rest.
private enum Program: Equatable {
    case smtp, tlsproxy
    /// The last part is lost: rsyslog cuts it off in lines of RFC 5424, and `journalctl -o with-unit` has the unit instead.
    /// What is left need not tell that it is Postfix.
    case unknown(isPostfix: Bool)
    /// Something else, or a Postfix in a form that is not known.
    case foreign

    /// Whether the tag says it all.
    var isCertain: Bool { self == .smtp || self == .tlsproxy }

    /// - Returns: nil for Postfix's other programs.
    init?(_ line: SyslogLine) {
        let tag = line.tag
        if tag.hasSuffix("/smtp") {
            self = .smtp
        } else if tag.hasSuffix("/tlsproxy") {
            self = .tlsproxy
        } else if tag.hasPrefix("postfix/") {
            return nil
        } else if tag.index(of: UInt8(ascii: "/")) != nil {
            self = .foreign
        } else {
            let isPostfix = tag.hasPrefix("postfix")
            self = isPostfix || line.isStructured ? .unknown(isPostfix: isPostfix) : .foreign
        }
    }
}

extension SyslogLine {
    /// Whether another program's line is such as smtp(8) writes, or quotes one as a container's host would.
    fileprivate var isOfUnknownPostfix: Bool {
        guard tag.index(of: UInt8(ascii: "/")) == nil else { return false }
        if SyslogStamp.mayBegin(message) { return message.mentions(["/smtp["]) }
        return switch PostfixLine(message) {
        case .established, .noHandshake, .report: true
        case .delivery(let delivery): delivery.port == 25
        case .unverified, .reused, .offered, .outsidePolicy, .refusedByMap, .left, .unreadable, nil: false
        }
    }
}

extension PostfixLine {
    /// Whether such lines are logged of each session with TLS, so that a session without them has none.
    fileprivate var tellsOfTLS: Bool {
        switch self {
        case .established: true
        case .delivery(let delivery): delivery.tls != nil
        case .unverified, .reused, .noHandshake, .offered, .report, .outsidePolicy, .refusedByMap, .left, .unreadable:
            false
        }
    }
}
