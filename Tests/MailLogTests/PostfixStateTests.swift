// SPDX-License-Identifier: Apache-2.0
import Foundation
import MailLog
import Testing

@Suite("What a reader holds can be written down at any line, and is bounded")
struct PostfixStateTests {
    /// Every kind of line, several processes among each other.
    static func log() throws -> [UInt8] {
        let names = [
            "3.7/20-secure-two-mx-first-bad", "3.7/29-secure-many-rcpts", "3.7/62-secure-connection-reuse-tlsproxy",
            "3.7/73-mx-all-bad", "3.7/80-may-handshake-failure-then-plaintext-retry", "3.7/86-tlsproxy-selfsigned",
            "3.10/73-mx-all-bad", "3.10/34-secure-mx-not-in-policy", "3.7/77-mixed-three-outcomes",
        ]
        return try names.flatMap { try PostfixLogs.octets("postfix-\($0).log") }
    }

    @Test("a log read in two parts, the state written down between them, is the same log")
    func split() throws {
        let log = try Self.log()
        let whole = PostfixLogs.sessions(log)
        #expect(whole.count == 17)
        for end in log.indices where log[end] == UInt8(ascii: "\n") {
            var reader = PostfixLogReader()
            let first = PostfixLogs.sessions(Array(log[...end]), &reader)
            var next = try JSONDecoder().decode(PostfixLogReader.self, from: JSONEncoder().encode(reader))
            #expect(first + PostfixLogs.sessions(Array(log[(end + 1)...]), &next) == whole, "at \(end)")
        }
    }

    @Test("a log cut at any octet, or with one octet changed, traps nothing")
    func damaged() throws {
        let log = try Self.log()
        for end in log.indices {
            var lineStart = end
            while lineStart > 0, log[lineStart - 1] != UInt8(ascii: "\n") { lineStart -= 1 }
            _ = PostfixLogs.sessions(Array(log[lineStart..<end]) + [UInt8(ascii: "\n")])
            var changed = Array(log[lineStart...end])
            changed[end - lineStart] ^= 0x80
            _ = PostfixLogs.sessions(changed + [UInt8(ascii: "\n")])
        }
    }

    @Test("lines of a mebibyte and binary octets cost no session beside them")
    func monsters() throws {
        let prefix = Array("Nov 24 09:00:00 mta postfix/smtp[1]: A1: to=<".utf8)
        let monster = prefix + [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + [UInt8(ascii: "\n")]
        let binary = prefix + (0...255).map { UInt8($0) } + Array("\0\0\n\n\r\n".utf8)
        let good = try PostfixLogs.octets("postfix-3.7/01-secure-good.log")
        #expect(PostfixLogs.sessions(monster + good + binary + good + monster) == PostfixLogs.sessions(good + good))
    }

    @Test("twenty thousand processes that never finish leave a thousand behind")
    func bounded() throws {
        var reader = PostfixLogReader()
        let lines = (0..<20_000).map { number in
            "Nov 24 09:00:00 mta postfix\(number)/smtp[\(number)]: SSL_connect error to mx.a.test[192.0.2.1]:25: -1\n"
                + "Nov 24 09:00:00 mta postfix/tlsproxy[1]: certificate verification failed for "
                + "mx\(number).a.test[192.0.2.1]:25: self-signed certificate\n"
        }
        #expect(PostfixLogs.sessions(Array(lines.joined().utf8), &reader) == [])
        #expect(try JSONEncoder().encode(reader).count < 200_000)
    }

    @Test("a process between two deliveries takes little room")
    func compact() throws {
        var reader = PostfixLogReader()
        let log = try PostfixLogs.octets("postfix-3.7/01-secure-good.log")
        #expect(PostfixLogs.sessions(log, &reader).count == 1)
        #expect(try JSONEncoder().encode(reader).count < 260)
    }
}
