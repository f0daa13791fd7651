// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Reporting
import TLSRPT
import TestKit
import Testing
@testable import Store

@Suite("What was held back is told by domain, over days")
struct HeldCountsTests {
    private static let enforce = ["version: STSv1", "mode:  enforce ", "mx: *.example", "max_age: 86400"]
    private static let testing = ["version: STSv1", "mode: testing", "mx: enforce.example", "max_age: 86400"]

    private func count(
        _ ledger: Ledger, _ domain: String, _ type: PolicyType = .sts, _ lines: [String] = enforce, day: Int64 = 0,
        failing details: FailureDetails? = nil, times: Int = 1
    ) throws {
        ledger.record(
            [
                SessionCount(
                    day: noon.day.advanced(by: day), domain: try name(domain),
                    policy: .reported(ReportedPolicy(type, domain: domain, strings: lines)), isFailure: details != nil,
                    details: details.map { [$0] } ?? [])
            ], times: times)
    }

    @Test("enforce policies and TLSA records hold mail; testing, none and no policy do not")
    func modes() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        let expired = FailureDetails(
            .certificateExpired, receivingMXHostname: "mx.bad.example", receivingIP: "192.0.2.1")
        let otherAddress = FailureDetails(
            .certificateExpired, receivingMXHostname: "mx.bad.example", receivingIP: "192.0.2.2")
        try count(ledger, "bad.example", failing: expired, times: 2)
        try count(ledger, "bad.example", failing: otherAddress, times: 3)
        try count(ledger, "bad.example", times: 5)
        try count(ledger, "bad.example", day: -1, failing: FailureDetails(.starttlsNotSupported))
        try count(ledger, "bad.example", day: -20, failing: expired)
        try count(ledger, "dane.example", .tlsa, [], failing: FailureDetails(.tlsaInvalid))
        try count(ledger, "testing.example", .sts, Self.testing, failing: expired)
        try count(ledger, "unfetched.example", .sts, [], failing: FailureDetails(.stsPolicyFetchError))
        try count(ledger, "none.example", .noPolicyFound, [], failing: FailureDetails(.starttlsNotSupported))
        try count(ledger, "good.example", times: 7)
        try count(ledger, "under_score.example", failing: expired)
        #expect(await ledger.flush())

        let (domains, sessions) = try await store.heldMail(from: noon.day.advanced(by: -13), through: noon.day)
        #expect(sessions == 23)
        #expect(domains.map(\.domain.ascii) == ["bad.example", "dane.example", "under_score.example"])
        let bad = try #require(domains.first)
        #expect(bad.held == 6 && bad.sessions == 11)
        var kind = FailureDetails(.certificateExpired)
        kind.receivingMXHostname = "mx.bad.example"
        #expect(bad.kinds == [kind: 5, FailureDetails(.starttlsNotSupported): 1])
    }

    @Test("kinds of failure past the most that are told apart are summed")
    func bounded() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        for number in 0..<(HeldCounts.maxKinds + 20) {
            try count(ledger, "bad.example", failing: FailureDetails(.validationFailure, reasonCode: "r\(number)"))
        }
        #expect(await ledger.flush())
        let held = try #require(try await store.heldMail(from: noon.day, through: noon.day).domains.first)
        #expect(held.kinds.count == HeldCounts.maxKinds && held.others == 20 && held.held == HeldCounts.maxKinds + 20)
    }

    @Test("it stays where the counts of a domain that wants no report go")
    func kept() async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        try count(ledger, "bad.example", failing: FailureDetails(.certificateExpired))
        try count(ledger, "bad.example", .noPolicyFound, [])
        try count(ledger, "good.example")
        #expect(await ledger.flush())
        let decisions = try ["bad.example", "good.example"].map {
            ReportDecision(day: noon.day, domain: try name($0), outcome: .absent)
        }
        try await store.settle(decisions, at: noon)
        #expect(try await store.heldMail(from: noon.day, through: noon.day).domains.map(\.held) == [1])
        var left: [String: [PolicyResult]] = [:]
        for try await results in store.results(of: noon.day) { left[results.domain.ascii] = results.policies }
        #expect(left.keys.sorted() == ["bad.example"])
        #expect(left["bad.example"]?.map(\.policy.type) == [.known(.sts)])
    }
}
