// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc

/// Reads what Sendmail logs of the servers that it delivers to; LogLevel 9, its default, is needed.
package struct SendmailLogReader: LogReader {
    /// Longest line looked at, in octets: Sendmail cuts its own at 1000 or so.
    private static let maxLineOctets = 8192
    /// Longest name of a process with its host, in octets.
    private static let maxNameOctets = 320
    /// Most processes whose sessions are followed at a time.
    private static let maxProcesses = 1024
    /// How long a session may go on after its last line, in seconds; older ones are another process of the same number.
    private static let maxSilence: Int64 = 3600
    /// How often old sessions are looked for, in seconds of log time.
    private static let sweepInterval: Int64 = 60
    /// What a line has that tells of a session and has no header that can be read.
    private static let words: [StaticString] = [", mailer=", "STARTTLS=client, relay="]

    private var processes: [String: SendmailProcess] = [:]
    private var silence = SendmailSilence()
    private var swept: Int64 = 0
    private var clock = SyslogClock()
    private var unread = UnreadLines()
    package var settings = LogReaderSettings()

    private enum CodingKeys: String, CodingKey {
        case processes = "p"
        case silence = "s"
        case swept = "w"
    }

    package init() {}

    package mutating func takeRemarks() -> [String] { silence.takeRemarks() }

    package mutating func takeUnread() -> UnreadLines? { unread.take() }

    package mutating func read(
        _ lines: UnsafeRawBufferPointer, now: UTCTime, into sessions: inout [ObservedSession]
    ) {
        var rest = SyslogOctets(lines)
        while let whole = rest.take(until: .lineFeed) {
            // A longer line ends there, as it would for a syslog daemon.
            let line = whole.prefix(Self.maxLineOctets)
            guard let host = SyslogLine(line) else {
                if line.mentions(Self.words) { unread.note(line) }
                continue
            }
            let split = host.contained ?? host
            // Its name is whatever -L says: sm-mta, sm-que, sm-mta-runq in Debian. Postfix's have a slash.
            guard split.process.count <= Self.maxNameOctets, split.tag.index(of: UInt8(ascii: "/")) == nil,
                let message = SendmailLine(split.message, mailers: settings.mailers)
            else { continue }
            guard split.pid != nil, let time = clock.time(of: split, now: now) else {
                processes[split.process.text] = nil
                unread.note(line)
                continue
            }
            if case .unreadable = message { unread.note(line) }
            if case .established = message { silence.noteTLS() }
            let process = split.process.text
            // Mail to mailboxes of its own is most of what a machine may deliver.
            if case .foreign = message, processes[process] == nil { continue }
            for var session in update(process, with: message, time.secondsSinceEpoch) {
                session.isTLSLogged = silence.hasTLS || session.result != .plaintext || session.fallbackReason != nil
                silence.note(session)
                sessions.append(session)
            }
        }
    }

    /// Takes what a line of the process says.
    /// - Returns: the sessions that it completes, in their order; none for most lines.
    private mutating func update(
        _ name: String, with message: SendmailLine, _ time: Int64
    ) -> [ObservedSession] {
        sweep(time)
        if processes[name] == nil, processes.count >= Self.maxProcesses,
            let oldest = processes.min(by: { $0.value.time < $1.value.time })
        {
            processes[oldest.key] = nil
        }
        var process = processes.removeValue(forKey: name) ?? SendmailProcess()
        if Self.isFar(process.time, time) { process = SendmailProcess() }
        process.time = time
        defer { processes[name] = process }
        return process.update(with: message)
    }

    private mutating func sweep(_ time: Int64) {
        guard abs(swept - time) >= Self.sweepInterval else { return }
        swept = time
        processes = processes.filter { !Self.isFar($0.value.time, time) && !$0.value.isDone(at: time) }
    }

    /// Far apart in either direction: clocks are set back, too. Stamps have 18 digits at most.
    private static func isFar(_ left: Int64, _ right: Int64) -> Bool { abs(left - right) > maxSilence }
}
