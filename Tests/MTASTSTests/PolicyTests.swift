// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import Testing

@Suite("Policy: lenient where that protects, strict where a guess weakens")
struct PolicyTests {
    @Test("reads bodies", arguments: PolicyTable.valid)
    func valid(_ row: PolicyTable.Valid) throws {
        let reading = try Policy.read(row.body.utf8)
        #expect(reading.policy.mode == row.mode)
        #expect(reading.policy.mx.map(\.description) == row.mx)
        #expect(reading.policy.maxAgeSeconds == row.maxAge)
        #expect(reading.warnings.count == row.warnings, "\(reading.warnings)")
    }

    @Test("refuses bodies", arguments: PolicyTable.invalid)
    func invalid(_ row: PolicyTable.Invalid) {
        #expect(throws: row.error) { try Policy.read(row.body.utf8) }
    }

    @Test("octets that are no UTF-8 do not trap and cost nothing but their line")
    func notUTF8() throws {
        let body = Array("version: STSv1\nmode: enforce\nx: ".utf8) + [0xFF, 0xC0, 0x00] + Array("\nmx: a.example\nmax_age: 1".utf8)
        #expect(try Policy.read(body).policy.mx.map(\.description) == ["a.example"])
    }

    @Test("hostile values appear in no warning unescaped")
    func escaped() throws {
        let body = "version: STSv1\nmode: enforce\nmx: a.example\nmx: x\u{1b}[31m ciphers=low\nmax_age: 1"
        let warning = try #require(try Policy.read(body.utf8).warnings.first)
        #expect(warning.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
    }

    @Test("warnings are bounded")
    func boundedWarnings() throws {
        let body = PolicyTable.minimal + String(repeating: "mx: *\n", count: 5000)
        #expect(try Policy.read(body.utf8).warnings.count == 20)
    }

    @Test("lines for the report are the published ones")
    func lines() throws {
        let policy = try Policy.read("version: STSv1\r\nmode: none\r\n\r\nmax_age: 1 \r\n".utf8).policy
        #expect(policy.lines == ["version: STSv1", "mode: none", "max_age: 1"])
    }

    @Test("a policy lives from its fetch until max_age has passed")
    func life() throws {
        let policy = try Policy.read("version: STSv1\nmode: none\nmax_age: 60".utf8).policy
        let fetched = UTCTime(secondsSinceEpoch: 1000)
        let cached = CachedPolicy(domain: try DomainName("a.example"), id: "1", policy: policy, fetchedAt: fetched)
        #expect(cached.isLive(at: UTCTime(secondsSinceEpoch: 1059)))
        #expect(!cached.isLive(at: UTCTime(secondsSinceEpoch: 1060)))
    }
}

@Suite("MXPattern: a wildcard is exactly one left label")
struct MXPatternTests {
    @Test(
        "matches",
        arguments: [
            ("mail.example.com", "mail.example.com"), ("*.example.com", "mail.example.com"), ("MAIL.Example.COM.", "mail.example.com"),
            ("*.Example.com.", "a.example.com"), ("*.example.com", "xn--mnchen-3ya.example.com"), ("*.example.com", "mx_1.example.com"),
        ])
    func matches(_ pattern: String, _ host: String) throws {
        #expect(try MXPattern(pattern).matches(try DomainName(mxHost: host)))
    }

    @Test(
        "does not match",
        arguments: [
            ("*.example.com", "example.com"), ("*.example.com", "foo.bar.example.com"), ("*.example.com", "badexample.com"),
            ("mail.example.com", "example.com"), ("example.com", "mail.example.com"), ("*.com", "mail.example.com"),
        ])
    func differs(_ pattern: String, _ host: String) throws {
        #expect(!(try MXPattern(pattern).matches(try DomainName(mxHost: host))))
    }

    @Test(
        "refuses what is no pattern",
        arguments: ["", "*", "*.", ".example.com", "a.*.example.com", "*a.example.com", "*.*.example.com", "192.0.2.1", "[192.0.2.1]",
            "münchen.example", "x ciphers=low", "a:.com", "*.com:x", "mail.example.com;", "mail.example.com\0"])
    func refused(_ text: String) {
        #expect(throws: DomainNameError.self) { try MXPattern(text) }
    }
}

/// Rows for the tests and the fuzzer's first corpus.
enum PolicyTable {
    struct Valid: Sendable {
        let body: String
        var mode = Policy.Mode.enforce
        var mx = ["mail.example.com"]
        var maxAge: Int64 = 86_400
        var warnings = 0
    }

