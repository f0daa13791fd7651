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
            ("tlsrpt-reporter.eml", 1, 1, 1), ("times-without-seconds.json", 41, 3, 1), ("utf16.json", 41, 3, 1),
            ("numbers-for-texts.json", 41, 3, 1), ("base64-without-padding.eml", 41, 3, 1),
            ("gzip-without-name.eml", 41, 3, 1), ("json-without-name.eml", 41, 3, 1),
            ("encoded-word-name.eml", 41, 3, 1),
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
            ("", "an empty file, not a TLS report"), (" \r\n", "white space"),
            (
                "PK\u{3}\u{4}...",
                "a ZIP archive, which is not opened: unpack it (unzip) and show the file that is in it"
            ),
            ("BZh91AY", "bzip2 data, which is not opened"), ("{\u{0}\"\u{0}", "not valid JSON"),
            ("\n\u{0}a\u{0}", "UTF-16 text, not a TLS report"),
            ("<?xml version=\"1.0\"?><feedback/>", "XML or HTML"), ("\u{0}\u{1}\u{2}", "unknown data"),
            ("just words", "unknown data"), ("{\"a\": 1}", "no date-range"),
            ("{\"date-range\": {}}", "date-range: no date and time"),
            ("{", "not valid JSON"),
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

    @Test("an array where one text belongs costs that member alone, and it is said where")
    func arrayForText() throws {
        let (reports, problems) = found(in: try Fixture.bytes("array-for-text.json"))
        #expect(problems == ["policies[0].failure-details[1].receiving-ip: not a text, left out"])
        #expect(reports.first?.policies.first?.tally.sortedDetails.map(\.sessions) == [3, 1])
    }

    @Test("several reports of one file, in each way in which files are put together")
    func several() throws {
        let (one, two) = (Sample.small, Sample.report(kinds: 3))
        let (first, second) = (try one.json(), try two.json(pretty: true))
        let packed = (try compress(first), try compress(second))
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        for bytes in [
            first + second, first + [0x0A] + second + [0x0A, 0], first + [0, 0, 0x0A] + mark + second,
            packed.0 + packed.1, packed.0 + packed.1 + [0, 0, 0], try compress(first + [0] + second),
            Array("[".utf8) + first + Array("]\n".utf8) + second, utf16(first + second, isBigEndian: false),
        ] {
            #expect(found(in: bytes) == ([one, two], []))
        }
        #expect(found(in: first + Array("x".utf8)).problems == ["not an object"], "what was good is shown")
        #expect(found(in: first + Array("x".utf8)).reports == [one])
    }

    @Test("UTF-16 in either order, with and without its mark, plain and compressed")
    func utf16() throws {
        let details = FailureDetails(.certificateExpired, receivingMXHelo: "b\u{FC}cher \u{1F4EC}")
        let policy = PolicyResult(
            ReportedPolicy(.noPolicyFound, domain: "example.net"), Tally(failures: 90_000, details: [details: 90_000]))
        // Longer than the pieces in which it is read, at each offset of its characters.
        for kinds in [1, 2000] {
            let report = Sample.report([policy] + Sample.report(kinds: kinds).policies)
            for padding in 0..<4 {
                let json = [UInt8](repeating: 0x20, count: padding) + (try report.json())
                for isBigEndian in [false, true] {
                    for mark in [[], isBigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE]] as [[UInt8]] {
                        let text = mark + utf16(json, isBigEndian: isBigEndian)
                        #expect(found(in: text) == ([report], []))
                        #expect(found(in: try compress(text)) == ([report], []))
                        #expect(found(in: text + [0]).reports == [report], "an octet too many")
                    }
                }
            }
        }
    }

    private func utf16(_ utf8: [UInt8], isBigEndian: Bool) -> [UInt8] {
        String(decoding: utf8, as: UTF8.self).utf16.flatMap { unit in
            let octets = [UInt8(unit >> 8), UInt8(unit & 0xFF)]
            return isBigEndian ? octets : octets.reversed()
        }
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
