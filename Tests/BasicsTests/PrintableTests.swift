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

    @Test("a text and a part of one come to the same, whatever octet is where")
    func parts() {
        for place in 0..<40 {
            for octet in [0, 0x1F, 0x20, 0x5C, 0x7E, 0x7F, 0x80, 0xFF] as [UInt8] {
                var octets = [UInt8](repeating: UInt8(ascii: "x"), count: 40)
                octets[place] = octet
                let text = String(decoding: octets, as: UTF8.self)
                for limit in [39, 40, 41, 200] {
                    let safe = printable(text, limit: limit)
                    #expect(safe == printable(text[...], limit: limit))
                    #expect((safe == text) == (octet >= 0x20 && octet < 0x7F && octet != 0x5C && limit >= 40))
                }
            }
        }
    }
}
