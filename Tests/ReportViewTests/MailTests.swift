// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Gzip
@testable import Mail
import ReportView
import TLSRPT
import Testing

@Suite("A mail that carries a report - RFC 8460 §5.3")
struct MailTests {
    private static func packed() throws -> String {
        Data(try compress(Sample.small.json())).base64EncodedString(options: .lineLength76Characters)
    }

    private static func mail(_ partHeader: String, _ content: String, boundary: String = "b") -> String {
        """
        From: tls@sender.example
        TLS-Report-Domain: example.net
        Content-Type: multipart/report; report-type="tlsrpt"; boundary="\(boundary)"

        a preamble
        --\(boundary)
        Content-Type: text/plain

        A report.
        --\(boundary)
        \(partHeader)

        \(content)
        --\(boundary)--
        an epilogue
        """
    }

    @Test(
        "is read whatever its part is called",
        arguments: [
            "Content-Type: application/tlsrpt+gzip",
            "content-type:APPLICATION/TLSRPT+gzip; name=x",
            "Content-Type: application/tlsrpt+json",
            "Content-Type: application/octet-stream; name=\"a!b!1!2.json.gz\"",
            "Content-Type: application/octet-stream\nContent-Disposition: attachment;\n\tfilename=\"a!b!1!2.JSON.GZ\"",
            "Content-Type: application/gzip\nContent-Disposition: attachment; filename*0=\"a!b\";\n filename*1=\"!1!2.json.gz\"",
            "Content-Disposition: attachment; filename*=UTF-8''a%21b%211%212%2Ejson%2Egz",
            "Content-Type: application/x-gzip (compressed); name=(a comment) \"a\\!b.json.gz\"",
            "Content-Type: application/gzip", "Content-Type: application/octet-stream; name=report",
            "Content-Type: application/x-gzip; name=\"a!b!1!2.gz\"", "Content-Type: image/png; name=\"a.png\"",
            "Content-Type: text/plain; name=winmail.txt", "X-Nothing: of the content",
            "Content-Type: a/b; name=\"=?utf-8?Q?a!b!1!2=2Ejson=2E?= =?UTF-8?B?Z3o=?=\"",
        ])
    func names(_ header: String) throws {
        let text = Self.mail(header + "\nContent-Transfer-Encoding: base64", try Self.packed())
        for text in [
            text, text.replacing("\n", with: "\r\n"), "From x@sender.example Mon Nov 23 01:02:03 2026\n" + text,
            "\n" + text,
        ] {
            #expect(found(in: Array(text.utf8)) == ([Sample.small], []))
        }
    }

    /// Part headers and policies' domains, and the domains that come out with the source of those that were missing.
    static let nameless: [(header: String, domains: [String?], found: [String?], source: String?)] = [
        ("", ["a.example"], ["a.example"], nil),
        ("", [nil], ["example.net"], "TLS-Report-Domain of its mail"),
        ("", [""], ["example.net"], "TLS-Report-Domain of its mail"),
        ("; name=\"sender.example!b.example!1!2.json\"", [nil], ["b.example"], "the name of its file"),
        ("; name=\"sender.example!b.example!1!2.json\"", ["c.example", nil], ["c.example", "c.example"], others),
        (
            "; name=\"sender.example!b.example!1!2.json\"", ["c.example", "C.example", nil],
            ["c.example", "C.example", "c.example"], others
        ),
        (
            "; name=\"sender.example!b.example!1!2.json\"", ["c.example", "d.example", nil],
            ["c.example", "d.example", "b.example"], "the name of its file"
        ),
        (
            "; name=report.json", ["c.example", "d.example", nil, nil],
            ["c.example", "d.example", "example.net", "example.net"], "TLS-Report-Domain of its mail (and 1 more)"
        ),
    ]
    private static let others = "the report's other policies"

    @Test("names the domain of policies that have none", arguments: nameless)
    func policyDomain(_ header: String, _ domains: [String?], _ expected: [String?], _ source: String?) throws {
        let report = Sample.report(domains.map { Self.result($0) })
        let text = Self.mail(
            "Content-Type: application/tlsrpt+json" + header, String(decoding: try report.json(), as: UTF8.self))
        let (reports, notes) = read(Array(text.utf8))
        #expect(reports.map { $0.policies.map(\.policy.domain) } == [expected])
        #expect(notes.problems.isEmpty && notes.remarks.count == (source == nil ? 0 : 1))
        if let source { #expect(notes.remarks[0].contains(".policy.policy-domain: missing, taken from \(source)")) }
        // Of a file alone nothing is known, and a TLSA record's domain is its host's.
        let alone = found(in: try Sample.report([Self.result(nil)]).json())
        #expect(alone.reports.map(\.policies.first?.policy.domain) == [nil])
        let beside = [PolicyResult(ReportedPolicy(.tlsa, domain: "mx.example"), Tally()), Self.result(nil)]
        #expect(found(in: try Sample.report(beside).json()).reports.first?.policies.last?.policy.domain == nil)
    }

    @Test("takes the domain from the name of a file")
    func fileName() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sts-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("sender.example!b.example!1!2.json").path
        try Data(Sample.report([Self.result(nil)]).json()).write(to: URL(fileURLWithPath: path))
        let reports = Locked<[Report]>([])
        let notes = try ReportFile(path).read { report in reports.withLock { $0.append(report) } }
        #expect(reports.withLock { $0.map { $0.policies.map(\.policy.domain) } } == [["b.example"]])
        #expect(notes.remarks == ["policies[0].policy.policy-domain: missing, taken from the name of its file"])
    }

