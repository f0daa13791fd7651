// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing
@testable import Intake

/// The files are made by systemd's own `systemd-journal-remote`; no journald runs.
@Suite("The followed journal counts each session once")
struct JournalTests {
    private func follow(_ world: FollowedLog, _ body: () async throws -> Void) async throws {
        let follower = JournalFollower<PairReader>(
            .postfixLog, directory: world.scratch.directory, beginsAtEnd: world.beginsAtEnd, pace: world.pace,
            ports: world.ports, status: world.status, logger: world.log.logger)
        let task = Task { await follower.run() }
        defer { task.cancel() }
        try await body()
        task.cancel()
        await task.value
    }

    @Test("over restarts, what other facilities say left out")
    func restarts() async throws {
        let world = try FollowedLog()
        let journal = JournalMaker(world.scratch.directory)
        try journal.append(PairReader.lines(1...20) + "open 21\n")
        try journal.append(PairReader.lines(900...905), facility: 3)
        try await follow(world) {
            try await Wait.until("the first") { world.ledger.numbers == Array(1...20) }
        }
        try journal.append("done 21\n" + PairReader.lines(22...3000))
        try await follow(world) {
            try await Wait.until("the second") { world.ledger.numbers.count >= 3000 }
        }
        try await follow(world) { try await Wait.until("a commit") { world.ledger.commits > 0 } }
        #expect(world.ledger.numbers == Array(1...3000))
    }

    @Test("while entries come in")
    func live() async throws {
        let world = try FollowedLog()
        let journal = JournalMaker(world.scratch.directory)
        try journal.append(PairReader.lines(1...2))
        try await follow(world) {
            try await Wait.until("the first") { world.ledger.numbers == [1, 2] }
            try journal.append(PairReader.lines(3...4))
            try await Wait.until("the next") { world.ledger.numbers == [1, 2, 3, 4] }
        }
    }

    @Test("from its end when it was never read")
    func firstStart() async throws {
        var world = try FollowedLog()
        world.beginsAtEnd = true
        let journal = JournalMaker(world.scratch.directory)
        try journal.append(PairReader.lines(1...2))
        try await follow(world) { try await Wait.until("a mark") { world.ledger.commits > 0 } }
        try journal.append(PairReader.lines(3...4))
        try await follow(world) { try await Wait.until("the next") { world.ledger.numbers == [3, 4] } }
    }

    @Test("from the oldest entry there is when that of the mark is gone")
    func vacuumed() async throws {
        let world = try FollowedLog()
        try JournalMaker(world.scratch.directory).append(PairReader.lines(1...2))
        try await follow(world) { try await Wait.until("counted") { world.ledger.numbers == [1, 2] } }
        try FileManager.default.removeItem(atPath: world.scratch.directory + "/mail.journal")
        try JournalMaker(world.scratch.directory, startingAt: 1_795_500_000).append(PairReader.lines(3...4))
        try await follow(world) { try await Wait.until("counted") { world.ledger.numbers == [1, 2, 3, 4] } }
    }

    @Test("and a journal that is not there is named with the cure")
    func missing() async throws {
        let world = try FollowedLog()
        let follower = JournalFollower<PairReader>(
            .postfixLog, directory: world.scratch.directory + "/none", pace: world.pace,
            ports: world.ports, logger: world.log.logger)
        let task = Task { await follower.run() }
        try await Wait.until("a warning") { world.log.lines.contains { $0.contains("No such file") } }
        task.cancel()
        await task.value
        #expect("\(JournalError.nothingToRead)".contains("systemd-journal"))
    }
}

/// Appends to a journal file what the lines say, an entry each.
final class JournalMaker {
    private let path: String
    private var time: Int

    init(_ directory: String, startingAt seconds: Int = 1_795_466_600) {
        path = directory + "/mail.journal"
        time = seconds * 1_000_000
    }

    func append(_ lines: String, facility: Int = 2) throws {
        var export = ""
        for line in lines.split(separator: "\n") {
            time += 1000
            export += """
                __REALTIME_TIMESTAMP=\(time)
                __MONOTONIC_TIMESTAMP=\(time - 1_795_000_000_000_000)
                _BOOT_ID=b59e1ad5a3c64a1cbd13b3d3d1b1a0a1
                _HOSTNAME=vm
                SYSLOG_FACILITY=\(facility)
                SYSLOG_IDENTIFIER=postfix/smtp
                SYSLOG_PID=1538
                MESSAGE=\(line)


                """
        }
        let input = path + ".export"
        try export.write(toFile: input, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: input) }
        try Command.check(["/lib/systemd/systemd-journal-remote", "-o", path, input])
    }
}
