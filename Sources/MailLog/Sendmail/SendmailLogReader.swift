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
    /// Names that Debian's and everybody's Sendmail logs under.
    private static let tags: [StaticString] = ["sendmail", "sm-mta", "sm-msp-queue"]

    private var processes: [String: SendmailProcess] = [:]
    private var silence = SendmailSilence()
    private var swept: Int64 = 0
    private var clock = SyslogClock()

    private enum CodingKeys: String, CodingKey {
        case processes = "p"
        case silence = "s"
        case swept = "w"
    }

    package init() {}

    package mutating func takeRemarks() -> [String] { silence.takeRemarks() }

    package mutating func read(
        _ lines: UnsafeRawBufferPointer, now: UTCTime, into sessions: inout [ObservedSession]
    ) {
        var rest = SyslogOctets(lines)
        while let line = rest.take(until: .lineFeed) {
            guard line.count <= Self.maxLineOctets, let split = SyslogLine(line), split.pid != nil,
                split.process.count <= Self.maxNameOctets, Self.tags.contains(where: { split.tag.equals($0) }),
                let message = SendmailLine(split.message),
                let time = clock.time(of: split, now: now)
            else { continue }
            if case .established = message { silence.noteTLS() }
            for session in update(split.process.text, with: message, time.secondsSinceEpoch) {
                silence.note(session.result)
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
