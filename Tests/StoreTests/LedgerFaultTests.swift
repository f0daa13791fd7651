// SPDX-License-Identifier: Apache-2.0
import Basics
import TestKit
import Core
import SQLite
import MTASTS
import Testing
@testable import Store

@Suite("The ledger goes on without a disk")
struct LedgerFaultTests {
    private func success(_ domain: String) throws -> SessionCount {
        SessionCount(
            day: noon.day, domain: try name(domain), policy: .sts(try name(domain), nil), isFailure: false)
    }

    private func total(_ store: Store) async throws -> Int {
        try await store.read { try Int.fetchOne($0, sql: "SELECT coalesce(sum(successes), 0) FROM tally") ?? 0 }
    }

    @Test(
        "keeps counting, warns once a minute, and loses nothing",
        arguments: [
            ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 100000"),
            ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
        ])
    func fault(_ fault: String, _ repair: String) async throws {
        let log = CapturedLog()
        let clock = TestClock(noon)
        let store = try Scratch().store()
        let start = ContinuousClock.now
        let ledger = Ledger(store: store, clock: clock, logger: log.logger) { start + (clock.now - noon) }
        try store.pool.writeWithoutTransaction { try $0.execute(sql: fault) }
        for second in 0..<130 {
            // Enough domains that no page already there takes them all.
            ledger.record(try (0..<100).map { try success("d\(second)-\($0).example") })
            let isWritten = await ledger.flush()
            #expect(!isWritten || fault.contains("page_count"))
            clock.advance(by: .seconds(1))
        }
        let warnings = log.lines.filter { $0.hasPrefix("warning") }
        #expect((2...3).contains(warnings.count), "\(warnings)")
        #expect(warnings.allSatisfy { $0.contains("kept in memory") && $0.contains(store.path) })
        try store.pool.writeWithoutTransaction { try $0.execute(sql: repair) }
        #expect(await ledger.flush())
        #expect(try await total(store) == 13_000)
        #expect(log.lines.last?.contains("written again") == true)
    }

    @Test("is bounded: details go first, then what has no room, and that is said")
    func bounded() throws {
        var pending = PendingCounts(in: PendingBudget())
        for number in 0..<PendingCounts.maxTallies + 50 { pending.add(try success("d\(number).example")) }
        #expect(pending.tallies.count == PendingCounts.maxTallies)
        #expect(pending.lost == 50)
        pending.add(try success("d1.example"))
        #expect(pending.lost == 50)
        var other = PendingCounts(in: PendingBudget())
        other.add(pending)
        #expect(other.lost == 50)
        #expect(other.tallies.rows.reduce(0) { $0 + $1.tally.successes } == PendingCounts.maxTallies + 1)
    }

    @Test("counts that share a budget are bounded as one, and what was taken makes room again")
    func sharedBudget() throws {
        let budget = PendingBudget()
        var first = PendingCounts(in: budget)
        var second = PendingCounts(in: budget)
        for number in 0..<PendingCounts.maxTallies { first.add(try success("d\(number).example")) }
        second.add(try success("other.example"))
        #expect(second.tallies.isEmpty && second.lost == 1)
        let taken = first.take()
        #expect(taken.tallies.count == PendingCounts.maxTallies && first.isEmpty)
        second.add(try success("other.example"))
        #expect(second.tallies.count == 1)
        first.add(taken)
        #expect(first.tallies.count == PendingCounts.maxTallies - 1 && first.lost == 1)
    }

    @Test("many threads count while it is written: each session once")
    func race() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        let policy = try CachedPolicy(
            Policy(unpublished: .enforce, mx: []), of: name("d.example"), from: .pinned, at: noon)
        let outcomes = try (0..<50).map {
            Outcome(
                time: noon, policyDomain: try name("d\($0).example"), policy: policy, verdict: .conforming(.enforce))
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for turn in 0..<5000 { ledger.record(outcomes[turn % outcomes.count]) } }
            }
            for _ in 0..<20 { await ledger.flush() }
        }
        await ledger.flush()
        #expect(try await total(store) == 20_000)
    }

    @Test("what is committed with a mark is written whole, however much it is")
    func unbounded() throws {
        var counts = PendingCounts(in: nil)
        for number in 0..<PendingCounts.maxTallies + 50 { counts.add(try success("d\(number).example")) }
        #expect(counts.tallies.count == PendingCounts.maxTallies + 50)
        #expect(counts.lost == 0)
    }

    @Test("writes what is left when it is told to end")
    func shutdown() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        let task = Task { await ledger.run(every: .seconds(3600)) }
        ledger.record([try success("example.org")])
        task.cancel()
        await task.value
        #expect(try await total(store) == 1)
    }
}
