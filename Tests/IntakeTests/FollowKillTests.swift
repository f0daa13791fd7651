// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Logging
import Store
import TestKit
import TLSRPT
import Testing
@testable import Intake

@Suite("A kill -9 at any moment costs no session and doubles none")
struct FollowKillTests {
    private static let kills = Endurance.count(200, usually: 50)
    private static let lines = 1000 * kills
    /// Longest rest of a life, in milliseconds.
    fileprivate static let longestLife = 60

    @Test("many kills while lines are written and rotated count the same as one quiet run")
    func kills() async throws {
        let fixtures = sampleLogs("postfix-3.7")
        var forged = try ForgedLog(of: fixtures)
        let text = Array(forged.lines(Self.lines).utf8)

        let quiet = try Arena("quiet")
        try quiet.scratch.write(text)
        try await quiet.finish()
        let expected = try await quiet.counts()
        let sessions = Self.sessions(expected)
        #expect(sessions > Self.lines / 20)

        let arena = try Arena("kills")
        var random = SeededGenerator.chosen(for: "kills while a log is followed")
        var rest = text[...]
        var hits = 0
        for life in 0..<Self.kills {
            let share = rest.count / (Self.kills - life)
            if try await arena.live(life, writing: rest.prefix(share), &random) { hits += 1 }
            rest = rest.dropFirst(share)
        }
        let underFire = try await Self.sessions(arena.counts())
        try await arena.finish()
        let counted = try await arena.counts()
        #expect(counted == expected, "seed \(random.seed): \(counted.filter { expected[$0.key] != $0.value })")
        // Work was done in these lives, and there was more to do.
        #expect(hits > Self.kills / 2, "kills in the middle of the work: \(hits)")
        #expect(underFire > sessions / 10, "sessions counted before the last kill: \(underFire) of \(sessions)")
    }

    private static func sessions(_ counts: [String: [PolicyResult]]) -> Int {
        counts.values.joined().reduce(0) { $0 + $1.tally.successes + $1.tally.failures }
    }

    /// A log, a store, and the process that is killed.
    struct Arena {
        let scratch: LogScratch
        private let directory: TemporaryDirectory
        private let store: Store

        init(_ name: String) throws {
            scratch = try LogScratch()
            try scratch.write("")
            directory = try TemporaryDirectory("intake-\(name)")
            store = try Store(path: directory.path + "/store", logger: Logger(label: "arena"))
        }

        /// - Parameter octets: how much is read between two commits.
        private func start(octets: Int) throws -> BackgroundProcess {
            let program = try DaemonProcess.program("intake-victim")
            return try BackgroundProcess(
                [program, scratch.log, directory.path + "/store", "\(octets)"], logFile: directory.path + "/log")
        }

        /// A life, while its share of the log is written in pieces that end anywhere, and some are rotated away.
        ///
        /// One life in four ends at a random moment after its start, so that some have hardly begun; the others at a
        /// random moment after their first commit.
        /// - Returns: whether the kill came in the middle of the work.
        func live(
            _ number: Int, writing share: ArraySlice<UInt8>, _ random: inout SeededGenerator
        ) async throws -> Bool {
            let before = try await mark()
            let victim = try start(octets: 1)
            // Syslog daemons change files between two lines only.
            let middle = share[..<(share.startIndex + share.count / 2)].lastIndex(of: 0x0A).map { $0 + 1 }
            let parts = [share[..<(middle ?? share.startIndex)], share[(middle ?? share.startIndex)...]]
            try write(parts[0], cutAt: Int.random(in: 0...parts[0].count, using: &random))
            if number % 10 == 3 { try scratch.rename() }
            if number % 10 == 8 { try scratch.copyAndTruncate() }
            try write(parts[1], cutAt: Int.random(in: 0...parts[1].count, using: &random))
            if number % 4 > 0 { try await Wait.until("a commit") { try await mark() != before } }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...FollowKillTests.longestLife, using: &random)))
            victim.signal(SIGKILL)
            #expect(victim.waitForExit(within: .seconds(10)) == 128 + SIGKILL)
            let after = try await mark()
            return try after != before && !isAtEnd(after)
        }

        private func write(_ part: ArraySlice<UInt8>, cutAt count: Int) throws {
            try scratch.write(Array(part.prefix(count)))
            try scratch.write(Array(part.dropFirst(count)))
        }

        /// Lets a last victim read to the end.
        func finish() async throws {
            let victim = try start(octets: 4 << 20)
            defer { victim.stop() }
            try await Wait.until("the end of the log", within: .seconds(120)) { try await isAtEnd(mark()) }
        }

        private func mark() async throws -> LogFileMark? {
            struct State: Decodable { let place: LogFileMark }
            guard let mark = try await store.intakeMark(of: "postfix-log \(scratch.log)") else { return nil }
            return try JSONDecoder().decode(State.self, from: Data(mark.state)).place
        }

        private func isAtEnd(_ mark: LogFileMark?) throws -> Bool {
            let file = try LogFile(scratch.log)
            return mark?.inode == file.inode && mark?.offset == file.size
        }

        func counts() async throws -> [String: [PolicyResult]] {
            var counts: [String: [PolicyResult]] = [:]
            for day in try await store.days() {
                for try await domain in store.results(of: day) { counts["\(day) \(domain.domain)"] = domain.policies }
            }
            return counts
        }
    }
}
