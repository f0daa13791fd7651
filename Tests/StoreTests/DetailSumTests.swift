// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import TLSRPT
import Testing
@testable import Store

@Suite("The details of a report sum up to its failed sessions, whatever went wrong in each")
struct DetailSumTests {
    /// The same numbers in each run.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    private let hosts = ["mx1.example.org", "mx2.example.org", "mx.elsewhere.example"]

    @Test("sessions of logs and verdicts of the milter, in any mixture", arguments: 1...8 as ClosedRange<UInt64>)
    func generated(_ seed: UInt64) async throws {
        var numbers = Numbers(state: seed)
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        var sessions = 0
        for _ in 0..<400 {
            let counts = try Bool.random(using: &numbers) ? fromLog(&numbers) : fromVerdict(&numbers)
            #expect(Set(counts.map(\.policy)).count == counts.count, "more than once under a policy: \(counts)")
            sessions += counts.count
            ledger.record(counts)
        }
        #expect(await ledger.flush())
        var tallies: [Tally] = []
        for try await domain in store.results(of: noon.day) { tallies += domain.policies.map(\.tally) }
        #expect(tallies.reduce(0) { $0 + $1.sessions } == sessions && tallies.contains { $0.failures > 0 })
        for tally in tallies { #expect(tally.details.values.reduce(0, +) == tally.failures, "\(tally)") }
    }

    private func failures(_ numbers: inout Numbers) -> [Failure] {
        (0..<Int.random(in: 1...4, using: &numbers)).map { number in
            Failure(
                ResultType.allCases.randomElement(using: &numbers) ?? .validationFailure,
                reasonCode: [nil, mxNotInPolicyReason, "x\(number)"].randomElement(using: &numbers) ?? nil, text: "")
        }
    }

    private func fromVerdict(_ numbers: inout Numbers) throws -> [SessionCount] {
        let domain = try name("example.org")
        let findings = try (0..<Int.random(in: 1...3, using: &numbers)).map { number in
            HostFinding(host: try name(hosts[number]), failures: failures(&numbers))
        }
        let verdicts: [Verdict] = [
            .testing(findings), .violating(Violation(policyDomain: domain, findings: findings)), .conforming(.enforce),
            .noPolicy(PolicyFailure(.stsPolicyFetchError, "HTTP status 404")),
        ]
        return SessionCount.counts(
            of: Outcome(
                time: noon, policyDomain: domain, policy: try cached("example.org"),
                verdict: verdicts.randomElement(using: &numbers) ?? .modeNone))
    }

    private func fromLog(_ numbers: inout Numbers) throws -> [SessionCount] {
        let domain = try name("example.org")
        let results: [ObservedSession.Result] = [
            .verified, .trusted, .untrusted, .plaintext,
            .failed(ResultType.allCases.randomElement(using: &numbers) ?? .validationFailure, reason: nil),
        ]
        let policies: [PolicyLookup] = [
            .policy(try cached("example.org")), .policy(try cached("example.org", mode: "testing")), .absent,
            .failed(PolicyFailure(.stsPolicyInvalid, "no version")),
        ]
        let session = ObservedSession(
            source: .postfixLog, time: noon, domain: domain,
            host: try name(hosts.randomElement(using: &numbers) ?? "x"),
            address: IPAddress("192.0.2.1"), result: results.randomElement(using: &numbers) ?? .verified, queueID: nil)
        let seen = Bool.random(using: &numbers) ? HostEvidence.failing(failures(&numbers), nil) : nil
        return SessionCount.counts(
            of: session, for: domain, under: policies.randomElement(using: &numbers) ?? .absent, seeing: seen)
    }
}
