// SPDX-License-Identifier: Apache-2.0
import Basics

/// Rows for the tests and the fuzzer's first corpus.
package enum DomainNameTable {
    /// A text and the name it means.
    package static let valid: [(String, String)] = [
        ("example.org", "example.org"), ("EXAMPLE.Org", "example.org"), ("example.org.", "example.org"),
        ("localhost", "localhost"), ("a-b.c--d.example", "a-b.c--d.example"), ("3com.com", "3com.com"),
        ("münchen.example", "xn--mnchen-3ya.example"), ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("bücher。example", "xn--bcher-kva.example"), ("faß.example", "xn--fa-hia.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        (String(repeating: "a", count: 63) + ".example", String(repeating: "a", count: 63) + ".example"),
    ]

    /// A text and why it is no name.
    package static let invalid: [(String, DomainNameError)] = [
        ("", DomainNameError.empty), (".", .empty), ("a..b", .emptyLabel), (".example.org", .emptyLabel),
        ("example.org..", .emptyLabel), ("-a.example", .hyphenAtEdge), ("a-.example", .hyphenAtEdge),
        ("a_b.example", .forbiddenCharacter), ("a b.example", .forbiddenCharacter),
        ("a\0b.example", .forbiddenCharacter), ("a\r\nb.example", .forbiddenCharacter),
        ("*.example.org", .forbiddenCharacter), ("127.0.0.1", .numericTopLabel), ("[127.0.0.1]", .forbiddenCharacter),
        ("::1", .forbiddenCharacter), ("ü\0.example", .forbiddenCharacter),
        (String(repeating: "a", count: 64) + ".example", .labelTooLong),
        (String(repeating: "abcdefg.", count: 32) + "example", .tooLong),
    ]
}
