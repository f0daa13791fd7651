// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TLSRPT
import TestKit
import Testing
@testable import Store

@Suite("What an outcome adds to a report")
struct SessionCountTests {
    private func counts(_ verdict: Verdict, policy: CachedPolicy?) throws -> [SessionCount] {
        SessionCount.counts(
            of: Outcome(time: noon, policyDomain: try name("example.org"), policy: policy, verdict: verdict))
    }

    @Test("is nothing without a policy and a verdict")
    func nothing() throws {
        let policy = try cached("example.org")
        for verdict: Verdict in [.notJudged("x"), .noPolicy(nil), .modeNone, .unknown("x"), .testing([])] {
            #expect(try counts(verdict, policy: policy).isEmpty)
        }
    }

    @Test("is a success under the policy as published")
    func success() throws {
        let policy = try cached("example.org", mx: ["*.example.org", "mx.example.net"])
        let counts = try counts(.conforming(.enforce), policy: policy)
        #expect(counts.count == 1)
        #expect(counts.first?.isFailure == false)
        #expect(counts.first?.day == noon.day)
        let reported = counts.first?.policy.reported
        #expect(reported?.type == .known(.sts))
        #expect(reported?.domain == "example.org")
        #expect(reported?.mxHosts == ["*.example.org", "mx.example.net"])
        #expect(
            reported?.strings == [
                "version: STSv1", "mode: enforce", "mx: *.example.org", "mx: mx.example.net", "max_age: 86400",
            ])
    }

    @Test("is one failure in one detail, the first step that failed; what else was wrong stands beside it")
    func failure() throws {
        let findings = [
            HostFinding(
                host: try name("mx1.example.org"),
                failures: [
                    Failure(.certificateExpired, text: "x", address: IPAddress("192.0.2.1"), helo: "mx1"),
                    Failure(.validationFailure, reasonCode: mxNotInPolicyReason, text: "y"),
                ]),
            HostFinding(host: try name("mx2.example.org"), failures: [Failure(.starttlsNotSupported, text: "z")]),
        ]
        let violation = Violation(policyDomain: try name("example.org"), findings: findings)
        for verdict in [Verdict.violating(violation), .testing(findings)] {
            let counts = try counts(verdict, policy: cached("example.org"))
            #expect(counts.count == 1)
            #expect(counts.first?.isFailure == true)
            #expect(
                counts.first?.failure
                    == FailureDetails(
                        .validationFailure, receivingMXHostname: "mx1.example.org",
                        additionalInformation: "data:,certificate-expired,starttls-not-supported",
                        reasonCode: mxNotInPolicyReason))
        }
    }

    @Test("puts failures of DANE under a tlsa policy of the MX host")
    func dane() throws {
        let findings = [
            HostFinding(host: try name("mx1.example.net"), failures: [Failure(.tlsaInvalid, text: "x")]),
            HostFinding(host: try name("mx2.example.org"), failures: [Failure(.certificateExpired, text: "y")]),
            HostFinding(host: nil, failures: [Failure(.dnssecInvalid, text: "z")]),
        ]
        let counts = try counts(.testing(findings), policy: cached("example.org"))
        #expect(counts.map(\.policy.reported.type) == [.known(.tlsa), .known(.sts), .known(.tlsa)])
        #expect(counts.map(\.policy.reported.domain) == ["mx1.example.net", "example.org", "example.org"])
        #expect(counts.allSatisfy { $0.isFailure && $0.domain.ascii == "example.org" })
    }

    @Test("puts all failures under a tlsa policy where the records alone had to be kept")
    func daneAlone() throws {
        let host = HostFinding(
            host: try name("mx1.example.net"), failures: [Failure(.starttlsNotSupported, text: "no STARTTLS")])
        let violation = Violation(policyDomain: try name("example.org"), findings: [host], requirement: .dane)
        let counts = try counts(.violating(violation), policy: nil)
        #expect(counts.map(\.policy.reported.type) == [.known(.tlsa)])
        #expect(counts.map(\.policy.reported.domain) == ["mx1.example.net"])
    }

    @Test("puts a success under a tlsa policy of the best host that conforms, where DANE vouches for it")
    func successByDANE() async throws {
        func facts(_ authentication: TLSFacts.Authentication) throws -> HostEvidence {
            .conforming(
                TLSFacts(
                    address: try #require(IPAddress("192.0.2.1")), version: "TLSv1.3", cipher: "", subject: "",
                    issuer: "",
                    notBefore: nil, notAfter: nil, names: [], authentication: authentication))
        }
        let (dane, pkix, down) = (try facts(.dane), try facts(.pkix), HostEvidence.unreachable("timeout"))
        let rows: [([HostEvidence], String)] = [
            ([dane, pkix], "tlsa mx0.example.org"), ([down, dane], "tlsa mx1.example.org"),
            ([pkix, dane], "sts example.org"), ([pkix], "sts example.org"),
        ]
        for (hosts, expected) in rows {
            let candidates = try hosts.indices.map {
                MXHost(name: try name("mx\($0).example.org"), preference: UInt16($0), port: 25)
            }
            var evidence = Evidence()
            for (candidate, seen) in zip(candidates, hosts) { evidence.hosts[candidate] = seen }
            let domain = try name("example.org")
            let basis = Judgement.Basis(
                policyDomain: domain, policy: try cached("example.org"),
                route: Route(policyDomain: domain, candidates: candidates, isSecure: true), evidence: evidence)
            let store = try Scratch().store()
            let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
            ledger.recordConforming(Judgement(.conforming(.enforce), on: basis), at: noon)
            #expect(await ledger.flush())
            var found: [String] = []
            for try await domain in store.results(of: noon.day) {
                found += domain.policies.map { "\($0.policy.type.text) \($0.policy.domain ?? "-")" }
            }
            #expect(found == [expected])
        }
    }

    @Test("names a policy that cannot be had, without its text")
    func unavailable() throws {
        let counts = try counts(
            .noPolicy(PolicyFailure(.stsWebPKIInvalid, "name mismatch")), policy: cached("example.org"))
        #expect(counts.first?.policy.reported == ReportedPolicy(.sts, domain: "example.org"))
        #expect(counts.first?.failure == FailureDetails(.stsWebPKIInvalid, reasonCode: "name mismatch"))
        #expect(counts.count == 1)
    }

    @Test("has its texts up to the limit, whole where they keep to it", arguments: [254, 255, 256, 300])
    func cut(_ octets: Int) throws {
        let text = String(repeating: "x", count: octets)
        let count = SessionCount(
            day: noon.day, domain: try name("example.org"), policy: .sts(try name("example.org"), nil), isFailure: true,
            details: [FailureDetails(.validationFailure, reasonCode: text)])
        #expect(count.failure?.reasonCode == text.cut(to: 255))
        #expect(count.failure?.reasonCode?.utf8.count == min(octets, 255))
    }

    @Test("is bounded in the length of its texts")
    func bounded() throws {
        let long = String(repeating: "ü", count: 100_000)
        let helo = Failure(
            .starttlsNotSupported, reasonCode: "e\(String(repeating: "\u{301}", count: 100_000))", text: "", helo: long)
        let counts = try counts(.testing([HostFinding(host: nil, failures: [helo])]), policy: cached("example.org"))
        let details = try #require(counts.first?.failure)
        #expect(details.receivingMXHelo.map { $0.utf8.count <= SessionCount.maxTextOctets } == true)
        #expect(details.reasonCode.map { $0.utf8.count <= SessionCount.maxTextOctets } == true)
    }
}
