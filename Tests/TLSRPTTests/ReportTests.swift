// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing
@testable import TLSRPT

@Suite("A report as JSON - RFC 8460 §4.4")
struct ReportTests {
    /// RFC 8460 Appendix B, with the broken URI of the page mended.
    static let example = """
        {"organization-name": "Company-X",
         "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
         "contact-info": "sts-reporting@company-x.example",
         "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
         "policies": [{
           "policy": {"policy-type": "sts",
             "policy-string": ["version: STSv1","mode: testing","mx: *.mail.company-y.example","max_age: 86400"],
             "policy-domain": "company-y.example", "mx-host": "*.mail.company-y.example"},
           "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
           "failure-details": [
             {"result-type": "certificate-expired", "sending-mta-ip": "2001:db8:abcd:0012::1",
              "receiving-mx-hostname": "mx1.mail.company-y.example", "failed-session-count": 100},
             {"result-type": "starttls-not-supported", "sending-mta-ip": "2001:db8:abcd:0013::1",
              "receiving-mx-hostname": "mx2.mail.company-y.example", "receiving-ip": "203.0.113.56",
              "failed-session-count": 200,
              "additional-information": "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported"},
             {"result-type": "validation-failure", "sending-mta-ip": "198.51.100.62", "receiving-ip": "203.0.113.58",
              "receiving-mx-hostname": "mx-backup.mail.company-y.example", "failed-session-count": 3,
              "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"}]}]}
        """

    @Test("reads the example of Appendix B")
    func appendixB() throws {
        let report = try Report(json: Self.example.utf8)
        #expect(report.organizationName == "Company-X")
        #expect(report.contactInfo == "sts-reporting@company-x.example")
        #expect(report.reportID == "5065427c-23d3-47ca-b6e0-946ea0e8c4be")
        let day = try #require(UTCDay("2016-04-01"))
        #expect(report.dateRange == Report.DateRange(day))
        let result = try #require(report.policies.first)
        #expect(result.policy.type == .known(.sts))
        #expect(result.policy.mxHosts == ["*.mail.company-y.example"])
        #expect(result.policy.strings.count == 4)
        #expect(result.tally.successes == 5326)
        #expect(result.tally.failures == 303)
        #expect(result.tally.sortedDetails.map(\.sessions) == [200, 100, 3])
        #expect(result.tally.sortedDetails.last?.details.reasonCode == "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED")
        #expect(try Report(json: report.json()) == report)
    }

    private static func report(_ policies: [PolicyResult]) -> Report {
        Report(
            organizationName: "Sender", dateRange: .init(UTCDay(daysSinceEpoch: 20_000)),
            contactInfo: "tls@sender.example",
            reportID: "2024-10-04.example.org@sender.example", policies: policies)
    }

    static let everyPolicy: [ReportedPolicy] = [
        ReportedPolicy(
            .sts, domain: "example.org",
            strings: ["version: STSv1", "mode: enforce", "mx: *.example.org", "max_age: 1"],
            mxHosts: ["*.example.org"]),
        ReportedPolicy(.sts, domain: "unfetchable.example"),
        ReportedPolicy(.tlsa, domain: "mx.example.org", strings: ["3 1 1 1F850A33"]),
        ReportedPolicy(.noPolicyFound, domain: "example.net"),
    ]

    @Test("keeps every policy type and every result type over a round trip", arguments: everyPolicy)
    func roundTrip(_ policy: ReportedPolicy) throws {
        for type in ResultType.allCases {
            let details = FailureDetails(
                type, sendingMTAIP: "192.0.2.1", receivingMXHostname: "mx.example.org",
                receivingMXHelo: "mx \"1\"\r\nü",
                receivingIP: "2001:db8::1", additionalInformation: "https://x.example/a", reasonCode: "a/b")
            let tally = Tally(successes: 2, failures: 3, details: [details: 2, FailureDetails(type): 1])
            let report = Self.report([PolicyResult(policy, tally)])
            #expect(try Report(json: report.json()) == report)
            #expect(try Report(json: report.json(pretty: true)) == report)
        }
    }

