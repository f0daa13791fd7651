// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import Intake

@Suite("An entry of the journal reads as lines of syslog")
struct JournalEntryTests {
    private static let prefix = "2026-11-23T20:43:20.000502+00:00 "

    static let table: [(host: String, identifier: String, process: String, message: String, lines: String)] = [
        ("vm", "postfix/smtp", "1538", "hello", "\(prefix)vm postfix/smtp[1538]: hello\n"),
        ("vm", "postfix/smtp", "", "hello", "\(prefix)vm postfix/smtp: hello\n"),
        ("vm", "postfix/smtp", "12x", "hello", "\(prefix)vm postfix/smtp: hello\n"),
        ("", "sm-mta", "1", "a", "\(prefix)localhost sm-mta[1]: a\n"),
        ("v m", "sm-mta", "1", "a", "\(prefix)localhost sm-mta[1]: a\n"),
        ("vm", "p", "1", "a\n\nb\n", "\(prefix)vm p[1]: a\n\(prefix)vm p[1]: b\n"),
        ("vm", "p", "1", "", ""),
        ("vm", "", "1", "a", ""),
        ("vm", "p[2]: postfix/smtp", "1", "a", ""),
        ("vm", "p\nNov", "1", "a", ""),
        ("vm", String(repeating: "p", count: 256), "1", "a", ""),
    ]

    @Test("with the prefix of a log file before each line of the message", arguments: table.indices)
    func lines(_ row: Int) {
        let (host, identifier, process, message, expected) = Self.table[row]
        let entry = JournalEntry(
            time: 1_795_466_600_000_502, host: Array(host.utf8), identifier: Array(identifier.utf8),
            process: Array(process.utf8), message: Array(message.utf8))
        var lines: [UInt8] = []
        entry.append(to: &lines)
        #expect(String(decoding: lines, as: UTF8.self) == expected)
    }

    @Test("at any time that 64 bits hold", arguments: [0, 999_999, 1_000_000, UInt64.max])
    func times(_ time: UInt64) {
        var lines: [UInt8] = []
        JournalEntry(time: time, host: [], identifier: [0x61], process: [], message: [0, 0xFF]).append(to: &lines)
        #expect(lines.last == 0x0A)
    }
}
