// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import Preload
import Testing

/// A list with these policies and aliases, or with other members replaced.
func listText(
    _ policies: String = "", aliases: String = "", timestamp: String = "1000", expires: String = "2000000000",
    more: String = ""
) -> String {
    """
    {"version": "0.1", "timestamp": \(timestamp), "expires": \(expires), "author": "Example \\u00e9",
     "policy-aliases": {\(aliases)}, "policies": {\(policies)}\(more)}
    """
}

let enforced = #"{"mode": "enforce", "mxs": ["mx.example.org", ".example.net"]}"#

@Suite("PreloadList: STARTTLS Policy List, version 0.1")
struct PreloadListTests {
    private func read(_ text: String) throws(PreloadListError) -> PreloadList { try PreloadList(Array(text.utf8)) }

    @Test("gives the policy of exactly the domains listed, with suffixes of one label")
    func policies() throws {
        let list = try read(
            listText(
                #""Example.ORG": \#(enforced), "alias.example": {"policy-alias": "big"}"#,
                aliases: #""big": {"mode": "testing", "mxs": [".big.example"]}"#))
        let now = UTCTime(secondsSinceEpoch: 1_000_000)
        let policy = try #require(list.policy(for: try DomainName("example.org"), at: now)?.policy)
        #expect(policy.mode == .enforce)
        #expect(policy.mx.map(\.description) == ["mx.example.org", "*.example.net"])
        #expect(policy.covers(try DomainName("a.example.net")))
        #expect(!policy.covers(try DomainName("b.a.example.net")))
        #expect(!policy.covers(try DomainName("example.net")))
        #expect(list.policy(for: try DomainName("lists.example.org"), at: now) == nil)
        let alias = try DomainName("alias.example")
        #expect(list.policy(for: alias, at: now)?.policy.mode == .testing)
        #expect(list.policy(for: alias, at: now, earlyAdopter: true)?.policy.mode == .enforce)
        #expect(list.policy(for: alias, at: now)?.origin == .preloaded)
        #expect(list.author == "Example é")
        #expect(list.warnings.isEmpty)
    }

    @Test("is silent once it has expired")
    func expiry() throws {
        let list = try read(listText(#""example.org": \#(enforced)"#, expires: "5000"))
        let domain = try DomainName("example.org")
        #expect(list.policy(for: domain, at: UTCTime(secondsSinceEpoch: 4999)) != nil)
        #expect(list.policy(for: domain, at: UTCTime(secondsSinceEpoch: 5000)) == nil)
        #expect(list.isExpired(at: UTCTime(secondsSinceEpoch: 5000)))
    }

    @Test(
        "reads times as seconds and as RFC 3339 writes them",
        arguments: [
            ("1538161029", 1_538_161_029), (#""2018-09-28T11:57:09.977018279-07:00""#, 1_538_161_029),
            (#""2018-09-28T18:57:09Z""#, 1_538_161_029), ("0", 0),
        ] as [(String, Int64)])
    func times(_ text: String, _ seconds: Int64) throws {
        #expect(try read(listText(timestamp: text)).timestamp == UTCTime(secondsSinceEpoch: seconds))
    }

    @Test("tolerates what lists of STARTTLS Everywhere had: pinsets, and a domain twice alike")
    func tolerated() throws {
        let list = try read(
            listText(#""a.example": \#(enforced), "a.example": \#(enforced)"#, more: #", "pinsets": {}"#))
        #expect(list.policies.count == 1)
        #expect(list.warnings.count == 2)
    }

    static let bad: [(String, String)] = [
        ("", "not JSON"), ("[]", "the list: not an object"), ("{}", "version: missing"), (listText() + "x", "not JSON"),
        (listText().replacing("0.1", with: "0.2"), "version: not \"0.1\""),
        (listText(timestamp: "-1"), "timestamp: neither"), (listText(timestamp: "1.5"), "timestamp: neither"),
        (listText(timestamp: "1e300"), "timestamp: neither"), (listText(timestamp: "true"), "timestamp: neither"),
        (listText(timestamp: #""2018-09-28T18:57:09""#), "timestamp: neither"),
        (listText(timestamp: #""2018-02-30T18:57:09Z""#), "timestamp: neither"),
        (listText(expires: "99999999999999999999"), "expires: neither"),
        (listText(expires: "1000"), "expires: not later"),
        (listText(more: #", "timestamp": 1"#), "\"timestamp\" is given twice"),
        (listText(more: #", "author": "again""#), "\"author\" is given twice"),
        (listText().replacing(#""policies""#, with: #""polices""#), "policies: missing"),
        (listText(#""a.example": "enforce""#), #"policies."a.example": not an object"#),
        (listText(#""a.example": {}"#), #"policies."a.example".mode: missing"#),
        (listText(#""a.example": {"mode": "none", "mxs": ["a.example"]}"#), "is not enforce or testing"),
        (listText(#""a.example": {"mode": "Enforce", "mxs": ["a.example"]}"#), "is not enforce or testing"),
        (listText(#""a.example": {"mode": "enforce"}"#), #"policies."a.example".mxs: no array"#),
        (listText(#""a.example": {"mode": "enforce", "mxs": []}"#), "mxs: empty"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["a.example", "a.example"]}"#), "twice"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["a.example", 1]}"#), "not all texts"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["*.a.example"]}"#), "a suffix is written"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["."]}"#), "empty"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["..a.example"]}"#), "empty label"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["mx"]}"#), "not fully qualified"),
        (listText(#""a.example": {"mode": "enforce", "mxs": [".com"]}"#), "not fully qualified"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["127.0.0.1"]}"#), "last label is a number"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["m\u00fcller.example"]}"#), "not in A-labels"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["x ciphers=low"]}"#), "character other than"),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["a.example"], "min": 1}"#), "unknown member"),
        (listText(#""a.example": {"mode": "enforce", "mode": "testing", "mxs": ["a.example"]}"#), "given twice"),
        (listText(#""a.example": {"policy-alias": "none"}"#), "no policy-alias is named"),
        (listText(#""a.example": {"policy-alias": "x", "mode": "enforce"}"#), "beside other members"),
        (listText(aliases: #""x": {"policy-alias": "y"}"#), "unknown member"),
        (listText(#""a_b.example": \#(enforced)"#), "character other than"),
        (listText(#""a.example.": \#(enforced)"#), "a dot at the end"),
        (listText(#""localhost": \#(enforced)"#), "qualified"),
        (
            listText(#""a.example": \#(enforced), "a.example": {"mode": "testing", "mxs": ["a.example"]}"#),
            "given twice"
        ),
        (
            listText(#""a.example": \#(enforced), "A.example": {"mode": "testing", "mxs": ["a.example"]}"#),
            "another entry for this domain differs"
        ),
        (listText(#""a.example": {"mode": "enforce", "mxs": ["\#("\u{1}")"]}"#), "control character"),
        (listText(#""a\ud800": \#(enforced)"#), "half a character"),
        (listText(#""a\x": \#(enforced)"#), "unknown escape"),
        (listText().replacing("1000", with: "01000"), "begins with 0"), (String(listText().dropLast(20)), "not JSON"),
        (String(repeating: "[", count: 1_000_000), "nested deeper"),
        (String(repeating: #"{"a":"#, count: 100_000), "nested deeper"),
        (
            listText(more: ", \"x\": " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)),
            "nested deeper"
        ),
    ]

    @Test("refuses what is not one, and names the entry", arguments: bad)
    func refused(_ text: String, _ expected: String) {
        do throws(PreloadListError) {
            _ = try read(text)
            Issue.record("taken: \(text.prefix(200))")
        } catch {
            #expect(error.description.contains(expected))
            #expect(error.description.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        }
    }

    @Test("refuses bytes that are no UTF-8, and more of them than the limit")
    func bytes() {
        #expect(throws: PreloadListError.self) {
            try PreloadList(Array(#"{"a": ""#.utf8) + [0xFF] + Array(#""}"#.utf8))
        }
        #expect(throws: PreloadListError.tooLarge(bytes: PreloadList.limitBytes + 1)) {
            try PreloadList([UInt8](repeating: 0x20, count: PreloadList.limitBytes + 1))
        }
    }
}
