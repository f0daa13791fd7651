// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TLSRPT

@Suite("The record that asks for reports - RFC 8460 §3")
struct TLSRPTRecordTests {
    @Test(
        "gives the destinations of a valid record",
        arguments: [
            ("v=TLSRPTv1;rua=mailto:reports@example.com", ["mailto:reports@example.com"]),
            ("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", ["https://reporting.example.com/v1/tlsrpt"]),
            ("v=TLSRPTv1; rua=mailto:a@example.com;", ["mailto:a@example.com"]),
            ("v=TLSRPTv1 ; rua=mailto:a@example.com", ["mailto:a@example.com"]),
            ("v=TLSRPTv1\t;\trua=mailto:a@example.com \t;", ["mailto:a@example.com"]),
            (
                "v=TLSRPTv1; rua=mailto:a@example.com , https://b.example/x,mailto:c@example.com",
                ["mailto:a@example.com", "https://b.example/x", "mailto:c@example.com"]
            ),
            ("v=TLSRPTv1; ext=1; rua=mailto:a@example.com; other-ext_2.x=%3B", ["mailto:a@example.com"]),
            (
                "v=TLSRPTv1; rua=mailto:a@example.com; rua=https://b.example/",
                ["mailto:a@example.com", "https://b.example/"]
            ),
            ("v=TLSRPTv1; rua=mailto:a@example.com,mailto:a@example.com", ["mailto:a@example.com"]),
            ("v=TLSRPTv1; rua=ftp://x.example/,mailto:a@example.com", ["mailto:a@example.com"]),
            ("v=TLSRPTv1; rua=postmaster@example.com", []),
            ("v=TLSRPTv1; not a field; rua=mailto:a@example.com", ["mailto:a@example.com"]),
        ])
    func valid(_ text: String, _ expected: [String]) throws {
        guard case .record(let record) = TLSRPTRecord.select(from: [text]) else {
            Issue.record("not a record: \(text)")
            return
        }
        #expect(record.destinations.map(\.description) == expected)
    }

    @Test(
        "is absent when no record has the version",
        arguments: [
            [], ["v=spf1 -all"], ["v=TLSRPTv2; rua=mailto:a@example.com"], ["V=TLSRPTv1; rua=mailto:a@example.com"],
            ["v=TLSRPTv1"], ["v=TLSRPTv10; rua=mailto:a@example.com"], [" v=TLSRPTv1; rua=mailto:a@example.com"], [""],
        ])
    func absent(_ records: [String]) {
        #expect(TLSRPTRecord.select(from: records) == .absent)
    }

    @Test(
        "is invalid without exactly one record that has a rua",
        arguments: [
            ["v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv1; rua=mailto:b@example.com"], ["v=TLSRPTv1;"],
            ["v=TLSRPTv1; RUA=mailto:a@example.com"], ["v=TLSRPTv1; rua="], ["v=TLSRPTv1; rua=,"],
        ])
    func invalid(_ records: [String]) {
        guard case .invalid = TLSRPTRecord.select(from: records) else {
            Issue.record("not invalid: \(records)")
            return
        }
    }

    @Test("discards other records")
    func others() {
        let records = ["v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@example.com", "google-site-verification=x"]
        guard case .record = TLSRPTRecord.select(from: records) else {
            Issue.record("not a record")
            return
        }
    }

    @Test("bounds destinations and names what it cannot serve safely")
    func bounded() throws {
        let many = (0..<100).map { "mailto:a\($0)@example.com,bad\u{1b}\($0)" }.joined(separator: ",")
        guard case .record(let record) = TLSRPTRecord.select(from: ["v=TLSRPTv1; rua=" + many]) else {
            Issue.record("not a record")
            return
        }
        #expect(record.destinations.count == TLSRPTRecord.maxDestinations)
        #expect(record.ignored.count == TLSRPTRecord.maxIgnored)
        #expect(record.ignored.first == "bad\\x1B0")
    }
}

@Suite("A destination of reports - RFC 8460 §3, RFC 6068, RFC 3986")
struct ReportDestinationTests {
    @Test(
        "reads what a report can be sent to",
        arguments: [
            ("MAILTO:A@Example.COM", "mailto:A@example.com"),
            ("mailto:a%2Bb@e.example?subject=x", "mailto:a+b@e.example"),
            ("mailto:a.b@example.com!10m", "mailto:a.b@example.com"),
            ("mailto:x%21y@example.com", "mailto:x!y@example.com"),
            ("HTTPS://Example.com", "https://Example.com"),
            ("https://example.com:8443/a?b=c%2C#part", "https://example.com:8443/a?b=c%2C"),
            ("https://192.0.2.1/x", "https://192.0.2.1/x"),
            ("https://[2001:db8::1]:443/x", "https://[2001:db8::1]:443/x"),
        ])
    func valid(_ uri: String, _ expected: String) {
        #expect(ReportDestination(uri)?.description == expected)
    }

    @Test(
        "refuses all else",
        arguments: [
            "", "mailto:", "mailto:a", "mailto:@example.com", "mailto:a@", "mailto:a@[192.0.2.1]", "mailto:a@192.0.2.1",
            "mailto:a%0D%0ABcc:b@example.com", "mailto:a%20b@example.com", "mailto:\"a\"@example.com",
            "mailto:a%2Cb@x@example.com", "mailto:a%@example.com", "mailto:a%+1@example.com", "mailto:a%FF@example.com",
            "mailto:.a@example.com", "mailto:a@b@example.com", "mailto:a@example.com!huge", "mailto:ä@example.com",
            "mailto:\(String(repeating: "a", count: 65))@example.com", "a@example.com", "http://example.com/",
            "https:example.com", "https://", "https:///x", "https://user@example.com/", "https://example.com:0/",
            "https://example.com:70000/", "https://example.com:/", "https://exa mple.com/", "https://[::1/x",
            "https://2001:db8::1/",
            "https://[192.0.2.1]/", "https://a_b.example/", "https://example.com/\"x",
            "https://example.com\\@evil.example/",
            "https://example.com/\(String(repeating: "a", count: 3000))", "javascript:alert(1)",
        ])
    func invalid(_ uri: String) {
        #expect(ReportDestination(uri) == nil)
    }

    @Test("knows the host of an URL in one form")
    func host() {
        #expect(
            ReportDestination("https://Example.COM:8443/x")
                == .https(url: "https://Example.COM:8443/x", host: "example.com"))
        #expect(
            ReportDestination("https://[2001:DB8:0::1]/")
                == .https(url: "https://[2001:DB8:0::1]/", host: "2001:db8::1"))
    }
}
