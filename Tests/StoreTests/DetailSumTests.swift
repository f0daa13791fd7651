// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Intake
import TLSRPT
import Testing
@testable import Store

@Suite("The details of a report sum up to its failed sessions, whatever went wrong in each")
struct DetailSumTests {
    /// The same numbers in each run.
    /// What libtlsrpt calls a failure; 999 is no code of its own.
    private static let codes = [201, 202, 203, 204, 205, 301, 302, 303, 304, 305, 306, 999]

    private let hosts = ["mx1.example.org", "mx2.example.org", "mx.elsewhere.example"]

    @Test(
        "sessions of logs and of datagrams and verdicts of the milter, in any mixture",
        arguments: 1...8 as ClosedRange<UInt64>)
    func generated(_ seed: UInt64) async throws {
        var numbers = SeededGenerator(seed: seed)
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        var sessions = 0
        for _ in 0..<600 {
            let counts =
                switch Int.random(in: 0..<3, using: &numbers) {
                case 0: try fromLog(&numbers)
                case 1: try fromDatagram(&numbers)
                default: try fromVerdict(&numbers)
                }
            #expect(Set(counts.map(\.policy)).count == counts.count, "more than once under a policy: \(counts)")
            sessions += counts.count
            ledger.record(counts)
        }
        #expect(await ledger.flush())
        let tallies = try await tallies(store)
        #expect(tallies.reduce(0) { $0 + $1.sessions } == sessions && tallies.contains { $0.failures > 0 })
        for tally in tallies { #expect(tally.details.values.reduce(0, +) == tally.failures, "\(tally)") }
    }

    private enum Teller: CaseIterable { case log, datagram, verdict }

    @Test("eight attempts at a host outside the policy, its certificate for another name", arguments: Teller.allCases)
    private func eightAttempts(_ teller: Teller) async throws {
        let store = try Scratch().store()
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        for _ in 0..<8 { ledger.record(try attempt(teller)) }
        #expect(await ledger.flush())
        let tallies = try await tallies(store)
        #expect(tallies.count == 1)
        let tally = try #require(tallies.first)
        #expect(tally.sessions == 8 && tally.failures == 8)
        #expect(Array(tally.details.values) == [8])
        let details = try #require(tally.details.keys.first)
        #expect(details.type == .known(.validationFailure) && details.reasonCode == mxNotInPolicyReason)
        #expect(details.receivingMXHostname == "mx1.d.example")
        #expect(details.additionalInformation == "data:,certificate-host-mismatch")
    }

    private func attempt(_ teller: Teller) throws -> [SessionCount] {
        let domain = try name("d.example")
        let host = try name("mx1.d.example")
        let policy = try cached("d.example", mx: ["mail.d.example"])
        switch teller {
        case .log:
            let session = ObservedSession(
                source: .postfixLog, time: noon, domain: domain, host: host, address: IPAddress("192.0.2.1"),
                result: .failed(.certificateHostMismatch, reason: nil), queueID: nil)
            return SessionCount.counts(of: session, for: domain, under: .policy(policy), seeing: nil)
        case .datagram:
            let text = """
                {"dpv":"1","d":"d.example","policies":[{"policy-type":2,"policy-domain":"d.example",\
                "policy-string":["version: STSv1","mode: enforce","mx: mail.d.example","max_age: 86400"],\
                "mx-host":["mail.d.example"],"failure-details":[\
                {"c":202,"n":"mx1.d.example"},{"c":205,"n":"mx1.d.example","f":"\(mxNotInPolicyReason)"}],"t":2,"f":1}]}
                """
            return try TLSRPTDatagram(text.utf8).sessionCounts(day: noon.day)
        case .verdict:
            let finding = HostFinding(
                host: host,
                failures: [
                    Failure(.validationFailure, reasonCode: mxNotInPolicyReason, text: "not in the policy"),
                    Failure(.certificateHostMismatch, text: "does not name mx1.d.example"),
                ])
            return SessionCount.counts(
                of: Outcome(
                    time: noon, policyDomain: domain, policy: policy,
                    verdict: .violating(Violation(policyDomain: domain, findings: [finding]))))
        }
    }

    private func tallies(_ store: Store) async throws -> [Tally] {
        var tallies: [Tally] = []
        for try await domain in store.results(of: noon.day) { tallies += domain.policies.map(\.tally) }
        return tallies
    }

    private func failures(_ numbers: inout SeededGenerator) -> [Failure] {
        (0..<Int.random(in: 1...4, using: &numbers)).map { number in
            Failure(
                ResultType.allCases.randomElement(using: &numbers) ?? .validationFailure,
                reasonCode: [nil, mxNotInPolicyReason, "x\(number)"].randomElement(using: &numbers) ?? nil, text: "")
        }
    }

    private func fromVerdict(_ numbers: inout SeededGenerator) throws -> [SessionCount] {
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

    private func fromLog(_ numbers: inout SeededGenerator) throws -> [SessionCount] {
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

    /// One policy of each kind at the most, as libtlsrpt has it; what failed on the way to success stands there, too.
    private func fromDatagram(_ numbers: inout SeededGenerator) throws -> [SessionCount] {
        let kinds = [1, 2, 9].shuffled(using: &numbers).prefix(Int.random(in: 1...3, using: &numbers))
        let policies = try kinds.map { kind in
            let details = try (0..<Int.random(in: 0...4, using: &numbers)).map { _ in
                let code = try #require(Self.codes.randomElement(using: &numbers))
                let reason = ["", #","f":"\#(mxNotInPolicyReason)""#, #","f":"expired""#].randomElement(using: &numbers)
                return #"{"c":\#(code),"n":"\#(hosts.randomElement(using: &numbers) ?? "x")"\#(reason ?? "")}"#
            }
            let isFailure = Bool.random(using: &numbers)
            return #"{"policy-type":\#(kind),"failure-details":[\#(details.joined(separator: ","))],"#
                + #""t":\#(details.count),"f":\#(isFailure ? 1 : 0)}"#
        }
        let text = #"{"dpv":"1","d":"example.org","policies":[\#(policies.joined(separator: ","))]}"#
        return try TLSRPTDatagram(text.utf8).sessionCounts(day: noon.day)
    }
}
