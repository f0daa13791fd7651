// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TLSRPT
import Testing
@testable import Daemon

@Suite("What a domain publishes follows from its MX hosts")
struct PublicationTests {
    private let now = UTCTime(secondsSinceEpoch: 1_790_000_000)

    private func host(
        _ name: String, _ status: HostStatus = .conforming, ends: Int64? = 90, problems: [String] = [],
        pattern: String? = nil
    ) -> Examination.Host {
        let certificate = ends.map {
            Examination.Certificate(
                subject: "CN=\(name)", issuer: "CN=ca", notBefore: nil,
                notAfter: now + .seconds($0 * UTCDay.seconds), names: [name])
        }
        return Examination.Host(
            name: name, preference: 10, port: 25, pattern: pattern, status: status, address: "192.0.2.1", tls: nil,
            authentication: nil, certificate: certificate,
            problems: problems.map { Examination.Problem(type: "x", reasonCode: nil, text: $0) })
    }

    private func seen(
        _ hosts: [Examination.Host], invalid: [String] = [], policy: Examination.PolicySeen? = nil
    ) -> Examination {
        Examination(
            domain: "example.org", record: .init(status: .absent, id: nil, problem: nil), policy: policy,
            policyProblem: nil, policyHostCertificateEnds: nil, routeProblem: nil, mxSecure: false, hosts: hosts,
            invalidTargets: invalid,
            tlsrpt: .init(status: .absent, id: nil, problem: nil), tlsrptDestinations: [], tlsrptUnserved: [],
            verdict: .noPolicy, explanation: "", conclusion: .conforming)
    }

    private func publication(
        _ seen: Examination, _ mode: Policy.Mode = .testing, rua: String? = nil
    ) throws -> Publication? {
        Publication(
            of: try DomainName("example.org"), seen, mode: mode, reportsTo: try rua.map { try ReportDestination($0) },
            at: now)
    }

    @Test("a policy that its own reader takes, the records, testing first")
    func whole() throws {
        let made = try #require(try publication(seen([host("mx1.example.org"), host("mx2.example.net")])))
        #expect(made.warnings.isEmpty && made.exitCode == 0)
        let read = try Policy.read(made.policy.utf8)
        #expect(read.warnings.isEmpty && read.policy.mode == .testing && read.policy.maxAgeSeconds == 86_400)
        #expect(read.policy.mx.map(\.description) == ["mx1.example.org", "mx2.example.net"])
        #expect(
            made.records == """
                _mta-sts.example.org. IN TXT "v=STSv1; id=20260921141320;"
                _smtp._tls.example.org. IN TXT "v=TLSRPTv1; rua=mailto:tlsrpt@example.org"

                """)
        guard case .record(let record) = STSRecord.select(from: ["v=STSv1; id=\(made.id);"]) else {
            Issue.record("no record: \(made.id)")
            return
        }
        #expect(record.id == "20260921141320")
        #expect(made.text.contains("sts-milter publish --mode enforce example.org"))
    }

    @Test("enforce lasts weeks, and reports go where they are wanted")
    func enforce() throws {
        let made = try #require(
            try publication(seen([host("mx1.example.org")]), .enforce, rua: "https://reports.example.net/tlsrpt"))
        #expect(try Policy.read(made.policy.utf8).policy.maxAgeSeconds == 28 * 86_400)
        #expect(made.records.contains("\"v=TLSRPTv1; rua=https://reports.example.net/tlsrpt\""))
        #expect(!made.text.contains("must take mail"))
    }

    @Test("what is wrong with a host is said")
    func warnings() throws {
        let made = try #require(
            try publication(
                seen(
                    [
                        host("mx1.example.org", .failing, problems: ["host does not offer STARTTLS"]),
                        host("mx2.example.org", ends: 3),
                        host("mx3.example.org", .unreachable, problems: ["no route"]),
                    ], invalid: ["192.0.2.9"])))
        #expect(
            made.warnings == [
                "mx1.example.org: host does not offer STARTTLS: with mode enforce senders would not deliver to it",
                "mx2.example.org: its certificate ends at 2026-09-24T14:13:20Z, in 3 days",
                "mx3.example.org: could not be looked at (no route): see that it offers STARTTLS and names itself",
                "MX 192.0.2.9: names no host, and no policy can cover it",
            ])
        #expect(made.exitCode == 1 && made.text.hasPrefix("warning: mx1.example.org: "))
        #expect(try publication(seen([host("mx3.example.org", .unreachable)]))?.exitCode == 2)
    }

    @Test("a step back from enforce, and a host that the policy of now leaves out")
    func step() throws {
        let policy = Examination.PolicySeen(
            mode: .enforce, mx: ["mx1.example.org"], maxAgeSeconds: 86_400, source: .live, expires: nil, warnings: [])
        let hosts = [host("mx1.example.org", pattern: "mx1.example.org"), host("mx2.example.org")]
        let made = try #require(try publication(seen(hosts, policy: policy)))
        #expect(
            made.warnings == [
                "the domain publishes mode enforce now: this takes protection back",
                "mx2.example.org: the policy of now does not name it",
            ])
        let enforced = try #require(try publication(seen(hosts, policy: policy), .enforce))
        #expect(enforced.warnings == ["mx2.example.org: the policy of now does not name it"])
    }

    @Test("a domain without MX hosts has nothing to publish")
    func none() throws { #expect(try publication(seen([])) == nil) }
}