    private static func result(_ domain: String?) -> PolicyResult {
        PolicyResult(
            ReportedPolicy(type: .known(.sts), domain: domain, strings: [], mxHosts: []), Tally(successes: 1))
    }

    @Test("is read in each transfer encoding")
    func encodings() throws {
        let json = String(decoding: try Sample.small.json(pretty: true), as: UTF8.self)
        let quoted = json.replacing("=", with: "=3D").replacing("report", with: "rep=\nort").replacing("{", with: "=7b")
        let header = "Content-Type: application/tlsrpt+json\nContent-Transfer-Encoding: "
        for (encoding, content) in [
            ("7bit", json), ("8BIT", json), ("quoted-printable", quoted),
            ("Base64", Data(json.utf8).base64EncodedString()),
        ] {
            let text = Self.mail(header + encoding, content)
            #expect(found(in: Array(text.utf8)) == ([Sample.small], []), "\(encoding)")
        }
    }

    @Test("is read when it was forwarded, nested, cut behind the report, or is the report itself")
    func shapes() throws {
        let packed = try Self.packed()
        let header = "Content-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64"
        let whole = Self.mail(header, packed)
        let forwarded = Self.mail("Content-Type: message/rfc822", whole, boundary: "outer")
        let nested = Self.mail("Content-Type: multipart/mixed; boundary=\"bb\"", "--bb\n\(header)\n\n\(packed)\n--bb--")
        let cut = String(whole[..<(try #require(whole.range(of: "\n--b--")?.lowerBound))])
        let bare = "Subject: x\n\(header)\n\n\(packed)\n"
        for text in [forwarded, nested, cut, bare] {
            #expect(found(in: Array(text.utf8)) == ([Sample.small], []), "\(text)")
        }
    }

    @Test("is read from a mailbox, beside other mail, each report once")
    func mailbox() throws {
        let header = "Content-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64"
        let mail = "From x@sender.example Mon Nov 23 01:02:03 2026\n" + Self.mail(header, try Self.packed()) + "\n\n"
        let other =
            "From y@sender.example Tue Nov 24 10:02:03 2026\nSubject: lunch\n\nAt noon?\n\nFrom here on, text.\n\n"
        let speaking = mail.replacing("A report.", with: "Dear all,\n\nFrom now on: reports.")
        let (reports, problems) = found(in: Array((mail + other + speaking + mail).utf8))
        #expect(reports.count == 3)
        #expect(problems == [])
    }

    @Test("says of each part what is wrong with it, by its name")
    func problems() throws {
        let header = "Content-Type: application/tlsrpt+gzip; name=\"a\u{1b}.json.gz\"\nContent-Transfer-Encoding: "
        let zip = Self.mail(header + "7bit", "PK\u{3}\u{4}")
        #expect(found(in: Array(zip.utf8)).problems.first?.hasPrefix("a\\x1B.json.gz: a ZIP archive") == true)
        let word =
            "Content-Type: application/zip; name=\"=?iso-8859-1?Q?B=FCro_1?=\"\nContent-Transfer-Encoding: base64"
        let encoded = Self.mail(word, Data("PK\u{3}\u{4}".utf8).base64EncodedString())
        #expect(found(in: Array(encoded.utf8)).problems.first?.hasPrefix("B\\xC3\\xBCro 1: a ZIP archive") == true)
        let broken = Self.mail(header + "base64", "H4sI")
        #expect(found(in: Array(broken.utf8)).problems.first?.hasPrefix("a\\x1B.json.gz: ") == true)
    }

    @Test("is read wherever it stands, and what stands beside it is somebody else's")
    func undeclared() throws {
        let packed = try Self.packed()
        let json = String(decoding: try Sample.small.json(), as: UTF8.self)
        let aggregate = Data(try compress(Array("<?xml version=\"1.0\"?><feedback/>".utf8))).base64EncodedString()
        func mixed(_ parts: (header: String, content: String)...) -> [UInt8] {
            let parts = parts.map { "--b\n\($0.header)\n\n\($0.content)\n" }.joined()
            return Array("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n\(parts)--b--\n".utf8)
        }
        let gzip = "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64"
        let foreign = [
            ("Content-Type: text/plain", "[EXTERNAL] Dear all"), (gzip, aggregate),
            ("Content-Type: application/json; charset=x", "{\"a\": 1}"),
            ("Content-Type: application/zip", "PK\u{3}\u{4}"),
        ]
        for (header, content) in [
            (gzip, packed), ("Content-Type: text/plain", "\n\n\(json)"), ("Content-Type: text/html", json), ("", json),
            ("Content-Type: multipart/related; boundary=r", "--r\nContent-Type: application/json\n\n\(json)\n--r--"),
        ] {
            #expect(found(in: mixed((header, content))) == ([Sample.small], []), "\(header)")
            let beside = mixed(foreign[0], foreign[1], (header, content), foreign[2], foreign[3])
            #expect(found(in: beside) == ([Sample.small], []), "\(header)")
        }
        #expect(
            found(in: mixed(foreign[0], foreign[3])).problems == [
                "no TLS report found, read as a mail",
                "a ZIP archive, which is not opened: unpack it (unzip) and show the file that is in it",
            ])
        let both = mixed((gzip, packed), ("Content-Type: text/plain", json))
        #expect(found(in: both) == ([Sample.small, Sample.small], []))
        // A mail that says what it carries is held to it.
        let damaged = Self.mail("Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64", "H4sI")
        #expect(found(in: Array(damaged.utf8)).problems.count == 1)
        #expect(found(in: Array(damaged.utf8)).problems != ["no TLS report found, read as a mail"])
    }

    @Test("bounds what it looks at")
    func bounds() throws {
        let part = "--b\nContent-Type: application/tlsrpt+json\n\n{}\n"
        let many = "Content-Type: multipart/mixed; boundary=b\n\n" + String(repeating: part, count: 10_000)
        #expect(found(in: Array(many.utf8)).problems.count <= 20)
        #expect(MailEntity(Array(many.utf8)[...]).parts.count == MailEntity.maxParts)

        var deep = "Content-Type: application/tlsrpt+json\n\n{}\n"
        for level in 0..<40 { deep = "Content-Type: multipart/mixed; boundary=b\(level)x\n\n--b\(level)x\n" + deep }
        #expect(found(in: Array(deep.utf8)).problems.first == "more than 10 contents in one another")

        let long = "Content-Type: text/plain; x=\"" + String(repeating: "\n yyyyyyyy", count: 100_000) + "\"\n\nz"
        #expect(MailEntity(Array(long.utf8)[...]).contentType.value == "text/plain")
    }
}

@Suite("A field with parameters - RFC 2045 §5.1, RFC 2231")
struct ParameterizedFieldTests {
    @Test(
        "gives its value and a parameter",
        arguments: [
            ("multipart/Report; boundary=x", "multipart/report", "x"), ("a/b; Boundary = \"x y;z\" ", "a/b", "x y;z"),
            ("a/b;boundary=\"a\\\"b\"", "a/b", "a\"b"), ("a/b (c; boundary=no); boundary=x", "a/b", "x"),
            ("a/b; boundary*0=x; boundary*1=\"y\"", "a/b", "xy"), ("a/b; boundary*=''x%20y", "a/b", "x y"),
            ("a/b; boundary*0*=us-ascii'en'x%20; boundary*1*=%79; boundary*2=%79", "a/b", "x y%79"),
            ("a/b; boundary*0*=utf-8''%C3; boundary*1*=%BC", "a/b", "ü"),
            ("a/b; boundary*=iso-8859-1'de'%FC", "a/b", "ü"), ("a/b; boundary*=utf-8''%FC", "a/b", "\u{FFFD}"),
            ("a/b; boundary=x; boundary=y", "a/b", "x"), ("a/b; boundary=%4", "a/b", "%4"),
            ("a/b", "a/b", nil), ("", "", nil), (";;;=", "", nil), ("a/b; boundary=\"", "a/b", ""),
            ("a/b; boundary=(\\", "a/b", ""),
        ])
    func rows(_ text: String, _ value: String, _ boundary: String?) {
        let field = ParameterizedField(Array(text.utf8))
        #expect(field.value == value)
        #expect(field.parameter("boundary") == boundary)
    }
}

@Suite("Encoded words - RFC 2047")
struct EncodedWordTests {
    @Test(
        "are decoded, and what is none stays",
        arguments: [
            ("=?utf-8?Q?a=2Ejson=2Egz?=", "a.json.gz"), ("=?UTF-8?b?YS5qc29u?=", "a.json"),
            ("=?utf-8?q?a_b?= =?utf-8?q?c?=", "a bc"), ("x =?utf-8?q?a?= y =?utf-8?q?b?=", "x a y b"),
            ("=?iso-8859-1*de?q?=FC?=", "ü"), ("=?koi8-r?q?=FC?=", "\u{FFFD}"), ("=?utf-8?b?YQ?=", "a"),
            ("=?utf-8?x?a?=", "=?utf-8?x?a?="), ("=?utf-8?q?a", "=?utf-8?q?a"), ("=?=?=?", "=?=?=?"), ("", ""),
            ("a.json", "a.json"), ("=?a =?utf-8?q?b?=", "=?a b"),
        ])
    func rows(_ text: String, _ decoded: String) {
        #expect(decodingEncodedWords(text) == decoded)
    }

    @Test("cost no more than their length")
    func many() {
        let words = String(repeating: "=?", count: 4000) + "=?utf-8?q?a?="
        #expect(decodingEncodedWords(words).hasSuffix("a"))
    }
}
