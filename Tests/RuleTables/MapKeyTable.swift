// SPDX-License-Identifier: Apache-2.0

/// Keys as MTAs put them to a policy map, for the tests and the fuzzer's first corpus.
package enum MapKeyTable {
    /// Names of services, in the form of services(5).
    package static let services = """
        # Network services
        smtp\t\t25/tcp\t\tmail
        qmtp 209/tcp # Quick Mail Transfer Protocol
        submissions\t465/tcp\tssmtp smtps urd # Submission over TLS
        submission 587/tcp
        snmp 161/udp
        broken
        zero 0/tcp
        large 70000/tcp
        sign +25/tcp
        """

    /// A key and the next hop it means: `mx NAME PORT` or `host NAME PORT`.
    package static let asked: [(String, String)] = [
        ("example.org", "mx example.org 25"), ("EXAMPLE.Org", "mx example.org 25"),
        ("example.org.", "mx example.org 25"),
        ("example.org:587", "mx example.org 587"), ("[mx.example.org]", "host mx.example.org 25"),
        ("[mx.example.org]:587", "host mx.example.org 587"), ("[mx.example.org]:submission", "host mx.example.org 587"),
        ("[mx.example.org]:urd", "host mx.example.org 465"), ("example.org:ssmtp", "mx example.org 465"),
        ("[mx.example.org]:mail", "host mx.example.org 25"), ("example.org:qmtp", "mx example.org 209"),
        ("example.org:smtps", "mx example.org 465"), ("example.org:lmtp", "mx example.org 24"),
        ("[MX.Example.ORG]:URD", "host mx.example.org 465"), ("EXAMPLE.ORG:Submission", "mx example.org 587"),
        // What a single label is, the site's own settings say.
        ("mailhub", "mx mailhub 25"), ("mailhub:25", "mx mailhub 25"), ("[mailhub]:urd", "host mailhub 465"),
        ("example.org:", "mx example.org 25"), ("[mx.example.org]:", "host mx.example.org 25"),
        ("example.org.:urd", "mx example.org 465"), ("inet:example.org:24", "mx example.org 24"),
        ("b\u{fc}cher.example", "mx xn--bcher-kva.example 25"),
        ("b\u{fc}cher.example:urd", "mx xn--bcher-kva.example 465"),
        ("xn--bcher-kva.example", "mx xn--bcher-kva.example 25"),
        ("a.b.c.d.example", "mx a.b.c.d.example 25"), ("mx_1.example.org", "mx mx_1.example.org 25"),
    ]

    /// Keys that never have a policy and cost no question.
    package static let skipped: [String] = [
        "", ".", ".example.org", ".org", ".example.org:25",
        "192.0.2.1", "[192.0.2.1]", "[192.0.2.1]:25", "192.0.2.1:nonsense", "2001:db8::1",
        "[2001:db8::1]", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]:25", "[ipv6:2001:db8::1]:urd", "[ipv6:2001:db8::1",
        "/run/lmtp", "unix:/run/lmtp", "/run/example.org/lmtp", "private/lmtp",
        "ok..pol.example", String(repeating: "a", count: 300) + ".example", "-a.example", "*",
        "[", "]", "[]", "[]:25", ":25", ":", "::", ":::", "a\0.example", "one, two", "localhost:nonsense",
    ]

    /// Keys that cannot be read, and the names in them.
    package static let unreadable: [(String, String)] = [
        ("[mx.example.org", "mx.example.org"), ("mx.example.org]", "mx.example.org"),
        ("[mx.example.org]25", "mx.example.org"), ("[mx.example.org]]:25", "mx.example.org"),
        ("example.org:nonsense", "example.org"), ("example.org:snmp", "example.org"),
        ("example.org:0", "example.org"), ("example.org:65536", "example.org"), ("example.org:+25", "example.org"),
        ("example.org:zero", "example.org"), ("example.org:large", "example.org"), ("example.org:sign", "example.org"),
        ("example.org:25:25", "example.org"), ("example.org: 25", "example.org"), ("example.org :25", "example.org"),
        ("[one.example]:[two.example]", "one.example two.example"),
        ("one.example:two.example", "one.example two.example"),
        ("example.org, example.net", "example.org example.net"), ("example.org,example.org", "example.org"),
        ("a b.example c", "b.example"), ("user@example.org", "example.org"), ("*.example.org", "example.org"),
        ("smtp:[mx.example.org]:25", "mx.example.org"), ("[b\u{fc}cher.example", "xn--bcher-kva.example"),
        ("example.org" + String(repeating: " ", count: 2000), "example.org"),
    ]
}
