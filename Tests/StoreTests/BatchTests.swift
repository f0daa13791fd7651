// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Gzip
import Reporting
import TLSRPT
import TestKit
import Testing
@testable import Store

@Suite("What is counted is in one batch for the fleet, and its day in one place")
struct BatchTests {
    private let clock = TestClock(noon)
    private let today = noon.day
    private let log = CapturedLog()

    private func count(
        _ domain: String, good: Int = 0, failures: Int = 0, host: String = "mx", on day: UTCDay? = nil, in store: Store
    ) async throws {
        let ledger = Ledger(store: store, clock: clock, logger: log.logger)
        let policy = AppliedPolicy.reported(ReportedPolicy(.sts, domain: domain, strings: ["one"]))
        func session(_ details: [FailureDetails]) throws -> SessionCount {
            SessionCount(
                day: day ?? today, domain: try name(domain), policy: policy, isFailure: !details.isEmpty,
                details: details)
        }
        if good > 0 { ledger.record([try session([])], times: good) }
        if failures > 0 {
            ledger.record(
                [try session([FailureDetails(.certificateExpired, receivingMXHostname: host)])], times: failures)
        }
        guard await ledger.flush() else { throw StoreError(.other, path: "", text: "not counted") }
    }

    /// What the batches from a number on say, a line for each policy of a domain.
    private func lines(_ store: Store, from first: Int64 = 1) async throws -> [String] {
        try await store.waiting(limitOctets: .max).batches.filter { $0.number >= first }.flatMap { batch in
            try CountBatch.lines(in: batch.body).map { line in
                let tally = line.result.tally
                let kinds = tally.sortedDetails.map { "\($0.details.receivingMXHostname ?? "")=\($0.sessions)" }
                    .sorted()
                return "\(batch.day.daysSinceEpoch - today.daysSinceEpoch) \(line.domain) "
                    + "\(tally.successes)/\(tally.failures) \(kinds.joined(separator: ","))"
            }
        }
    }

    @Test("a batch has what was counted since the one before, and no more")
    func differences() async throws {
        let store = try Scratch().store()
        try await count("a.example", good: 3, failures: 2, in: store)
        try await count("b.example", good: 1, in: store)
        #expect(try await store.seal(at: noon, isThorough: false) == 1)
        #expect(try await lines(store) == ["0 a.example 3/2 mx=2", "0 b.example 1/0 "])
        #expect(try await store.seal(at: noon, isThorough: true) == 0)
        try await count("a.example", failures: 1, in: store)
        try await count("a.example", failures: 4, host: "other", in: store)
        #expect(try await store.seal(at: noon, isThorough: false) == 1)
        #expect(try await lines(store, from: 2) == ["0 a.example 0/5 mx=1,other=4"])
        #expect(try await store.backlog() == CountBacklog(batches: 2, oldest: today))
    }

    @Test("many domains make several batches, each domain in one")
    func pieces() async throws {
        let store = try Scratch().store()
        for number in 0..<(PieceReader.maxDomains * 2 + 1) { try await count("d\(number).example", good: 1, in: store) }
        #expect(try await store.seal(at: noon, isThorough: false) == 3)
        let lines = try await lines(store)
        #expect(lines.count == PieceReader.maxDomains * 2 + 1 && Set(lines).count == lines.count)
        #expect(try await store.seal(at: noon, isThorough: false) == 0)
    }

    @Test("what was counted late for a day of before is found by a thorough look, what lies ahead by none")
    func days() async throws {
        let store = try Scratch().store()
        for offset in [-3, -1, 0, 1] as [Int64] {
            try await count("a.example", good: 1, on: today.advanced(by: offset), in: store)
        }
        #expect(try await store.seal(at: noon, isThorough: false) == 2)
        #expect(try await store.seal(at: noon, isThorough: true) == 1)
        #expect(try await lines(store) == ["-1 a.example 1/0 ", "0 a.example 1/0 ", "-3 a.example 1/0 "])
    }

