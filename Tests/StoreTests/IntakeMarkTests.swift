// SPDX-License-Identifier: Apache-2.0
import TestKit
import Core
import SQLite
import TLSRPT
import Testing
@testable import Store

@Suite("Counts of a log and its mark are written together or not at all")
struct IntakeMarkTests {
    private let source = "postfix-log /var/log/mail.log"

    private func mark(_ place: Int) -> IntakeMark { IntakeMark(source: source, state: Array("\(place)\0".utf8)) }

    private func sessions(_ count: Int) throws -> [SessionCount] {
        try (0..<count).map { number in
            SessionCount(
                day: noon.day, domain: try name("example.org"), policy: .sts(try name("example.org"), nil),
                isFailure: true,
                details: [FailureDetails(.starttlsNotSupported, receivingMXHostname: "mx\(number).example.org")])
        }
    }

    private func tally(_ store: Store) async throws -> Tally {
        for try await domain in store.results(of: noon.day) { return domain.policies[0].tally }
        return Tally()
    }

    private func ledger(_ store: Store) -> Ledger {
        Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
    }

    @Test("over a restart, each source with a mark of its own")
    func restart() async throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        #expect(try await store.intakeMark(of: source) == nil)
        try await ledger(store).commit(sessions(3), mark: mark(1))
        try await ledger(store).commit(sessions(2), mark: mark(2))
        try await ledger(store).commit([], mark: IntakeMark(source: "other", state: []))
        let again = try scratch.store()
        #expect(try await ledger(again).mark(of: source) == mark(2))
        #expect(try await ledger(again).mark(of: "other")?.state == [])
        #expect(try await tally(again).failures == 5)
    }

    @Test(
        "and a disk that is full or read-only keeps both as they were",
        arguments: [
            ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 100000"),
            ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
        ])
    func fault(_ fault: String, _ repair: String) async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        try await ledger.commit(sessions(1), mark: mark(1))
        try store.pool.writeWithoutTransaction { try $0.execute(sql: fault) }
        var refusals = 0
        // Enough that no page already there takes them all.
        for place in 2...20 {
            do {
                try await ledger.commit(
                    sessions(100), mark: IntakeMark(source: source, state: mark(place).state + text))
            } catch { refusals += 1 }
        }
        #expect(refusals > 0)
        let (written, kept) = try await (tally(store).failures, store.intakeMark(of: source))
        #expect(written == 1 + (19 - refusals) * 100)
        #expect(refusals < 19 || kept == mark(1))
        try store.pool.writeWithoutTransaction { try $0.execute(sql: repair) }
        #expect(await ledger.flush())
        #expect(try await tally(store).failures == written)
        try await ledger.commit(sessions(1), mark: mark(21))
        #expect(try await store.intakeMark(of: source) == mark(21))
    }

    /// What makes a mark too large for a page.
    private var text: [UInt8] { [UInt8](repeating: 0x61, count: 10_000) }

    @Test("details past the cap are summed, within a commit and over many")
    func cap() async throws {
        let store = try Scratch().store()
        try await ledger(store).commit(sessions(Ledger.maxDetails + 50), mark: mark(1))
        try await ledger(store).commit(sessions(Ledger.maxDetails + 70), mark: mark(2))
        let tally = try await tally(store)
        #expect(tally.failures == 2 * Ledger.maxDetails + 120)
        #expect(tally.details.count == Ledger.maxDetails + 1)
        #expect(tally.details.values.reduce(0, +) == tally.failures)
    }

    @Test("beside the counts that wait in memory")
    func pending() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        ledger.record(try sessions(2))
        try await ledger.commit(sessions(1), mark: mark(1))
        #expect(try await tally(store).failures == 1)
        #expect(await ledger.flush())
        #expect(try await tally(store).failures == 3)
    }
}
