// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import SQLite
import TLSRPT
import Testing
@testable import Store

@Suite("The ledger counts each session once")
struct LedgerTests {
    private let clock = TestClock(noon)

    private func ledger(_ store: Store, _ log: CapturedLog = CapturedLog()) -> Ledger {
        Ledger(store: store, clock: clock, logger: log.logger)
    }

    private func results(_ store: Store, _ day: UTCDay = noon.day) async throws -> [String: [PolicyResult]] {
        var found: [String: [PolicyResult]] = [:]
        for try await domain in store.results(of: day) {
            #expect(found[domain.domain.ascii] == nil)
            found[domain.domain.ascii] = domain.policies
        }
        return found
    }

    private func session(
        _ domain: String, day: UTCDay = noon.day, policy: ReportedPolicy? = nil, failing details: FailureDetails? = nil
    ) throws -> SessionCount {
        SessionCount(
            day: day, domain: try name(domain),
            policy: .reported(policy ?? ReportedPolicy(.noPolicyFound, domain: domain)),
            isFailure: details != nil, details: details.map { [$0] } ?? [])
    }

    @Test("a verdict that a route keeps its policy counts as its outcome does, wherever the policy lies in memory")
    func conforming() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        let policies = [
            try cached("a.example"), try cached("a.example"), try cached("b.example"),
            try cached("a.example", mx: ["mx2.example.org"]), try cached("a.example", mode: "testing"), nil,
        ]
        for policy in policies {
            let domain = try policy?.domain ?? name("a.example")
            let verdict = Verdict.conforming(policy?.policy.mode ?? .enforce)
            let basis = Judgement.Basis(policyDomain: domain, policy: policy)
            ledger.recordConforming(Judgement(verdict, on: basis), at: noon)
            ledger.recordConforming(Judgement(verdict, on: basis), at: noon)
            ledger.recordConforming(Judgement(verdict, on: basis), at: noon + .seconds(86_400))
            ledger.record(Outcome(time: noon, policyDomain: domain, policy: policy, verdict: verdict))
        }
        // No policy can belong to it.
        ledger.recordConforming(Judgement(.conforming(.enforce)), at: noon)
        #expect(await ledger.flush())
        for (day, times) in [(noon.day, 3), (noon.day.advanced(by: 1), 1)] {
            let found = try await results(store, day)
            #expect(found.count == 2)
            #expect(found["a.example"]?.map(\.tally.successes).sorted() == [1, 1, 1, 2].map { $0 * times })
            #expect(found["b.example"]?.map(\.tally.successes) == [times])
        }
    }

    @Test("more domains at one time than wait in memory, when who counts keeps up with the disk")
    func flood() async throws {
        let store = try Scratch().store()
        let log = CapturedLog()
        let ledger = ledger(store, log)
        let domains = PendingCounts.maxTallies + 10_000
        for number in 0..<domains {
            let domain = "d\(number).example"
            let details = number % 3 == 0 ? FailureDetails(.certificateExpired, receivingMXHostname: domain) : nil
            ledger.record([try session(domain, failing: details)])
            if number.isMultiple(of: 200) { await ledger.keepUp() }
        }
        #expect(await ledger.flush())
        #expect(log.lines.isEmpty)
        let found = try await results(store)
        #expect(found.count == domains)
        #expect(found.values.allSatisfy { $0.count == 1 && $0[0].tally.sessions == 1 })
        #expect(found["d3.example"]?.first?.tally.details.count == 1)
    }

    @Test("details that differ by an empty text alone are one row")
    func empty() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        for reason in [nil, ""] {
            ledger.record([try session("d.example", failing: FailureDetails(.certificateExpired, reasonCode: reason))])
        }
        #expect(await ledger.flush())
        let tally = try #require(try await results(store)["d.example"]?.first?.tally)
        #expect(tally.failures == 2 && Array(tally.details.values) == [2])
    }

    @Test("details that are one text once they are read from the database are one row")
    func afterNUL() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        for reason in ["a", "a\0b", "a\0"] {
            ledger.record([try session("d.example", failing: FailureDetails(.certificateExpired, reasonCode: reason))])
        }
        #expect(await ledger.flush())
        ledger.record([try session("d.example", failing: FailureDetails(.certificateExpired, reasonCode: "a\0c"))])
        #expect(await ledger.flush())
        let tally = try #require(try await results(store)["d.example"]?.first?.tally)
        #expect(tally.failures == 4 && Array(tally.details.values) == [4])
    }

    @Test("from many threads, over flushes and a restart")
    func exact() async throws {
        let scratch = try Scratch()
        let domains = 20
        let policies = try (0..<domains).map { try cached("d\($0).example", mx: ["mx.d\($0).example"]) }
        for _ in 1...2 {
            let store = try scratch.store()
            let ledger = ledger(store)
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        for number in 0..<1000 {
                            let policy = policies[(number + worker) % domains]
                            let finding = HostFinding(
                                host: policy.domain, failures: [Failure(.certificateExpired, text: "")])
                            let verdict: Verdict =
                                number.isMultiple(of: 2) ? .conforming(.testing) : .testing([finding])
                            ledger.record(
                                Outcome(time: noon, policyDomain: policy.domain, policy: policy, verdict: verdict))
                            if number.isMultiple(of: 100) { await ledger.flush() }
                        }
                    }
                }
            }
            #expect(await ledger.flush())
        }
        let found = try await results(scratch.store())
        #expect(found.count == domains)
        let tallies = found.values.flatMap { $0 }.map(\.tally)
        #expect(tallies.count == domains)
        #expect(tallies.reduce(0) { $0 + $1.successes } == 8000)
        #expect(tallies.reduce(0) { $0 + $1.failures } == 8000)
        #expect(
            tallies.allSatisfy { $0.failures + $0.successes == 800 && $0.details.values.reduce(0, +) == $0.failures })
    }

    @Test("a changed policy is a second policy of the same report, each kept once")
    func changedPolicy() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        for (mx, sessions) in [("a.example", 3), ("b.example", 2), ("a.example", 4)] {
            let policy = try cached("example.org", mx: [mx])
            for _ in 0..<sessions {
                ledger.record(
                    Outcome(time: noon, policyDomain: policy.domain, policy: policy, verdict: .conforming(.enforce)))
            }
            await ledger.flush()
        }
        let policies = try await #require(results(store)["example.org"])
        #expect(policies.map(\.policy.mxHosts) == [["a.example"], ["b.example"]])
        #expect(policies.map(\.tally.successes) == [7, 2])
        let kept = try await store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM applied_policy") }
        #expect(kept == 2)
    }

    @Test("every member of a detail comes back")
    func details() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        let full = FailureDetails(
            .validationFailure, sendingMTAIP: "192.0.2.1", receivingMXHostname: "mx.example.org",
            receivingMXHelo: "h\r\n\"ü",
            receivingIP: "2001:db8::1", additionalInformation: "https://x.example/", reasonCode: "why")
        let policy = ReportedPolicy(.tlsa, domain: "mx.example.org", strings: ["3 1 1 AB/CD", "2 0 1 \"\n"])
        for details in [full, FailureDetails(.validationFailure), full] {
            ledger.record([try session("example.org", policy: policy, failing: details)])
        }
        await ledger.flush()
        #expect(
            try await results(store) == [
                "example.org": [
                    PolicyResult(policy, Tally(failures: 3, details: [full: 2, FailureDetails(.validationFailure): 1]))
                ]
            ])
    }

    @Test("details past the cap are summed under their type, and the counts stay whole", arguments: [1, 7, 1000])
    func detailCap(_ sessionsBetweenFlushes: Int) async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        let count = Ledger.maxDetails * 3
        for number in 0..<count {
            let details = FailureDetails(.starttlsNotSupported, receivingIP: "192.0.2.\(number)")
            ledger.record([try session("example.org", failing: details)])
            if number.isMultiple(of: sessionsBetweenFlushes) { await ledger.flush() }
        }
        await ledger.flush()
        let tally = try await #require(results(store)["example.org"]?.first?.tally)
        #expect(tally.failures == count)
        #expect(tally.details.count == Ledger.maxDetails + 1)
        #expect(tally.details[FailureDetails(.starttlsNotSupported).folded] == count - Ledger.maxDetails)
        #expect(tally.details.values.reduce(0, +) == count)
    }

    @Test("policies past the cap are summed without their text")
    func policyCap() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        for _ in 1...2 {
            for number in 0..<Ledger.maxPolicies * 2 {
                ledger.record([
                    try session(
                        "example.org", policy: ReportedPolicy(.sts, domain: "example.org", strings: ["\(number)"]))
                ])
                await ledger.flush()
            }
        }
        let policies = try await #require(results(store)["example.org"])
        #expect(policies.count == Ledger.maxPolicies + 1)
        #expect(policies.last?.policy == ReportedPolicy(.sts, domain: "example.org"))
        #expect(policies.map(\.tally.successes).reduce(0, +) == Ledger.maxPolicies * 4)
    }

    @Test("days are apart, and old ones are pruned with the policies that only they had")
    func days() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        let days = (0..<3).map { noon.day.advanced(by: $0) }
        for day in days {
            let policy = ReportedPolicy(.tlsa, domain: "mx.example", strings: ["of \(day)"])
            ledger.record([
                try session("example.org", day: day, failing: FailureDetails(.certificateExpired)),
                try session("example.org", day: day, policy: policy),
            ])
        }
        await ledger.flush()
        #expect(try await store.days() == days)
        #expect(try await results(store, days[1])["example.org"]?.count == 2)
        #expect(try await store.prune(before: days[2]) == 4)
        #expect(try await store.days() == [days[2]])
        #expect(try await results(store, days[1]).isEmpty)
        #expect(try await results(store, days[2])["example.org"]?.map(\.tally.failures).max() == 1)
        let rows = try await store.read { db in
            try ["applied_policy", "failure"].map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") }
        }
        #expect(rows == [2, 1])
    }

    @Test("a report of many domains comes in order, each once")
    func manyDomains() async throws {
        let store = try Scratch().store()
        let ledger = ledger(store)
        let names = (100..<355).map { "d\($0).example" }
        ledger.record(try names.map { try session($0) })
        await ledger.flush()
        var found: [String] = []
        for try await domain in store.results(of: noon.day) { found.append(domain.domain.ascii) }
        #expect(found == names)
    }
}
