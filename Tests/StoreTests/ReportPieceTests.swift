// SPDX-License-Identifier: Apache-2.0
import TestKit
import Core
import SQLite
import Reporting
import TLSRPT
import Testing
@testable import Store

@Suite("A day's counts are read in pieces, each domain whole")
struct ReportPieceTests {
    private let clock = TestClock(noon)

    private func session(_ domain: String, _ policy: ReportedPolicy, _ details: FailureDetails?) throws -> SessionCount
    {
        SessionCount(
            day: noon.day, domain: try name(domain), policy: .reported(policy), isFailure: details != nil,
            details: details.map { [$0] } ?? [])
    }

    @Test("details find their domain and policy over the borders of the pieces")
    func pieces() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: clock, logger: CapturedLog().logger)
        let count = PieceReader.maxDomains * 2 + 7
        var expected: [String: [Int]] = [:]
        for number in 0..<count {
            let domain = "d\(number).example"
            for policy in 0..<2 {
                let reported = ReportedPolicy(.sts, domain: domain, strings: ["of \(policy)"])
                // Every third domain has none, every fifth of the others under one policy only.
                let failures = number.isMultiple(of: 3) || (policy == 0 && number.isMultiple(of: 5)) ? 0 : policy + 2
                for failure in 0..<failures {
                    let details = FailureDetails(.certificateExpired, receivingIP: "192.0.2.\(failure)")
                    ledger.record([try session(domain, reported, details)])
                }
                ledger.record([try session(domain, reported, nil)])
                expected[domain, default: []].append(failures)
            }
        }
        await ledger.flush()
        var found: [String: [Int]] = [:]
        var last = ""
        for try await results in store.results(of: noon.day) {
            #expect(results.domain.ascii > last)
            last = results.domain.ascii
            let policies = results.policies.sorted { $0.policy.strings.description < $1.policy.strings.description }
            found[last] = policies.map(\.tally.failures)
            #expect(policies.allSatisfy { $0.tally.details.count == $0.tally.failures && $0.tally.successes == 1 })
        }
        #expect(found == expected)
        var one: [DomainResults] = []
        for try await results in store.results(of: noon.day, only: try name("d1000.example")) { one.append(results) }
        #expect(one.map(\.domain.ascii) == ["d1000.example"] && one.first?.policies.count == 2)
    }

    @Test("policies of many octets make a piece shorter")
    func longPolicies() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: clock, logger: CapturedLog().logger)
        let line = String(repeating: "x", count: 1 << 20)
        for number in 0..<20 {
            ledger.record([try session("d\(number).example", ReportedPolicy(.sts, domain: "d", strings: [line]), nil)])
            // More than waits in memory at one time.
            await ledger.flush()
        }
        let piece = try await store.counts(on: noon.day, in: DomainRange())
        #expect((1...6).contains(piece.results.count) && piece.last != nil)
        var count = 0
        for try await _ in store.results(of: noon.day) { count += 1 }
        #expect(count == 20)
    }

    @Test("counts of a day that nobody can have seen are pruned, those of tomorrow stay")
    func pruneFuture() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: clock, logger: CapturedLog().logger)
        let days: [Int64] = [0, 1, 10_000_000]
        for ahead in days {
            ledger.record([
                SessionCount(
                    day: noon.day.advanced(by: ahead), domain: try name("a.example"),
                    policy: .reported(ReportedPolicy(.noPolicyFound, domain: "a.example")), isFailure: true,
                    details: [FailureDetails(.certificateExpired)])
            ])
        }
        await ledger.flush()
        #expect(try await store.days().count == 3)
        try await store.prune(before: noon.day.advanced(by: -60), after: noon.day.advanced(by: 400))
        #expect(try await store.days() == [noon.day, noon.day.advanced(by: 1)])
    }

    @Test("what is pruned takes the fate of its reports along, and nothing younger")
    func prune() async throws {
        let store = try Scratch().store()
        let days = [noon.day, noon.day.advanced(by: 1)]
        for day in days {
            _ = try await store.begin(day, at: noon)
            let report = ReportDecision(day: day, domain: try name("a.example"), outcome: .none(.invalid, "why"))
            try await store.settle([report], at: noon)
            try await store.end(day, at: noon)
        }
        try await store.prune(before: days[1])
        #expect(try await store.reportLines(of: nil, failuresOnly: true).map(\.day) == [days[1]])
        let kept = try await store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM report_day") }
        #expect(kept == 1)
    }
}