    struct Invalid: Sendable {
        let body: String
        let error: PolicyError
    }

    static let minimal = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400\n"

    static let valid: [Valid] = [
        Valid(body: minimal),
        Valid(
            body: "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n",
            mx: ["mail.example.com", "*.example.net", "backupmx.example.com"], maxAge: 604_800),
        Valid(body: "version:STSv1\nmode:enforce\nmx:mail.example.com\nmax_age:86400"),
        Valid(body: "version:\tSTSv1 \nmode:  enforce\t\nmx: mail.example.com  \nmax_age: 86400 \t\r\n"),
        Valid(body: minimal + "\n\n\r\n"),
        Valid(body: "\n\n" + minimal),
        Valid(body: "mx: mail.example.com\nmax_age: 86400\nmode: enforce\nversion: STSv1"),
        Valid(body: minimal + "extra: \u{fc}\u{1F600} text\nx-y.z_1: 1\nempty:\n"),
        Valid(body: minimal + "no colon here\n", warnings: 1),
        Valid(body: minimal + "mode: none\n", warnings: 1),
        Valid(body: minimal + "max_age: 1\nversion: STSv2\n", warnings: 2),
        Valid(body: "version: STSv1\nmode: testing\nmx: mail.example.com\nmax_age: 0\n", mode: .testing, maxAge: 0),
        Valid(body: "version: STSv1\nmode: none\nmax_age: 86400\n", mode: .none, mx: []),
        Valid(body: "version: STSv1\nmode: none\nmx: mail.example.com\nmax_age: 86400\n", mode: .none),
        Valid(body: "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 31557600\n", maxAge: 31_557_600),
        Valid(body: "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 31557601\n", maxAge: 31_557_600, warnings: 1),
        Valid(
            body: "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 99999999999999999999999999\n", maxAge: 31_557_600,
            warnings: 1),
        Valid(body: "version: STSv1\nmode: enforce\nmx: MAIL.Example.COM.\nmax_age: 086400\n"),
        Valid(body: "version: STSv1\nmode: enforce\nmx: 192.0.2.1\nmx: mail.example.com\nmx: *\nmx: a:.com\nmax_age: 86400\n", warnings: 3),
        Valid(body: "version: STSv1\nmode: enforce\nmx: mail.example.com ciphers=low\nmx: mail.example.com\nmax_age: 86400\n", warnings: 1),
    ]

    static let invalid: [Invalid] = [
        Invalid(body: "", error: .missing("version")),
        Invalid(body: "<html><body>hello</body></html>", error: .missing("version")),
        Invalid(body: "mode: enforce\nmx: a.example\nmax_age: 1", error: .missing("version")),
        Invalid(body: "\u{feff}" + minimal, error: .missing("version")),
        Invalid(body: "Version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1", error: .missing("version")),
        Invalid(body: "version: STSv2\nversion: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1", error: .unknownVersion("STSv2")),
        Invalid(body: "version: stsv1\nmode: enforce\nmx: a.example\nmax_age: 1", error: .unknownVersion("stsv1")),
        Invalid(body: "version: STSv1\nmx: a.example\nmax_age: 1", error: .missing("mode")),
        Invalid(body: "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1", error: .unknownMode("Enforce")),
        Invalid(body: "version: STSv1\nmode: report\nmx: a.example\nmax_age: 1", error: .unknownMode("report")),
        Invalid(body: "version: STSv1\nmode : enforce\nmx: a.example\nmax_age: 1", error: .missing("mode")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example", error: .missing("max_age")),
        Invalid(body: "version: STSv1\nmode: none\n", error: .missing("max_age")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: +1", error: .badMaxAge("+1")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1_000", error: .badMaxAge("1_000")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1", error: .badMaxAge("-1")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1.5", error: .badMaxAge("1.5")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age:\nmax_age: 1", error: .badMaxAge("")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: \u{0661}", error: .badMaxAge("\u{0661}")),
        Invalid(body: "version: STSv1\nmode: enforce\nmax_age: 1", error: .noValidMX),
        Invalid(body: "version: STSv1\nmode: testing\nmx: *\nmx:\nmax_age: 1", error: .noValidMX),
        Invalid(body: "version: STSv1\rmode: enforce\rmx: a.example\rmax_age: 1", error: .unknownVersion("STSv1\rmode: enforce\rmx: a.example\rmax_age: 1")),
    ]
}
