// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@Suite("printable: nothing hostile reaches a line")
struct PrintableTests {
    @Test(
        "escapes all but printable ASCII",
        arguments: [
            ("plain text", "plain text"), ("a\r\nb", "a\\x0D\\x0Ab"), ("\u{1b}[31m", "\\x1B[31m"), ("ü", "\\xC3\\xBC"),
            ("a\\b", "a\\x5Cb"), ("\0", "\\x00"), ("\u{7f}", "\\x7F"),
        ])
    func escapes(_ text: String, _ expected: String) {
        #expect(printable(text) == expected)
    }

    @Test(
        "escapes once, however often it is applied",
        arguments: [
            "a\r\nb", "\u{1b}[31m", "ü", "a\\b", "\\", "\\x", "\\x4", "\\x41", "\\xe9", "\\x0A", "\\\\x5C", "\\x5Cx41",
        ])
    func once(_ text: String) {
        let safe = printable(text)
        #expect(printable(safe) == safe)
        #expect(safe.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    }

    @Test("takes nothing but its own escapes for escapes", arguments: [("\\x41", "\\x5Cx41"), ("\\xef", "\\x5Cxef")])
    func otherEscapes(_ text: String, _ expected: String) { #expect(printable(text) == expected) }

    @Test("is bounded")
    func bounded() {
        #expect(
            printable(String(repeating: "x", count: 10_000), limit: 20) == String(repeating: "x", count: 20) + "...")
    }
}
