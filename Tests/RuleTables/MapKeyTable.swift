// SPDX-License-Identifier: Apache-2.0

/// Keys as MTAs put them to a policy map, for the tests and the fuzzer's first corpus.
package enum MapKeyTable {
    /// A key and the next hop it means: `mx NAME PORT` or `host NAME PORT`.
    package static let asked: [(String, String)] = [
        ("example.org", "mx example.org 25"), ("EXAMPLE.Org", "mx example.org 25"),
        ("example.org.", "mx example.org 25"),
        ("example.org:587", "mx example.org 587"), ("[mx.example.org]", "host mx.example.org 25"),
        ("[mx.example.org]:587", "host mx.example.org 587"), ("[mx.example.org]:submission", "host mx.example.org 587"),
        ("b\u{fc}cher.example", "mx xn--bcher-kva.example 25"),
        ("xn--bcher-kva.example", "mx xn--bcher-kva.example 25"),
        ("a.b.c.d.example", "mx a.b.c.d.example 25"),
    ]

    /// Keys that never have a policy and cost no question.
    package static let skipped: [String] = [
        "", ".", ".example.org", ".org", "localhost", "org", "192.0.2.1", "[192.0.2.1]", "[192.0.2.1]:25",
        "2001:db8::1",
        "[2001:db8::1]", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]:25", "/run/lmtp", "unix:/run/lmtp", "private/lmtp",
        "ok..pol.example", String(repeating: "a", count: 300) + ".example", "a b.example c", "-a.example", "*",
        "*.example.org",
        "[", "]", "[]", "[]:25", ":25", "example.org, example.net", "a\0.example",
    ]
}
