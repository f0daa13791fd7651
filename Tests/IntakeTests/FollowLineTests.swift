// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import Intake

@Suite("Lines are given whole, whatever the reads are")
struct FollowLineTests {
    private static let max = LogLineBuffer.maxLineOctets

    private static func line(_ octets: Int, _ letter: String = "x") -> String {
        String(repeating: letter, count: octets - 1) + "\n"
    }

    /// What was written, and what is given of it.
    static let table: [(String, given: String)] = [
        ("", ""),
        ("a\nb\n", "a\nb\n"),
        ("a\n\n\nb", "a\n\n\nb\n"),
        (line(max), line(max)),
        (line(max + 1), ""),
        (line(max) + "a\n", line(max) + "a\n"),
        (line(max + 1) + "a\n", "a\n"),
        ("a\n" + line(max + 1) + "b\n", "a\nb\n"),
        ("a\n" + line(max), "a\n" + line(max)),
        ("a\n" + line(1 << 20) + line(max, "y") + "b", "a\n" + line(max, "y") + "b\n"),
        (String(repeating: "x", count: 3 * max), ""),
        ("a\n\0\u{1}\u{FF}\r\nb\n", "a\n\0\u{1}\u{FF}\r\nb\n"),
    ]

    @Test("each line once, and nothing of one that is too long", arguments: table.indices, [1, 7, 4096, max, 1 << 22])
    func lines(_ row: Int, _ readOctets: Int) {
        let (text, expected) = Self.table[row]
        // A read of single octets is for short texts.
        guard readOctets > 7 || text.utf8.count < 1000 else { return }
        var rest = Array(text.utf8)[...]
        var buffer = LogLineBuffer()
        var given: [UInt8] = []
        var done = 0
        while buffer.fill({ room in
            let piece = rest.prefix(min(room.count, readOctets))
            room.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }) > 0 {
            done += buffer.takeLines { lines in
                #expect(lines.last == UInt8(ascii: "\n"))
                given += lines
            }
        }
        #expect(done + buffer.heldOctets == text.utf8.count)
        done += buffer.takeRest { given += $0 }
        #expect(done == text.utf8.count)
        #expect(given == Array(expected.utf8))
    }
}
