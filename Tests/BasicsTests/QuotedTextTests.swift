// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@Suite("A text in quotes is one for JSON and for TOML")
struct QuotedTextTests {
    private static let rows: [(text: String, quoted: String)] = [
        ("", #""""#), ("mx.example", #""mx.example""#), (#"a"b\c"#, #""a\"b\\c""#), ("a\nb\tc", #""a\u000ab\u0009c""#),
        ("\0\u{1F}\u{7F} ", #""\u0000\u001f\u007f ""#), ("é \u{1F600} \u{85}", "\"é \u{1F600} \u{85}\""),
        // A grapheme of several scalars, one of which has to be escaped.
        ("\r\n\"\u{301}", "\"\\u000d\\u000a\\\"\u{301}\""),
    ]

    @Test("what would end it or may not stand in it has an escape", arguments: rows)
    func escapes(text: String, quoted: String) { #expect(quotedText(text) == quoted) }
}
