// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import RuleTables
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
        let body =
            Array("version: STSv1\nmode: enforce\nx: ".utf8) + [0xFF, 0xC0, 0x00]
            + Array("\nmx: a.example\nmax_age: 1".utf8)
        #expect(try Policy.read(body).policy.mx.map(\.description) == ["a.example"])
    }

    @Test("a body in UTF-16 is told by its mark")
    func utf16() {
        let pairs = Array(PolicyTable.minimal.utf16.map { UInt8($0) }.map { [$0, 0] as [UInt8] }.joined())
        let little: [UInt8] = [0xFF, 0xFE] + pairs
        let big: [UInt8] = [0xFE, 0xFF, 0] + Array(pairs.dropLast())
        #expect(throws: PolicyError.byteOrderMark) { try Policy.read(little) }
        #expect(throws: PolicyError.byteOrderMark) { try Policy.read(big) }
        #expect(throws: PolicyError.missing("version")) { try Policy.read(pairs) }
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

    @Test("what is kept are the lines that count, and read again they are the same policy")
    func kept() throws {
        let blanks = String(repeating: " ", count: 5000)
        let body =
            "mx:\(blanks)Mail.Example.ORG.\r\n# \(blanks)\nversion:  STSv1\nmode: enforce\nmode: none\nx: y\nmx: *\n"
            + "max_age: \(String(repeating: "0", count: 3000))86400\nmx: *.example.net\n"
        let policy = try Policy.read(body.utf8).policy
        #expect(
            policy.lines == [
                "mx: Mail.Example.ORG.", "version: STSv1", "mode: enforce", "max_age: 86400", "mx: *.example.net",
            ])
        #expect(try Policy.read(policy.text.utf8).policy == policy)
        #expect(try Policy.read(policy.text.utf8).warnings.isEmpty)
    }

    @Test("patterns are bounded: the first count, and that is said once")
    func boundedPatterns() throws {
        let body = PolicyTable.minimal + (0..<6000).map { "mx: h\($0).example\n" }.joined()
        let reading = try Policy.read(body.utf8)
        #expect(reading.policy.mx.count == Policy.maxPatterns)
        #expect(reading.warnings.count == 1)
        #expect(reading.policy.covers(try DomainName("h1.example")))
        // Stricter, never weaker.
        #expect(!reading.policy.covers(try DomainName("h5999.example")))
        #expect(try Policy.read(reading.policy.text.utf8).policy == reading.policy)
        let reported = AppliedPolicy.sts(try DomainName("example.org"), reading.policy).reported
        #expect((reported.strings + reported.mxHosts).reduce(0) { $0 + $1.utf8.count } <= 16_500)
        #expect(reported.strings.contains { $0.hasPrefix("max_age") })
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
            ("mail.example.com", "mail.example.com"), ("*.example.com", "mail.example.com"),
            ("MAIL.Example.COM.", "mail.example.com"),
            ("*.Example.com.", "a.example.com"), ("*.example.com", "xn--mnchen-3ya.example.com"),
            ("*.example.com", "mx_1.example.com"), ("mx_1.example.com", "mx_1.example.com"),
            ("*.a_b.example.com", "mx.a_b.example.com"),
        ])
    func matches(_ pattern: String, _ host: String) throws {
        #expect(try MXPattern(pattern).matches(try DomainName(mxHost: host)))
    }

    @Test(
        "does not match",
        arguments: [
            ("*.example.com", "example.com"), ("*.example.com", "foo.bar.example.com"),
            ("*.example.com", "badexample.com"),
            ("mail.example.com", "example.com"), ("example.com", "mail.example.com"), ("*.com", "mail.example.com"),
        ])
    func differs(_ pattern: String, _ host: String) throws {
        #expect(!(try MXPattern(pattern).matches(try DomainName(mxHost: host))))
    }

    @Test(
        "refuses what is no pattern",
        arguments: [
            "", "*", "*.", ".example.com", "a.*.example.com", "*a.example.com", "*.*.example.com", "192.0.2.1",
            "[192.0.2.1]",
            "münchen.example", "x ciphers=low", "a:.com", "*.com:x", "mail.example.com;", "mail.example.com\0",
        ])
    func refused(_ text: String) {
        #expect(throws: DomainNameError.self) { try MXPattern(text) }
    }
}
