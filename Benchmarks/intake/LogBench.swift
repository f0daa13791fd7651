// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Foundation
import Intake
import MailLog

/// Lines of a mixed mail log read in a second of processor time, as `sts-milter intake` does it, beside
/// `grep -c 'postfix/smtp\['` on the same file; and of the same log compressed, beside zcat, which only unpacks.
enum LogBench {
    static let leastLines = 1_000_000
    static let rounds = 5
    static let now = UTCTime(secondsSinceEpoch: 1_795_564_800)

    /// - Parameter path: a log to read instead of one made for it.
    static func run(_ path: String?) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-intake-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        var sessions: Int?
        let log = path.map { URL(fileURLWithPath: $0) } ?? folder.appendingPathComponent("log")
        if path == nil {
            let written = try SampleLog.write(log, lines: leastLines)
            print(
                "a log of \(written.lines) lines, \(written.octets / 1_000_000) MB, \(written.sessions) sessions; "
                    + "medians of \(rounds)")
            sessions = written.sessions
        }
        let packed = folder.appendingPathComponent("log.gz")
        try pack(log, into: packed)
        try compare("reader", { try reader(log, expecting: sessions) }, least: 0.3) {
            [
                ("grep", try command("/bin/grep", "-c", "postfix/smtp\\[", log.path)),
                ("grep, LC_ALL=C", try command("/usr/bin/env", "LC_ALL=C", "grep", "-c", "postfix/smtp\\[", log.path)),
            ]
        }
        print("the same, compressed by gzip")
        try compare("reader", { try reader(packed, expecting: sessions) }, least: 0.5) {
            [("zcat alone", try command("/bin/zcat", packed.path))]
        }
    }

    /// - Parameter least: the rate of ours over that of the first other one that is asked for.
    private static func compare(
        _ name: String, _ measure: () throws -> Double, least: Double, others: () throws -> [(String, Double)]
    ) throws {
        var own: [Double] = []
        var times: [String: [Double]] = [:]
        var first = ""
        for _ in 0..<rounds {
            own.append(try measure())
            let measured = try others()
            first = measured.first?.0 ?? ""
            for (name, time) in measured { times[name, default: []].append(time) }
        }
        let median = own.sorted()[rounds / 2]
        print("  \(name): \(String(format: "%.3f s", median))")
        for (name, all) in times.sorted(by: { $0.key < $1.key }) {
            let other = all.sorted()[rounds / 2]
            print("  \(name): \(String(format: "%.3f s, ours has %.2f of its rate", other, other / median))")
            // Said, not failed on: the machine's other work decides as much as the reader.
            if name == first, other / median < least { print("  below the target of \(least)") }
        }
    }

    private static func reader(_ log: URL, expecting sessions: Int?) throws -> Double {
        let start = processorTime(RUSAGE_SELF)
        let found = try read(log.path)
        guard sessions == nil || found == sessions else {
            throw Failure("\(found) sessions found, \(sessions ?? 0) were written")
        }
        return processorTime(RUSAGE_SELF) - start
    }

    /// - Returns: the sessions found.
    static func read(_ path: String) throws -> Int {
        var log = try LogStream<PostfixLogReader>(path: path)
        var found = 0
        while let sessions = try log.next(now: now) { found += sessions.count }
        return found
    }

    private static func pack(_ log: URL, into packed: URL) throws {
        guard FileManager.default.createFile(atPath: packed.path, contents: nil) else { throw Failure("no file") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/gzip")
        process.arguments = ["-c", log.path]
        process.standardOutput = try FileHandle(forWritingTo: packed)
        try process.run()
        process.waitUntilExit()
    }

    /// Processor time of a program; what it prints is thrown away.
    private static func command(_ command: String...) throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        // A file and not /dev/null, at which grep would stop at the first line that matches.
        process.standardOutput =
            command[0].hasSuffix("grep") || command[0].hasSuffix("env") ? Pipe() : FileHandle.nullDevice
        let start = processorTime(RUSAGE_CHILDREN)
        try process.run()
        process.waitUntilExit()
        return processorTime(RUSAGE_CHILDREN) - start
    }

    /// Seconds in user mode and in the kernel: other work on the machine does not count.
    private static func processorTime(_ who: __rusage_who) -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(who.rawValue), &usage)
        let seconds = { (time: timeval) in Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
