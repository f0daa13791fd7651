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
            (("\"failed-session-count\": 100", "\"failed-session-count\": {}"), "failed-session-count"),
            (("2016-04-01T00:00:00Z", "yesterday"), "date-range"),
            (("\"result-type\": \"certificate-expired\",", ""), "result-type"),
            (("\"date-range\"", "\"date\""), "date-range"), (("{\"organization-name\"", "\"organization-name\""), ""),
        ])
    func refused(_ change: (String, String), _ place: String) throws {
        let error = #expect(throws: ReportError.self) { try Report(json: Self.replacing(change).utf8) }
        #expect(place.isEmpty || error?.description.contains(place) == true, "\(String(describing: error))")
    }

    @Test("reads an array of reports, and one where an array may be")
    func several() throws {
        let two = try Report.all(json: "[\(Self.example), \(Self.example)]".utf8)
        #expect(two.count == 2 && two[0] == two[1])
        #expect(try Report.all(json: Self.example.utf8) == [two[0]])
        #expect(try Report.all(json: "[]".utf8) == [])
        #expect(throws: ReportError.self) { try Report.all(json: "[1]".utf8) }
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
