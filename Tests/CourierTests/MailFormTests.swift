// SPDX-License-Identifier: Apache-2.0
import Mail
import Basics
import Testing
@testable import Courier

@Suite("What stands in a report mail, or in an answer, in its exact form")
struct MailFormTests {
    @Test(
        "ways into the MTA",
        arguments: [
            ("/usr/sbin/sendmail", "/usr/sbin/sendmail"), ("smtp:mx.example.org", "mx.example.org 25"),
            ("smtp:127.0.0.1:2525", "127.0.0.1 2525"), ("smtp:[::1]:26", "[::1] 26"), ("smtp:[::1]", "[::1] 25"),
            ("sendmail", nil), ("smtp:", nil), ("smtp:a:0", nil), ("smtp:a:65536", nil), ("smtp:a:+5", nil),
            ("smtp:a:", nil),
            ("smtp:[a]", nil), ("smtp:[::1]x", nil), ("lmtp:a", nil), ("/a\u{0}b", nil), ("", nil),
        ] as [(String, String?)])
    func submissions(_ text: String, _ expected: String?) {
        let read: String? =
            switch try? Submission(text) {
            case .sendmail(let path): path
            case .smtp(let host, let port): "\(host) \(port)"
            case nil: nil
            }
        #expect(read == expected)
    }

    @Test(
        "names are quoted or encoded, and end no line",
        arguments: [
            ("Example Org", "\"Example Org\""), ("a\"b\\c", "\"a\\\"b\\\\c\""), ("", "\"\""),
            ("x\r\nBcc: y@evil.example\u{7F}", "\"xBcc: y@evil.example\""), ("ü", "=?UTF-8?B?w7w=?="),
        ])
    func phrases(_ text: String, _ expected: String) { #expect(phrase(text) == expected) }

    @Test("a long name is folded into words that each keep the limit")
    func longPhrase() {
        let lines = phrase(String(repeating: "Größe 🧭", count: 100)).split(separator: "\r\n ")
        #expect(lines.count > 5)
        #expect(lines.allSatisfy { $0.utf8.count <= 75 && $0.hasPrefix("=?UTF-8?B?") && $0.hasSuffix("?=") })
    }

    @Test(
        "an id becomes a message id",
        arguments: [
            ("2026-11-22.two.lab@sender.lab", "<2026-11-22.two.lab@sender.lab>"),
            ("2026-11-22T00:00:00Z two", "<2026-11-22T00=3A00=3A00Z=20two@sender.lab>"),
            ("a@other.lab", "<a=40other.lab@sender.lab>"), ("a=b", "<a=3Db@sender.lab>"),
            ("a..b", "<a.=2Eb@sender.lab>"),
            (".a", "<=2Ea@sender.lab>"), ("a.", "<a.=@sender.lab>"), ("", "<=@sender.lab>"),
            ("a>\r\nX: y", "<a=3E=0D=0AX=3A=20y@sender.lab>"),
        ])
    func identifiers(_ id: String, _ expected: String) throws {
        #expect(ReportIdentifier(try .sample(reportID: id)).description == expected)
    }

    @Test(
        "dates",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00"), (784_111_777, "Sun, 06 Nov 1994 08:49:37"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59"), (-1, "Wed, 31 Dec 1969 23:59:59"),
        ])
    func dates(_ seconds: Int64, _ text: String) {
        let time = UTCTime(secondsSinceEpoch: seconds)
        #expect(mailDate(time) == text + " +0000")
        #expect(httpDate(text + " GMT") == time)
    }

    @Test(
        "what is no date of HTTP",
        arguments: [
            "", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT",
        ])
    func noDates(_ text: String) { #expect(httpDate(text) == nil) }

    @Test(
        "an endpoint is taken apart",
        arguments: [
            ("https://a.lab/x?y", "a.lab", "https://a.lab/x?y"),
            ("https://A.lab.:8443", "a.lab", "https://a.lab:8443/"),
            ("https://a.lab?x=/:1", "a.lab", "https://a.lab/?x=/:1"),
            ("https://[::1]:44/x", "::1", "https://[::1]:44/x"),
            ("https://[::0:1]/x", "::1", "https://[::1]/x"),
            ("https://192.0.2.1/x", "192.0.2.1", "https://192.0.2.1/x"),
        ])
    func endpoints(_ url: String, _ host: String, _ expected: String) {
        #expect(ReportEndpoint(url: url, host: host)?.url == expected)
    }
}
