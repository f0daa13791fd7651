// SPDX-License-Identifier: Apache-2.0
import Glibc
import MTASTS
import Names

/// Reads what Postfix's smtp(8) logs, 3.4 and later, under any `syslog_name`.
///
/// - Deviation: sessions that smtp_tls_loglevel hides look like plain text.
package struct PostfixLogReader: LogReader {
    /// Longest line looked at, in octets: Postfix cuts its own at 2000 before the syslog daemon adds its part.
    private static let maxLineOctets = 8192
    /// Most processes whose sessions are followed at a time.
    private static let maxProcesses = 1024
    /// Most sessions of tlsproxy(8) that wait for the smtp(8) process they belong to.
    private static let maxProxied = 64
    /// How long a session may go on after its last line, in seconds; older ones are another process of the same number.
    private static let maxSilence: Int64 = 3600
    /// How long recipients of a counted session may follow, in seconds: Postfix waits 600 s for the server's last word
    /// (smtp_data_done_timeout).
    private static let maxTail: Int64 = 900
    /// How often old sessions are looked for, in seconds of log time.
    private static let sweepInterval: Int64 = 60

    private var processes: [String: PostfixProcess] = [:]
    /// What tlsproxy(8) found, by log host and peer.
    private var proxied: [String: PostfixAttempt] = [:]
    private var silence = PostfixSilence()
    private var swept: Int64 = 0
    private var clock = SyslogClock()

    private enum CodingKeys: String, CodingKey {
        case processes = "p"
        case proxied = "x"
        case silence = "s"
        case swept = "w"
    }

    package init() {}

    /// Names that smtp(8) logs under without a word of TLS, so that its plain-text sessions may be none.
    package var namesWithoutTLS: [String] { silence.names }

    package mutating func takeRemarks() -> [String] { silence.takeRemarks() }

    package mutating func read(_ lines: UnsafeRawBufferPointer, now: UTCTime, _ found: (ObservedSession) -> Void) {
        var rest = SyslogOctets(lines)
        while let line = rest.take(until: .lineFeed) {
            if line.count <= Self.maxLineOctets, let split = SyslogLine(line) { take(split, now, found) }
        }
    }

    // MARK: One line

    private enum Program { case smtp, tlsproxy, unknown }

    /// By the last part of the tag, since `syslog_name` sets the rest. An RFC 5424 line by rsyslog has lost that part.
    private static func program(_ tag: SyslogOctets) -> Program? {
        if tag.hasSuffix("/smtp") { return .smtp }
        if tag.hasSuffix("/tlsproxy") { return .tlsproxy }
        return tag.equals("postfix") ? .unknown : nil
    }

    private mutating func take(_ line: SyslogLine, _ now: UTCTime, _ found: (ObservedSession) -> Void) {
        guard let program = Self.program(line.tag), line.pid != nil, let message = PostfixLine(line.message),
            let time = clock.time(of: line, now: now)
        else { return }
        switch program {
        case .tlsproxy: note(message, of: line.host, time)
        case .smtp: follow(message, of: line, time, found)
        case .unknown:
            if case .delivery(let delivery) = message, delivery.peer != nil, delivery.port != 25 { return }
            note(message, of: line.host, time)
            follow(message, of: line, time, found)
        }
    }

    /// tlsproxy(8) does the handshakes with `smtp_tls_connection_reuse = yes`; the smtp(8) process tells the rest.
    private mutating func note(_ message: PostfixLine, of host: SyslogOctets, _ time: UTCTime) {
        switch message {
        case .unverified(let peer, let failure):
            note(peer, host, time) { $0.failure = failure }
        case .told(let peer, let domain, let failure?):
            note(peer, host, time) {
                $0.toldFailure = failure
                $0.domain = domain.prefix(DomainName.maxOctets).text
            }
        case .established, .reused, .noHandshake, .told, .outsidePolicy, .left, .delivery: break
        }
    }

    private mutating func note(
        _ peer: SyslogOctets, _ host: SyslogOctets, _ time: UTCTime, _ change: (inout PostfixAttempt) -> Void
    ) {
        let key = Self.key(host, peer.text)
        var attempt = proxied[key] ?? PostfixAttempt(peer: peer.text)
        if Self.isFar(attempt.time, time.secondsSinceEpoch) { attempt = PostfixAttempt(peer: attempt.peer) }
        attempt.time = time.secondsSinceEpoch
        change(&attempt)
        proxied[key] = attempt
        if proxied.count > Self.maxProxied { proxied = Self.newerHalf(proxied, \.time) }
    }

    private mutating func follow(
        _ message: PostfixLine, of line: SyslogLine, _ time: UTCTime, _ found: (ObservedSession) -> Void
    ) {
        let seconds = time.secondsSinceEpoch
        sweep(seconds)
        let known = proxied
        let proxied = { (peer: String) -> PostfixAttempt? in
            guard let attempt = known[Self.key(line.host, peer)] else { return nil }
            return Self.isFar(attempt.time, seconds) ? nil : attempt
        }
        var isSilent = false
        var isHeard = false
        update(line.process.text, seconds) { process in
            switch message {
            case .unverified(let peer, let failure): process.unverified(peer, failure)
            case .established(let peer, let level):
                isHeard = true
                process.established(peer, level)
            case .reused(let peer): process.reused(peer)
            case .noHandshake(let peer): process.noHandshake(peer)
            case .told(let peer, let domain, let failure): process.told(peer, domain, failure)
            case .outsidePolicy(let host, let domain): process.outsidePolicy(host, domain)
            case .left(let queueID, let verdict): process.left(queueID, verdict, proxied)
            case .delivery(let delivery):
                isHeard = delivery.tls != nil
                process.deliver(delivery, proxied) { attempt in
                    isSilent = attempt.isSilent
                    found(ObservedSession(attempt, delivery))
                }
            }
        }
        if isHeard { silence.hear(line.tag) } else if isSilent { silence.miss(line.tag) }
    }

    private mutating func update(_ name: String, _ time: Int64, _ change: (inout PostfixProcess) -> Void) {
        if processes.count >= Self.maxProcesses, processes[name] == nil {
            processes = Self.newerHalf(processes, \.time)
        }
        var process = processes.removeValue(forKey: name) ?? PostfixProcess()
        if Self.isFar(process.time, time) { process = PostfixProcess() }
        process.time = time
        change(&process)
        processes[name] = process
    }

    private mutating func sweep(_ time: Int64) {
        guard abs(swept - time) >= Self.sweepInterval else { return }
        swept = time
        processes = processes.filter {
            let age = abs(time - $0.value.time)
            return age <= ($0.value.isPending ? Self.maxSilence : Self.maxTail)
        }
        proxied = proxied.filter { !Self.isFar($0.value.time, time) }
    }

    /// What is left where there was too much: by halves, so that not each line costs a search.
    private static func newerHalf<Value>(_ values: [String: Value], _ time: (Value) -> Int64) -> [String: Value] {
        // By name within a second: reading again must come to the same.
        let newest = values.sorted { (time($1.value), $0.key) < (time($0.value), $1.key) }
        return Dictionary(uniqueKeysWithValues: newest.prefix(values.count / 2).map { ($0.key, $0.value) })
    }

    private static func key(_ host: SyslogOctets, _ peer: String) -> String { "\(host.text) \(peer)" }

    /// Far apart in either direction: clocks are set back, too. Stamps have 18 digits at most.
    private static func isFar(_ left: Int64, _ right: Int64) -> Bool { abs(left - right) > maxSilence }
}