    @Test("a day has its reports here, in a file for another machine, or in the fleet: whichever was first")
    func places() async throws {
        let yesterday = today.advanced(by: -1)
        let shared = try Scratch().store()
        try await count("a.example", good: 1, on: yesterday, in: shared)
        #expect(try await shared.openDays(before: today) == [yesterday])
        #expect(try await shared.seal(at: noon, isThorough: true) == 1)
        #expect(try await shared.openDays(before: today) == [])
        await #expect(throws: DayElsewhere.shared(yesterday)) { try await shared.begin(yesterday, at: noon) }
        await #expect(throws: ExportRefusal.shared(yesterday)) {
            try await shared.handOver(yesterday, of: name("mx.example"), at: noon)
        }
        let begun = try Scratch().store()
        try await count("a.example", good: 1, on: yesterday, in: begun)
        _ = try await begun.begin(yesterday, at: noon)
        #expect(try await begun.seal(at: noon, isThorough: true) == 0)
        #expect(try await begun.reportsItself(yesterday))
        #expect(try await !shared.reportsItself(yesterday))
        let exported = try Scratch().store()
        try await count("a.example", good: 1, on: yesterday, in: exported)
        let head = try await exported.handOver(yesterday, of: name("mx.example"), at: noon)
        #expect(try await exported.seal(at: noon, isThorough: true) == 0)
        // And a file of a machine that is no part of the fleet has no place where the day is shared.
        var work = try await CountsImport(shared, at: noon)
        for entry in [CountsEntry.head(head), .end(lines: 0)] { try await work.add(entry, entry.octets, at: noon) }
        #expect(try await work.finish(since: today.advanced(by: -60), at: noon).map(\.outcome) == [.refused(.shared)])
    }

    @Test("a batch is kept after it was sent, waits again if the database lacks it, and goes in the end")
    func shipping() async throws {
        let store = try Scratch().store()
        for _ in 1...3 {
            try await count("a.example", good: 1, in: store)
            try await store.seal(at: noon, isThorough: false)
        }
        try await store.noteShipped([1, 2], at: noon)
        #expect(try await store.waiting(limitOctets: .max).batches.map(\.number) == [3])
        #expect(try await store.shipped().kept == [1, 2])
        try await store.noteLacking([2])
        #expect(try await store.waiting(limitOctets: .max).batches.map(\.number) == [2, 3])
        #expect(try await store.waiting(limitOctets: 1).batches.map(\.number) == [2])
        try await store.noteShipped([2, 3], at: noon + .seconds(10))
        try await store.dropShipped(before: noon + .seconds(5))
        #expect(try await store.shipped().kept == [2, 3])
        try await store.dropShipped(before: noon + .seconds(50))
        // A number that was used once is never used again.
        #expect(try await store.shipped() == ([], 3))
        try await count("a.example", good: 1, in: store)
        try await store.seal(at: noon, isThorough: false)
        #expect(try await store.waiting(limitOctets: .max).batches.map(\.number) == [4])
    }

    @Test("a copy of a store leaves to the other machine what waits, and what is counted before it is one of its own")
    func copies() async throws {
        let store = try Scratch().store()
        try await count("a.example", good: 1, in: store)
        try await store.seal(at: noon, isThorough: false)
        try await store.adopt(on: "other", from: today.advanced(by: 1))
        #expect(try await store.backlog().batches == 0)
        try await count("a.example", good: 1, in: store)
        #expect(try await store.seal(at: noon, isThorough: true) == 0)
        try await count("a.example", good: 1, on: today.advanced(by: 1), in: store)
        #expect(try await store.seal(at: noon + .seconds(86_400), isThorough: true) == 1)
        #expect(try await lines(store) == ["1 a.example 1/0 "])
    }

    @Test("octets that are no batch are refused by their line")
    func strict() throws {
        let line = try CountsEntry.line(
            CountsLine(
                domain: name("a.example"), result: PolicyResult(ReportedPolicy(.sts, domain: "a.example"), Tally()))
        ).octets
        for (octets, place) in [
            (line, 1), (line + [0x0A] + line, 2), (line + [0x0A, 0x0A], 2), (line + [0x0A] + [0x7B, 0x0A], 2),
            (try CountsEntry.end(lines: 3).octets + [0x0A], 1),
        ] as [([UInt8], Int)] {
            let error = #expect(throws: CountsFileError.self) { try CountBatch.lines(in: compress(octets)) }
            #expect(error?.line == place, "\(String(decoding: octets, as: UTF8.self))")
        }
        #expect(throws: CountsFileError.self) { try CountBatch.lines(in: line) }
        #expect(try CountBatch.lines(in: compress(line + [0x0A])).count == 1)
    }
}
