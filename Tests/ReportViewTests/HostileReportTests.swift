// SPDX-License-Identifier: Apache-2.0
import Gzip
import TLSRPT
import Testing

@Suite("A report that is too much is summed, and it is said")
struct HostileReportTests {
    private static func text(_ details: String, _ policies: String = "") -> [UInt8] {
        let head = #"{"date-range":{"start-datetime":"2026-11-23T00:00:00Z","end-datetime":"2026-11-23T23:59:59Z"},"#
        let policy = #"{"policy":{"policy-type":"sts","policy-domain":"b.example"},"#
        let summary = #""summary":{"total-successful-session-count":1,"total-failure-session-count":9},"#
        return Array(
            (head + "\"policies\":[" + policy + summary + "\"failure-details\":[\(details)]}\(policies)]}").utf8)
    }

    @Test("kinds of failure past the limit are summed by type; no session is lost")
    func kinds() throws {
        let count = ReportParser.maxKinds + 500
        let details = (0..<count).map { number in
            let type = number.isMultiple(of: 2) ? "certificate-expired" : "made-up-\(number)"
            return #"{"result-type":"\#(type)","receiving-ip":"\#(number)","failed-session-count":2}"#
        }
        let (reports, problems) = found(in: Self.text(details.joined(separator: ",")))
        #expect(problems == ["500 more kinds of failure with 1000 sessions, summed and not shown"])
        let tally = try #require(reports.first?.policies.first?.tally)
        #expect(tally.details.count == ReportParser.maxKinds + 2)
        #expect(tally.details.values.reduce(0, +) == 2 * count)
        let sums = tally.details.filter { $0.key.reasonCode == ReportParser.foldedReason }
        #expect(sums.map(\.value).sorted() == [500, 500])
        #expect(Set(sums.map(\.key.type.text)) == ["certificate-expired", "other"])
    }

    @Test("equal kinds are one, however many they are")
    func equal() throws {
        let details = Array(repeating: #"{"result-type":"x","failed-session-count":1}"#, count: 50_000)
        let (reports, problems) = found(in: try compress(Self.text(details.joined(separator: ","))))
        #expect(problems == [])
        #expect(reports.first?.policies.first?.tally.details.map(\.value) == [50_000])
    }

    @Test("policies past the limit are summed by type")
    func policies() throws {
        let more = Array(
            repeating:
                #",{"policy":{"policy-type":"tlsa"},"summary":{"total-successful-session-count":3,"total-failure-session-count":0}}"#,
            count: ReportParser.maxPolicies + 9)
        let (reports, notes) = read(Self.text("", more.joined()))
        #expect(notes.problems == ["10 more policies, summed and not shown"])
        let kept = "policies[1].policy.policy-domain: missing, taken from the report's other policies (and 998 more)"
        #expect(notes.remarks == [kept])
        let policies = try #require(reports.first?.policies)
        #expect(policies.count == ReportParser.maxPolicies + 1)
        #expect(policies.map(\.tally.successes).reduce(0, +) == 1 + 3 * more.count)
        // The sum is of whatever domains.
        #expect(policies.filter { $0.policy.domain == nil }.map(\.tally.successes) == [30])
    }

    @Test("texts past the limit are cut, and kinds that would bring more are summed")
    func texts() throws {
        let long = String(repeating: "y", count: 60_000)
        let details = (0..<100).map {
            #"{"result-type":"x","failure-reason-code":"\#($0)\#(long)","failed-session-count":1}"#
        }
        let (reports, problems) = found(in: Self.text(details.joined(separator: ",")))
        #expect(problems.count == 1 && problems[0].contains("more kinds of failure"))
        let kept = try #require(reports.first?.policies.first?.tally.details)
        #expect(kept.count < 40 && kept.values.reduce(0, +) == 100)
        let cut = found(
            in: Self.text(#"{"result-type":"\#(String(repeating: "ä", count: 50_000))","failed-session-count":1}"#))
        #expect(cut.problems == ["very long texts, cut"] && cut.reports.count == 1)
    }

    @Test("compressed contents in contents are bounded as a whole")
    func nested() throws {
        let swelling = try compress([UInt8](repeating: UInt8(ascii: "\n"), count: 12 << 20))
        #expect(found(in: try compress(swelling)).problems.count == 1)
    }

    @Test("a report of ours at its largest loses no count, only text of its policies")
    func ours() throws {
        let lines = (0..<1600).map { "mx: host-number-\($0).mail.example.org" }
        let policies = (0..<32).map { number in
            PolicyResult(
                ReportedPolicy(.sts, domain: "p\(number).example", strings: lines),
                Tally(failures: 7, details: [FailureDetails(.certificateExpired, reasonCode: "\(number)"): 7]))
        }
        let json = try Sample.report(policies).json()
        #expect(json.count <= Report.maxOctets)
        let (reports, problems) = found(in: try compress(json))
        #expect(reports.first?.policies.map(\.tally) == policies.map(\.tally))
        #expect(problems == ["very long texts, cut"])
    }
}
