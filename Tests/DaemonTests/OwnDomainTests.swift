// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TestKit
import Testing
@testable import Daemon

@Suite("What is wrong with a domain of one's own is seen, said once, and said to be mended")
struct OwnDomainTests {
    private static let start = UTCTime(secondsSinceEpoch: 1_790_000_000)

    private static func end(in days: Int64) -> UTCTime { start + .seconds(days * UTCDay.seconds + 60) }

    private func host(
        _ name: String, _ status: HostStatus = .conforming, ends: Int64 = 90, problem: String? = nil,
        isNamed: Bool = true
    ) -> Examination.Host {
        Examination.Host(
            name: name, preference: 10, port: 25, pattern: isNamed ? name : nil, status: status, address: nil, tls: nil,
            authentication: nil,
            certificate: Examination.Certificate(
                subject: "", issuer: "", notBefore: nil, notAfter: Self.end(in: ends), names: []),
            problems: problem.map { [Examination.Problem(type: "x", reasonCode: nil, text: $0)] } ?? [])
    }

    private func seen(
        _ hosts: [Examination.Host], record: Examination.Record = .init(status: .found, id: "1", problem: nil),
        source: Examination.PolicySeen.Source? = .live, warnings: [String] = [], problem: String? = nil,
        policyHostEnds: Int64? = 60, routeProblem: String? = nil, invalid: [String] = [],
        tlsrpt: Examination.Record = .init(status: .found, id: nil, problem: nil), unserved: [String] = []
    ) -> Examination {
        Examination(
            domain: "example.org", record: record,
            policy: source.map {
                Examination.PolicySeen(
                    mode: .enforce, mx: ["mx1.example.org"], maxAgeSeconds: 86_400, source: $0, expires: nil,
                    warnings: warnings)
            },
            policyProblem: problem.map { Examination.Problem(type: "x", reasonCode: nil, text: $0) },
            policyHostCertificateEnds: policyHostEnds.map(Self.end(in:)), routeProblem: routeProblem, mxSecure: false,
            hosts: hosts, invalidTargets: invalid, tlsrpt: tlsrpt, tlsrptDestinations: [], tlsrptUnserved: unserved,
            verdict: .conforming, explanation: "", conclusion: .conforming)
    }

    @Test("a domain that is in order has no trouble, and the first end of its certificates is known")
    func inOrder() {
        let examination = seen([host("mx1.example.org", ends: 14), host("mx2.example.org")])
        #expect(examination.troubles(at: Self.start).isEmpty)
        #expect(examination.daysUntilFirstEnd(at: Self.start) == 14)
    }

    @Test("each trouble has its words")
    func troubles() {
        let rows: [(Examination, [String])] = [
            (
                seen([], record: .init(status: .absent, id: nil, problem: nil), source: nil, policyHostEnds: nil),
                ["there is no TXT record at _mta-sts.example.org: nobody asks for the policy"]
            ),
            (
                seen([], record: .init(status: .invalid, id: nil, problem: "no id"), source: nil),
                ["TXT record at _mta-sts.example.org: no id"]
            ),
            (seen([], source: nil, problem: "HTTP status 404"), ["HTTP status 404"]),
            (seen([], source: nil), ["the policy cannot be fetched"]),
            (seen([], source: .cached), ["the policy cannot be fetched"]),
            (seen([], warnings: ["line 3"]), ["policy: line 3"]),
            (seen([], policyHostEnds: 13), ["the certificate of mta-sts.example.org ends in 13 days"]),
            (seen([], policyHostEnds: 0), ["the certificate of mta-sts.example.org ends within a day"]),
            (
                seen([host("mx1.example.org", .failing, problem: "host does not offer STARTTLS")]),
                ["mx1.example.org: host does not offer STARTTLS"]
            ),
            (
                seen([host("mx1.example.org", .unreachable, problem: "no route")]), ["mx1.example.org: no route"]
            ),
            (seen([host("mx9.example.org", isNamed: false)]), ["mx9.example.org: in no mx pattern of the policy"]),
            (seen([host("mx1.example.org", ends: 3)]), ["mx1.example.org: its certificate ends in 3 days"]),
            (seen([], invalid: ["192.0.2.1"]), ["MX 192.0.2.1: names no host, and no policy can cover it"]),
            (seen([], routeProblem: "null MX"), ["null MX"]),
            (
                seen([], tlsrpt: .init(status: .absent, id: nil, problem: nil)),
                ["there is no TXT record at _smtp._tls.example.org: nobody reports what fails"]
            ),
            (
                seen([], tlsrpt: .init(status: .found, id: nil, problem: "no rua")),
                ["TXT record at _smtp._tls.example.org: no rua"]
            ),
            (seen([], unserved: ["ftp:x: no"]), ["TXT record at _smtp._tls.example.org: ftp:x: no"]),
        ]
        for (examination, troubles) in rows { #expect(examination.troubles(at: Self.start).map(\.text) == troubles) }
    }

    @Test("days until a time, rounded down")
    func days() {
        #expect(Examination.daysUntil(Self.start + .seconds(86_399), at: Self.start) == 0)
        #expect(Examination.daysUntil(Self.start + .seconds(86_400), at: Self.start) == 1)
        #expect(Examination.daysUntil(Self.start - .seconds(1), at: Self.start) == -1)
    }

    @Test("a look a day, one an hour while there is trouble; said when it is news, and again after a day")
    func times() async throws {
        let clock = TestClock(Self.start)
        let log = CapturedLog()
        let next = Locked([host("mx1.example.org", .failing, problem: "no TLS")])
        let looks = Locked(0)
        let watch = OwnDomainWatch([try DomainName("example.org")], clock: clock, logger: log.logger) { _ in
            looks.withLock { $0 += 1 }
            return self.seen(next.withLock { $0 })
        }
        #expect(watch.status == ["own domain example.org: not looked at yet"])
        await watch.lookAtDue()
        await watch.lookAtDue()
        #expect(looks.withLock { $0 } == 1 && log.lines.count == 1)
        #expect(watch.status == ["own domain example.org: mx1.example.org: no TLS"])
        for _ in 0..<23 {
            clock.advance(by: .seconds(3600))
            await watch.lookAtDue()
        }
        #expect(looks.withLock { $0 } == 24 && log.lines.count == 1)
        clock.advance(by: .seconds(3600))
        await watch.lookAtDue()
        #expect(log.lines.count == 2)
        next.withLock { $0 = [host("mx1.example.org", ends: 30)] }
        clock.advance(by: .seconds(3600))
        await watch.lookAtDue()
        #expect(log.lines.count == 3 && log.lines.last?.contains("in order again") == true)
        #expect(watch.status == ["own domain example.org: in order at \(clock.now), certificates for 28 days"])
        clock.advance(by: .seconds(3600))
        await watch.lookAtDue()
        #expect(looks.withLock { $0 } == 26)
        clock.advance(by: .seconds(86_400))
        await watch.lookAtDue()
        #expect(looks.withLock { $0 } == 27 && log.lines.count == 3)
        watch.apply([])
        #expect(watch.status.isEmpty && watch.seen.isEmpty)
    }
}