    @Test("writes keys in order, arrays as arrays, and leaves out what is absent")
    func exactText() throws {
        let policy = Self.everyPolicy[0]
        let tally = Tally(successes: 1, failures: 1, details: [FailureDetails(.certificateExpired): 1])
        let json = try Self.report([
            PolicyResult(policy, tally), PolicyResult(Self.everyPolicy[3], Tally(successes: 7)),
        ]).json()
        #expect(
            String(decoding: json, as: UTF8.self) == """
                {"contact-info":"tls@sender.example","date-range":{"end-datetime":"2024-10-04T23:59:59Z",\
                "start-datetime":"2024-10-04T00:00:00Z"},"organization-name":"Sender","policies":[\
                {"failure-details":[{"failed-session-count":1,"result-type":"certificate-expired"}],\
                "policy":{"mx-host":["*.example.org"],"policy-domain":"example.org","policy-string":\
                ["version: STSv1","mode: enforce","mx: *.example.org","max_age: 1"],"policy-type":"sts"},\
                "summary":{"total-failure-session-count":1,"total-successful-session-count":1}},\
                {"policy":{"policy-domain":"example.net","policy-type":"no-policy-found"},\
                "summary":{"total-failure-session-count":0,"total-successful-session-count":7}}],\
                "report-id":"2024-10-04.example.org@sender.example"}
                """)
    }

    @Test(
        "tolerates what senders get wrong",
        arguments: [
            ("\"contact-info\": \"sts-reporting@company-x.example\",", "\"contact-info\": null,"),
            ("\"organization-name\": \"Company-X\",", ""),
            ("\"sending-mta-ip\": \"198.51.100.62\",", "\"sending-mta-ip\": null,"),
            ("2016-04-01T00:00:00Z", "2016-04-01T00:00:00"),
            ("2016-04-01T23:59:59Z", "2016-04-02T01:59:59.999+02:00"),
            ("\"certificate-expired\"", "\"a-new-type\""),
            ("\"policy-type\": \"sts\"", "\"policy-type\": \"quantum\""),
            ("\"policy-domain\": \"company-y.example\",", ""),
            (": 5326", ": \"5326\""),
            ("\"report-id\"", "\"unknown-member\": {\"x\": [1]}, \"report-id\""),
        ])
    func tolerant(_ change: (String, String)) throws {
        let report = try Report(json: Self.replacing(change).utf8)
        #expect(report.policies.first?.tally.successes == 5326)
        #expect(report.policies.first?.tally.sortedDetails.map(\.sessions) == [200, 100, 3])
        #expect(report.dateRange.end - report.dateRange.start == .seconds(86_399))
        #expect(try Report(json: report.json()) == report)
    }

    @Test(
        "refuses what would miscount, and names the place",
        arguments: [
            ((": 5326", ": -1"), "policies[0].summary.total-successful-session-count"),
            ((": 303", ": \"many\""), "total-failure-session-count"),
            ((": 303", ": [303]"), "total-failure-session-count"),
            (("\"failed-session-count\": 100", "\"failed-session-count\": {}"), "failed-session-count"),
            (("\"failure-details\": [", "\"failure-details\": [7,"), "policies[0].failure-details[0]: not an object"),
            (("\"date-range\"", "\"date\""), "date-range"), (("{\"organization-name\"", "\"organization-name\""), ""),
        ])
    func refused(_ change: (String, String), _ place: String) throws {
        let error = #expect(throws: ReportError.self) { try Report(json: Self.replacing(change).utf8) }
        #expect(place.isEmpty || error?.description.contains(place) == true, "\(String(describing: error))")
    }

    /// A change of the example, and what is said of it.
    struct Odd: Sendable, CustomTestStringConvertible {
        let old: String
        let new: String
        var problems: [String] = []
        var remarks: [String] = []
        var testDescription: String { "\(old) becomes \(new)" }

        init(_ old: String, _ new: String, problem: String? = nil, remark: String? = nil) {
            (self.old, self.new) = (old, new)
            problems = problem.map { [$0] } ?? []
            remarks = remark.map { [$0] } ?? []
        }
    }

    static let odd: [Odd] = [
        // Texts as numbers, or alone in an array.
        Odd(#""5065427c-23d3-47ca-b6e0-946ea0e8c4be""#, "1763596800001"),
        Odd(#""X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED""#, "-10"), Odd(#""203.0.113.56""#, #"["203.0.113.56"]"#),
        Odd(#""203.0.113.56""#, "[]"), Odd(#""mx-host": "*.mail.company-y.example""#, #""mx-host": [1, "x"]"#),
        // Other values are left out.
        Odd(
            #""203.0.113.56""#, #"["203.0.113.56", "203.0.113.57"]"#,
            problem: "policies[0].failure-details[1].receiving-ip: not a text, left out"),
        Odd(
            #""Company-X""#, #"{"name": ["Company-X"]}"#, problem: "organization-name: not a text, left out"),
        Odd(#""Company-X""#, "true", problem: "organization-name: not a text, left out"),
        Odd(#""Company-X""#, #"[["Company-X"]]"#, problem: "organization-name: not a text, left out"),
        Odd(
            #""mode: testing","#, #"{"mode": "testing"}, [], "#,
            problem: "policies[0].policy.policy-string[1]: not a text, left out (and 1 more)"),
        // Names of a member.
        Odd(
            #""mx-host":"#, #""mx-host-pattern":"#, remark: "policies[0].policy.mx-host-pattern: read as mx-host"),
        // What nobody knows.
        Odd(#""report-id":"#, #""\#(String(repeating: "x", count: 100))": {"y": "z"}, "report-id":"#),
        // Missing members.
        Odd(#""organization-name": "Company-X","#, ""),
        Odd(#""report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be","#, ""),
        Odd(#""policy-domain": "company-y.example", "#, ""),
        Odd(
            #"{"result-type": "certificate-expired","#, "{",
            remark: "policies[0].failure-details[0].result-type: missing"),
        Odd(#""policy-type": "sts","#, "", remark: "policies[0].policy.policy-type: missing"),
        Odd(
            #", "failed-session-count": 100"#, "",
            remark: "policies[0].failure-details[0].failed-session-count: missing, counted as 0"),
        Odd(
            #", "total-failure-session-count": 303"#, "",
            remark: "policies[0].summary.total-failure-session-count: missing, counted as 0"),
        Odd(#""summary": {"#, #""sum": {"#, remark: "policies[0].summary: missing, counted as 0"),
        Odd(#""policy": {"#, #""rule": {"#, remark: "policies[0].policy: missing"),
        Odd(#""policies": ["#, #""others": ["#),
        // Dates.
        Odd("2016-04-01T00:00:00Z", "2016-04-01"), Odd("2016-04-01T23:59:59Z", "2016-04-01"),
        Odd("2016-04-01T00:00:00Z", "2016-04-01T00:00Z"), Odd("2016-04-01T00:00:00Z", "2016-04-01T02:00:00+0200"),
        Odd("2016-04-01T00:00:00Z", "2016-04-01 00:00:00 UTC"),
        Odd("2016-04-01T00:00:00Z", "2016-04-01 00:00:00 +0000"),
        Odd(#""2016-04-01T00:00:00Z""#, "1459468800"), Odd(#""2016-04-01T00:00:00Z""#, #""1459468800000""#),
        Odd(
            "2016-04-01T00:00:00Z", "yesterday",
            problem: "date-range.start-datetime: not a date and time, taken from the other end of the period"),
        Odd(
            #""2016-04-01T23:59:59Z""#, "null",
            problem: "date-range.end-datetime: not a date and time, taken from the other end of the period"),
    ]

    @Test("one odd member costs that member and a word, not the report", arguments: odd)
    func oddMember(_ row: Odd) throws {
        var text: [UInt8]? = Array(Self.replacing((row.old, row.new)).utf8)
        var found: (report: Report, notes: ReadingNotes)?
        try ReportParser.read({
            defer { text = nil }
            return text ?? []
        }) { found = ($0, $1) }
        let (report, notes) = try #require(found)
        #expect(notes.problems == row.problems)
        #expect(notes.remarks == row.remarks)
        let day = try #require(UTCDay("2016-04-01"))
        #expect(report.dateRange == Report.DateRange(day))
        if let tally = report.policies.first?.tally {
            let isCounted = { (name: String) in row.remarks.allSatisfy { !$0.contains(name) } }
            #expect(tally.successes == (isCounted("summary: missing") ? 5326 : 0))
            #expect(tally.sortedDetails.count == 3)
            if isCounted("failed-session-count") { #expect(tally.sortedDetails.map(\.sessions) == [200, 100, 3]) }
        }
        #expect(try Report(json: report.json()) == report)
    }

    @Test("reads an array of reports, and one where an array may be")
    func several() throws {
        let two = try Report.all(json: "[\(Self.example), \(Self.example)]".utf8)
        #expect(two.count == 2 && two[0] == two[1])
        #expect(try Report.all(json: Self.example.utf8) == [two[0]])
        #expect(try Report.all(json: "[]".utf8) == [])
        #expect(throws: ReportError.self) { try Report.all(json: "[1]".utf8) }
        #expect(try Report.all(json: (Self.example + "\u{0}\n[\(Self.example)]" + Self.example).utf8).count == 3)
    }

    @Test("adds up details that are alike, and takes a lone one for a list")
    func details() throws {
        let alike = #"{"result-type": "certificate-expired", "failed-session-count": 4}"#
        for (text, count) in [("[\(alike), \(alike)]", 8), (alike, 4), ("[]", nil), ("null", nil)] {
            let report = try Report(
                json: """
                    {"date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
                     "policies": {"policy": {"policy-type": "sts"}, "summary": {}, "failure-details": \(text)}}
                    """.utf8)
            let tally = try #require(report.policies.first?.tally)
            #expect(tally.details[FailureDetails(.certificateExpired)] == count)
        }
    }

    @Test("refuses bytes that are no text, and depth without end")
    func garbage() {
        #expect(throws: ReportError.self) { try Report(json: [0xFF, 0xFE, 0x00]) }
        #expect(throws: ReportError.self) { try Report(json: []) }
        #expect(throws: ReportError.self) { try Report(json: Array(repeating: UInt8(ascii: "["), count: 100_000)) }
    }

    private static func replacing(_ change: (String, String)) -> String {
        let parts = example.split(separator: change.0, maxSplits: 1, omittingEmptySubsequences: false)
        precondition(parts.count == 2, "the example does not hold \(change.0)")
        return parts.joined(separator: change.1)
    }
}

@Suite("Counts under a policy")
struct TallyTests {
    @Test("give the leading details without sorting all", arguments: [0, 1, 7, 500, 1000, 2000])
    func leading(_ limit: Int) {
        let details = (0..<1000).map { (FailureDetails(.validationFailure, reasonCode: "\($0)"), $0 * 7919 % 100) }
        let tally = Tally(details: Dictionary(uniqueKeysWithValues: details))
        #expect(
            tally.leadingDetails(limit).map { [$0.details.reasonCode, "\($0.sessions)"] }
                == tally.sortedDetails.prefix(limit).map { [$0.details.reasonCode, "\($0.sessions)"] })
    }

    @Test("are added, never past the largest integer")
    func merge() {
        let expired = FailureDetails(.certificateExpired)
        var tally = Tally(successes: 1, failures: 2, details: [expired: 2])
        tally.merge(Tally(successes: .max, failures: 1, details: [expired: 1, FailureDetails(.validationFailure): 1]))
        #expect(
            tally == Tally(successes: .max, failures: 3, details: [expired: 3, FailureDetails(.validationFailure): 1]))
    }
}
