// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import Testing
@testable import Intake

/// The first pause is 20 ms and the longest 640 ms here, of which a busy machine may make more, never less.
@Suite("A journal that fails is tried again, later after each failure")
struct JournalRecoveryTests {
    @Test("and soon again after it was read in between")
    func recovery() async throws {
        let journal = FlakyJournal(failedOpens: 6, reads: [true, false])
        let opened = try await follow(journal, opens: 8)
        let hiccup = try #require(journal.failedReads.first)
        #expect(opened[7] - hiccup < .milliseconds(500))
    }

    @Test("also if it can be opened each time, but never read")
    func unreadable() async throws {
        let journal = FlakyJournal(failedOpens: 0, reads: [])
        let opened = try await follow(journal, opens: 6)
        #expect(opened[5] - opened[0] >= .milliseconds(20 + 40 + 80 + 160 + 320))
    }

    /// Follows until the journal was opened so many times.
    /// - Returns: when it was opened.
    private func follow(_ journal: FlakyJournal, opens: Int) async throws -> [ContinuousClock.Instant] {
        var world = try FollowedLog()
        world.pace.retry = .milliseconds(20)
        let follower = JournalFollower<PairReader>(
            .postfixLog, journal: journal, beginsAtEnd: false, pace: world.pace, ports: world.ports,
            status: world.status, logger: world.log.logger)
        let task = Task { await follower.run() }
        defer { task.cancel() }
        try await Wait.until("\(opens) tries") { journal.opens.count >= opens }
        return journal.opens
    }
}

/// A journal that cannot be opened at first, and then read as the script says; after its end, reading fails.
private final class FlakyJournal: JournalSource {
    private struct State {
        var failedOpens: Int
        var reads: [Bool]
        var opens: [ContinuousClock.Instant] = []
        var failedReads: [ContinuousClock.Instant] = []
    }

    private let state: Locked<State>

    init(failedOpens: Int, reads: [Bool]) { state = Locked(State(failedOpens: failedOpens, reads: reads)) }

    var opens: [ContinuousClock.Instant] { state.withLock { $0.opens } }
    var failedReads: [ContinuousClock.Instant] { state.withLock { $0.failedReads } }

    func open(at mark: JournalMark?) async throws(JournalError) -> JournalMark {
        let fails = state.withLock { state in
            state.opens.append(.now)
            state.failedOpens -= 1
            return state.failedOpens >= 0
        }
        if fails { throw .nothingToRead }
        return mark ?? JournalMark(cursor: nil)
    }

    func read(waiting time: Duration) async throws(JournalError) -> Journal.Batch {
        let isRead = state.withLock { state in
            let isRead = state.reads.isEmpty ? false : state.reads.removeFirst()
            if !isRead { state.failedReads.append(.now) }
            return isRead
        }
        guard isRead else { throw .nothingToRead }
        return Journal.Batch(lines: Array("noise\n".utf8), mark: JournalMark(cursor: "1"))
    }
}
