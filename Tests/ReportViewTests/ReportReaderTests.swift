// SPDX-License-Identifier: Apache-2.0
import Gzip
import ReportView
import TLSRPT
import Testing

@Suite("A report is found in what it comes in")
struct ReportReaderTests {
    static let policies: [ReportedPolicy] = [
        ReportedPolicy(
            .sts, domain: "example.org", strings: ["version: STSv1", "mode: enforce", "mx: *.example.org"],
            mxHosts: ["*.example.org"]),
        ReportedPolicy(.tlsa, domain: "mx.example.org", strings: ["3 1 1 1F850A33"]),
        ReportedPolicy(.noPolicyFound, domain: "example.net"),
    ]

    @Test("our own, of each policy and result type, plain and compressed", arguments: policies)
    func roundTrip(_ policy: ReportedPolicy) throws {
        for type in ResultType.allCases {
            let details = FailureDetails(type, receivingMXHostname: "mx.example.org", reasonCode: "x")
            let report = Sample.report([PolicyResult(policy, Tally(successes: 1, failures: 2, details: [details: 2]))])
            for json in [try report.json(), try report.json(pretty: true)] {
                #expect(found(in: json).reports == [report])
                #expect(found(in: try compress(json)).reports == [report])
                #expect(found(in: [0xEF, 0xBB, 0xBF] + json).reports == [report], "with a byte order mark")
            }
        }
    }

    @Test("what is printed as JSON is read again")
    func printedJSON() throws {
        var form = ReportsAsJSON()
        let text = form.add(Sample.small, from: "a") + form.add(Sample.report(kinds: 3), from: "b") + form.end()
        #expect(found(in: Array(text.utf8)).reports == [Sample.small, Sample.report(kinds: 3)])
        var empty = ReportsAsJSON()
        #expect(empty.end() == "[]\n")
    }

    @Test(
        "the example of RFC 8460 and what senders make of it",
        arguments: [
            ("rfc8460-appendix-b.json", 5326, 303, 3), ("times-without-zone.json", 41, 2, 1),
            ("null-members.json", 15, 4, 1),
            ("tlsrpt-reporter.eml", 1, 1, 1),
        ])
    func fixtures(_ name: String, _ successes: Int, _ failures: Int, _ kinds: Int) throws {
        let (reports, problems) = found(in: try Fixture.bytes(name))
        #expect(problems == [])
        let report = try #require(reports.first)
        #expect(report.policies.map(\.tally.successes).reduce(0, +) == successes)
        #expect(report.policies.map(\.tally.failures).reduce(0, +) == failures)
        #expect(report.policies.map(\.tally.details.count).reduce(0, +) == kinds)
        #expect(found(in: try report.json()).reports == [report])
    }

    @Test(
        "or it is said what is there instead",
        arguments: [
            ("", "an empty file, not a TLS report"), (" \r\n", "white space"), ("PK\u{3}\u{4}...", "a ZIP archive"),
            ("<?xml version=\"1.0\"?><feedback/>", "XML or HTML"), ("\u{0}\u{1}\u{2}", "unknown data"),
            ("just words", "unknown data"), ("{\"a\": 1}", "no date-range"), ("{", "not valid JSON"),
            ("Subject: lunch\n\nAt noon?\n", "no TLS report found, read as a mail"),
            ("From a Thu\nSubject: lunch\n\nAt noon?\n", "no TLS report found, read as a mailbox"),
        ])
    func otherwise(_ text: String, _ problem: String) {
        let (reports, problems) = found(in: Array(text.utf8))
        #expect(reports.isEmpty)
        #expect(problems.count == 1 && problems[0].hasPrefix(problem), "\(problems)")
    }

    @Test("octets that are no UTF-8 are replaced, in a name as well as anywhere")
    func otherCharacterSet() throws {
        let latin1 = try Sample.small.json().map { $0 == UInt8(ascii: "S") ? 0xD6 : $0 }
        let (reports, problems) = found(in: latin1)
        #expect(problems == [])
        #expect(reports.first?.organizationName == "\u{FFFD}ender")
        #expect(reports.first?.policies == Sample.small.policies)
    }

    @Test("damaged gzip is named")
    func damaged() throws {
        let whole = try compress(Sample.report(kinds: 50).json())
        #expect(found(in: Array(whole.dropLast(20))).problems.count == 1)
        #expect(found(in: [0x1F, 0x8B]).problems.count == 1)
        var wrong = whole
        wrong[whole.count / 2] ^= 0xFF
        #expect(found(in: wrong).reports.isEmpty)
    }

    @Test("gzip that swells without end is given up, and so are contents in contents")
    func bombs() throws {
        let swelling = try compress([UInt8](repeating: UInt8(ascii: " "), count: ReportReader.maxReportBytes + 1))
        #expect(swelling.count < 1 << 20)
        #expect(found(in: swelling).problems.first?.contains("longer than") == true)

        var nested = try Sample.small.json()
        for _ in 0..<20 { nested = try compress(nested) }
        #expect(found(in: nested).problems == ["more than 10 contents in one another"])

        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(found(in: deep).problems == ["[0]: not an object"])
        let deepMember = Array("{\"x\":".utf8) + deep
        #expect(found(in: deepMember).problems.count == 1)
    }

    @Test(
        "numbers that are no counts are refused at their place",
        arguments: ["1e999", "-1", "1.5", "99999999999999999999"])
    func numbers(_ number: String) throws {
        let text = String(decoding: try Sample.small.json(), as: UTF8.self)
        let changed = text.replacing("count\":7", with: "count\":\(number)")
        #expect(changed != text)
        #expect(
            found(in: Array(changed.utf8)).problems == [
                "policies[0].summary.total-successful-session-count: not a number of sessions"
            ])
    }
}
