// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT
import Testing
import HTML
@testable import ReportView

@Suite("Reports as text for a terminal")
struct ReportTextTests {
    private static func text(_ reports: [Report], width: Int = 100, coloured: Bool = false, limits: ViewLimits = .usual)
        -> String
    {
        var form = ReportText(width: width, coloured: coloured, limits: limits)
        return reports.map { form.add($0, from: "a.json") }.joined() + form.end()
    }

    @Test(
        "are laid out as agreed",
        arguments: [
            "rfc8460-appendix-b", "times-without-zone", "null-members", "hostile",
        ])
    func golden(_ name: String) throws {
        let expected = String(decoding: try Fixture.bytes(name + ".txt"), as: UTF8.self)
        #expect(Self.text([try Fixture.report(name + ".json")]) == expected)
    }

    @Test(
        "name the day of a period, and both ends of one that is none",
        arguments: [
            ("2026-11-20T23:59:59Z", "2026-11-20"), ("2026-11-21T00:00:00Z", "2026-11-20"),
            ("2026-11-20T23:59:00Z", "2026-11-20"),
            ("2026-11-20T23:58:59Z", "2026-11-20T00:00:00Z to 2026-11-20T23:58:59Z"),
            ("2026-11-21T00:00:01Z", "2026-11-20T00:00:00Z to 2026-11-21T00:00:01Z"),
        ])
    func period(_ end: String, _ period: String) throws {
        let start = try #require(UTCDay("2026-11-20")).start
        let range = Report.DateRange(start: start, end: try #require(UTCTime(dateTime: end)))
        #expect(range.period == period)
    }

    @Test("end with a sum where there are several")
    func sum() throws {
        let names = ["rfc8460-appendix-b.json", "null-members.json", "times-without-zone.json"]
        let text = Self.text(try names.map(Fixture.report))
        #expect(
            text.hasSuffix(
                """

                3 reports of 3 senders, 2016-04-01 to 2024-05-08
                  309 of 5,691 sessions failed (5.4 %)
                  200  starttls-not-supported
                  100  certificate-expired
                    6  validation-failure
                    2  sts-policy-fetch-error

                """))
    }

    @Test("keep to printable ASCII and to the width, whatever the report holds", arguments: [60, 80, 100, 200])
    func hostile(_ width: Int) throws {
        let long = FailureDetails(type: Registered(String(repeating: "very-", count: 50)))
        let policy = PolicyResult(
            ReportedPolicy(.sts, domain: String(repeating: "long.", count: 60)), Tally(failures: 1, details: [long: 1]))
        var reports = [Sample.report([policy])]
        reports += try ["hostile.json", "rfc8460-appendix-b.json", "null-members.json"].map(Fixture.report)
        let text = Self.text(reports, width: width)
        #expect(text.utf8.allSatisfy { (0x20..<0x7F).contains($0) || $0 == 0x0A })
        let lines = text.split(separator: "\n").filter { !$0.contains("sessions failed") }
        #expect(lines.allSatisfy { $0.utf8.count <= width }, "\(lines.filter { $0.utf8.count > width })")
    }

    @Test("take colours only where they are wanted")
    func colours() throws {
        let report = try Fixture.report("rfc8460-appendix-b.json")
        #expect(!Self.text([report]).contains("\u{1b}"))
        #expect(Self.text([report], coloured: true).contains("\u{1b}[31m303 of 5,629 sessions failed (5.4 %)\u{1b}[0m"))
    }

    @Test("show the kinds of failure of most sessions, or all")
    func limits() {
        let report = Sample.report(kinds: 100_000)
        let text = Self.text([report])
        #expect(text.split(separator: "\n").count < 40)
        #expect(text.contains("   100,000  certificate-expired  mx0.example.org\n"))
        #expect(text.contains("99,980 more kinds of failure"))
        #expect(Self.text([Sample.report(kinds: 500)], limits: .none).contains("mx499.example.org"))

        let policies = (0..<1000).map {
            PolicyResult(ReportedPolicy(.noPolicyFound, domain: "d\($0).example"), Tally(successes: 1, failures: $0))
        }
        #expect(Self.text([Sample.report(policies)]).contains("\n  800 more policies: "))
    }
}

@Suite("Figures")
struct FiguresTests {
    @Test(
        "are grouped by thousands",
        arguments: [
            (0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (Int.max, "9,223,372,036,854,775,807"),
            (Int.min, "-9,223,372,036,854,775,808"), (-100, "-100"),
        ])
    func thousands(_ number: Int, _ text: String) {
        #expect(grouped(number) == text)
    }

    @Test(
        "never round to none or all",
        arguments: [
            (0, 0, "0 %"), (0, 5, "0 %"), (5, 5, "100 %"), (1, 3, "33.3 %"), (1, 100_000, "<0.1 %"),
            (99_999, 100_000, ">99.9 %"), (1, 2, "50.0 %"), (Int.max - 1, Int.max, ">99.9 %"),
        ])
    func shares(_ part: Int, _ whole: Int, _ text: String) {
        #expect(share(part, of: whole) == text)
    }

    @Test("flow into lines that lose nothing", arguments: [1, 5, 10, 30])
    func flowing(_ width: Int) {
        let phrases = [
            "mx.example.org [192.0.2.1],", "from 198.51.100.1,", "reason: " + String(repeating: "x", count: 50),
        ]
        let lines = flow(phrases, width: width)
        #expect(lines.allSatisfy { $0.utf8.count <= width })
        #expect(lines.joined().filter { $0 != " " } == phrases.joined().filter { $0 != " " })
    }
}
