// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip
import TLSRPT
import Testing
@testable import Reporting

@Suite("A report that is too large loses details, never sessions")
struct CutTests {
    private let day = UTCDay(daysSinceEpoch: 20_000)

    private func results(details: Int, strings: Int = 1) throws -> DomainResults {
        var policies: [PolicyResult] = []
        for type in [PolicyType.sts, .tlsa] {
            var tally = Tally(successes: 5)
            for number in 0..<details {
                let result: ResultType = number.isMultiple(of: 2) ? .certificateExpired : .validationFailure
                let kind = FailureDetails(result, receivingMXHostname: "mx\(stableHash("\(number)")).example")
                tally.details[kind] = number + 1
                tally.failures += number + 1
            }
            let lines = (0..<strings).map { "line: \(stableHash("line\($0)"))" }
            policies.append(PolicyResult(ReportedPolicy(type, domain: "a.example", strings: lines), tally))
        }
        return DomainResults(domain: try DomainName("a.example"), policies: policies)
    }

    private func pack(_ results: DomainResults, within limit: Int) throws -> (report: Report, bytes: Int) {
        let packed = try ReportMaker(Site.settings { $0.maxBodyBytes = limit }).pack(results, on: day)
        return (try Report(json: decompress(packed.body, limitBytes: 1 << 24)), packed.body.count)
    }

    @Test("what fits is whole")
    func whole() throws {
        let results = try results(details: 200)
        let packed = try pack(results, within: 10_000_000)
        #expect(packed.report.policies == results.policies)
        let exact = try pack(results, within: packed.bytes)
        #expect(exact.report.policies == results.policies)
    }

    @Test("the details of fewest sessions are summed under policy and type", arguments: [400, 600, 1500, 4000])
    func cut(_ limit: Int) throws {
        let results = try results(details: 200)
        let (report, bytes) = try pack(results, within: limit)
        #expect(bytes <= limit)
        let before = results.policies.map(\.tally)
        let after = report.policies.map(\.tally)
        #expect(after.map(\.failures) == before.map(\.failures) && after.map(\.successes) == before.map(\.successes))
        for (before, after) in zip(before, after) {
            #expect(after.details.count < before.details.count)
            for type in [ResultType.certificateExpired, .validationFailure] {
                func sessions(_ tally: Tally) -> Int {
                    tally.details.filter { $0.key.type == .known(type) }.values.reduce(0, +)
                }
                #expect(sessions(after) == sessions(before))
            }
            let kept = after.details.filter { $0.key.reasonCode != Report.cutReason }
            let lost = before.details.filter { kept[$0.key] == nil }
            #expect((kept.values.min() ?? .max) >= (lost.values.max() ?? 0))
            #expect(after.details.keys.contains { $0.reasonCode == Report.cutReason })
        }
    }

    @Test("of details with as many sessions just so many stay as are wanted", arguments: [0, 1, 7, 19, 20, 30])
    func ties(_ count: Int) throws {
        var tally = Tally(failures: 60)
        for number in 0..<20 { tally.details[FailureDetails(.dnssecInvalid, receivingIP: "192.0.2.\(number)")] = 3 }
        let policy = PolicyResult(ReportedPolicy(.tlsa, domain: "mx.a.example"), tally)
        let report = try ReportMaker(Site.settings()).report(
            of: DomainResults(domain: DomainName("a.example"), policies: [policy]), on: day)
        let cut = try #require(report.keeping(count).policies.first?.tally.details)
        #expect(cut.count == min(count, 20) + (count < 20 ? 1 : 0))
        #expect(cut.values.reduce(0, +) == 60)
    }

    @Test("policies keep their names when nothing else has room")
    func policyText() throws {
        let results = try results(details: 3, strings: 2000)
        let (report, _) = try pack(results, within: 500)
        #expect(report.policies.map(\.policy.strings) == [[], []])
        #expect(report.policies.map(\.policy.domain) == ["a.example", "a.example"])
        #expect(report.policies.map(\.tally.failures) == results.policies.map(\.tally.failures))
    }
}
