// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Foundation
import Logging
@testable import Intake
@testable import MailLog

/// Reads a log of two lines a session: `open N`, and later `done N`. Others are noise.
struct PairReader: LogReader {
    var open: Set<String> = []
    var remarks: [String] = []
    var unread: [String] = []
    /// Seconds by which the stamps of what follows are off.
    var offset: Int64 = 0
    var settings: LogReaderSettings {
        get { LogReaderSettings() }
        set {}
    }

    mutating func read(_ lines: UnsafeRawBufferPointer, now: UTCTime, into sessions: inout [ObservedSession]) {
        precondition(lines.last == UInt8(ascii: "\n"))
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            // Behind a prefix or not.
            let words = Array(String(decoding: line, as: UTF8.self).split(separator: " ").suffix(2))
            guard words.count == 2 else { continue }
            if words[0] == "open" { open.insert(String(words[1])) }
            if words[0] == "remark" { remarks.append(String(words[1])) }
            if words[0] == "unread" { unread.append(String(words[1])) }
            if words[0] == "offset" { offset = Int64(words[1]) ?? 0 }
            guard words[0] == "done", open.remove(String(words[1])) != nil else { continue }
            sessions.append(
                ObservedSession(
                    source: .postfixLog, time: now + .seconds(offset), domain: nil, host: nil, address: nil,
                    result: .verified,
                    queueID: String(words[1])))
        }
    }

    mutating func takeRemarks() -> [String] {
        defer { remarks = [] }
        return remarks
    }

    mutating func takeUnread() -> UnreadLines? {
        var lines = UnreadLines()
        for line in unread { Array(line.utf8).withUnsafeBytes { lines.note(SyslogOctets($0)) } }
        unread = []
        return lines.take()
    }

    static func lines(_ numbers: some Sequence<Int>) -> String {
        numbers.map { "open \($0)\nnoise\ndone \($0)\n" }.joined()
    }
}

/// A ledger in memory, whose disk can be full.
final class MemoryLedger: IntakeLedger {
    struct Full: Error {}

    private struct State {
        var counts: [SessionCount] = []
        var mark: IntakeMark?
        var commits = 0
        var refused = 0
        var isFull = false
    }

    private let state = Locked(State())

    func mark(of source: String) async throws -> IntakeMark? {
        try state.withLock { state in
            if state.isFull { state.refused += 1 }
            guard !state.isFull else { throw Full() }
            return state.mark
        }
    }

    func commit(_ sessions: [SessionCount], mark: IntakeMark) async throws {
        try state.withLock { state in
            if state.isFull { state.refused += 1 }
            guard !state.isFull else { throw Full() }
            state.counts += sessions
            state.mark = mark
            state.commits += 1
        }
    }

    var isFull: Bool {
        get { state.withLock { $0.isFull } }
        set { state.withLock { $0.isFull = newValue } }
    }
    var commits: Int { state.withLock { $0.commits } }
    var refused: Int { state.withLock { $0.refused } }
    var days: [UTCDay] { state.withLock { $0.counts.map(\.day) } }
    /// The numbers of the sessions, in the order in which they were counted.
    var numbers: [Int] {
        state.withLock { $0.counts.compactMap { Int($0.domain.ascii.dropFirst().prefix { $0 != "." }) } }
    }
}

/// A log in a directory of its own, written and rotated as syslog and logrotate do.
final class LogScratch {
    private let folder: TemporaryDirectory
    var directory: String { folder.path }
    var log: String { directory + "/mail.log" }

    init() throws { folder = try TemporaryDirectory() }

    func write(_ text: String, to name: String = "mail.log") throws { try write(Array(text.utf8), to: name) }

    func write(_ octets: [UInt8], to name: String = "mail.log") throws {
        let path = directory + "/" + name
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: octets)
    }

    /// Renames mail.log.1 to mail.log.2, and mail.log to mail.log.1.
    func rename() throws {
        try shift()
        try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
    }

    /// Copies mail.log to mail.log.1, and cuts it.
    func copyAndTruncate() throws {
        try shift()
        try FileManager.default.copyItem(atPath: log, toPath: log + ".1")
        try cut()
    }

    func cut() throws {
        guard truncate(log, 0) == 0 else { throw LogFileError(code: errno) }
    }

    private func shift() throws {
        for number in (1...99).reversed() where FileManager.default.fileExists(atPath: log + ".\(number)") {
            try FileManager.default.moveItem(atPath: log + ".\(number)", toPath: log + ".\(number + 1)")
        }
        // File systems keep times by the tick of the clock: two rotations are never within one.
        usleep(10_000)
    }
}

/// Counts each session under a domain that tells its number.
struct NumberCounter: SessionCounter {
    func counts(of sessions: [ObservedSession]) async -> [SessionCount] {
        sessions.compactMap { session in
            guard let number = session.queueID, let domain = try? DomainName("n\(number).example") else { return nil }
            return SessionCount(day: session.time.day, domain: domain, policy: .sts(domain, nil), isFailure: false)
        }
    }
}

/// A follower of a log that can be stopped at any moment and started again.
struct FollowedLog {
    let scratch: LogScratch
    let ledger = MemoryLedger()
    let log = CapturedLog()
    let status = SourceStatus()
    let clock = TestClock()
    var beginsAtEnd = false
    var pace = IntakePace()

    init() throws {
        scratch = try LogScratch()
        pace.poll = .milliseconds(2)
        pace.interval = .zero
        pace.retry = .milliseconds(1)
    }

    var ports: IntakePorts { IntakePorts(counter: NumberCounter(), ledger: ledger, clock: clock) }

    /// Follows while `body` runs, and then stops as a kill would.
    func follow(_ body: () async throws -> Void) async throws {
        let follower = LogFollower<PairReader>(
            .postfixLog, path: scratch.log, beginsAtEnd: beginsAtEnd, pace: pace, ports: ports,
            status: status, logger: log.logger)
        let task = Task { await follower.run() }
        let result = await Result { try await body() }
        task.cancel()
        await task.value
        try result.get()
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// The logs and datagrams of real MTAs, which the readers' own tests hold.
func sampleLogs(_ folder: String, beside file: String = #filePath) -> URL {
    URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("MailLogTests/Logs/\(folder)")
}
