// SPDX-License-Identifier: Apache-2.0
@testable import MTACheck
import Testing

@Suite("Lists of main.cf")
struct PostfixListTests {
    @Test(
        "are parted at commas and blanks outside braces",
        arguments: [
            ("", []), (" a, b\tc ", ["a", "b", "c"]), ("{a, b}, c", ["{a, b}", "c"]),
            (
                "hash:/x, inline:{ { a = secure match=x, b }, c = may } d",
                ["hash:/x", "inline:{ { a = secure match=x, b }, c = may }", "d"]
            ),
            ("inline:{ a, b", ["inline:{ a, b"]), ("a} b", ["a}", "b"]),
        ])
    func elements(text: String, expected: [String]) { #expect(PostfixList.elements(text) == expected) }

    private static let ours = "socketmap:inet:127.0.0.1:8461:postfix"

    /// What smtp_tls_policy_maps is, and what the cure makes of it.
    static let cures: [(String, String)] = [
        ("", ours),
        ("hash:/x", "hash:/x, \(ours)"),
        ("inline:{ { a.example = secure match=b, c } }", "inline:{ { a.example = secure match=b, c } }, \(ours)"),
        ("socketmap:inet:127.0.0.1:8642:QUERYwithTLSRPT", ours),
        ("socketmap:unix:mta-sts/daemon.sock:postfix", ours),
        ("proxy:socketmap:inet:127.0.0.2:8461:postfix hash:/x", "hash:/x, \(ours)"),
        ("socketmap:inet:127.0.0.1:9:vips", "socketmap:inet:127.0.0.1:9:vips, \(ours)"),
        ("hash:/x, socketmap:inet:127.0.0.1:8461:mta-sts", "hash:/x, \(ours)"),
        ("proxy:socketmap:inet:127.0.0.1:8461:mta-sts", "proxy:\(ours)"),
        ("unionmap:{socketmap:inet:127.0.0.1:8461:mta-sts, hash:/x}", "unionmap:{\(ours), hash:/x}"),
        ("socketmap:inet:127.0.0.1:9:vips, hash:/x, \(ours)", "hash:/x, \(ours), socketmap:inet:127.0.0.1:9:vips"),
    ]

    @Test("the line that check-mta gives keeps all tables of the site's own", arguments: cures)
    func cure(before: String, after: String) throws {
        var facts = PostfixFacts()
        facts.parameters = ["mail_version": "3.7.11", "smtp_tls_policy_maps": before]
        let lines = findings(of: facts, expecting: configured()).compactMap(\.cure).flatMap(\.lines)
        #expect(lines.contains("smtp_tls_policy_maps = \(after)"), "\(lines)")
    }

    @Test("the line for our milter keeps the others")
    func milters() throws {
        var facts = PostfixFacts()
        facts.parameters = [
            "mail_version": "3.7.11", "milter_command_timeout": "2s",
            "smtpd_milters": "{ unix:a, protocol=6 }, inet:localhost:8890 inet:127.0.0.1:11332",
        ]
        facts.services = [.init("smtp/inet", "smtpd")]
        let lines = findings(of: facts, expecting: configured()).compactMap(\.cure).flatMap(\.lines)
        let entry = "{ inet:127.0.0.1:8890, default_action=accept, command_timeout=10s }"
        #expect(lines.contains("smtpd_milters = { unix:a, protocol=6 }, \(entry), inet:127.0.0.1:11332"), "\(lines)")
    }
}
