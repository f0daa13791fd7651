// SPDX-License-Identifier: Apache-2.0
import Basics

/// A reply of an SMTP server. - RFC 5321 §4.2: SMTP Replies.
package struct SMTPReply: Sendable, Equatable {
    /// Octets of one line that are kept, beyond the 512 of the RFC, since some hosts are talkative. MTAs read on, and so
    /// do we: the rest is dropped.
    static let keptLineBytes = 2048
    /// Lines of one reply that are kept. Of those behind only extensions that matter are.
    static let keptLines = 100
    /// Octets of one reply that are read: more is no reply that anybody waits for, and costs us as much as its sender.
    static let replyLimitBytes = 1 << 20
    /// Extensions that count wherever they stand.
    private static let keywords: Set<String> = ["STARTTLS"]

    package let code: Int
    /// What stands behind the code of each line, as it came.
    package let lines: [String]

    /// Code and text on one line, safe to print.
    package var text: String { printable("\(code) \(lines.joined(separator: " "))", limit: 120) }

    /// Whether the reply to EHLO offers an extension. - RFC 5321 §4.1.1.1: Extended HELLO.
    package func offers(_ keyword: String) -> Bool {
        lines.dropFirst().contains { Self.keyword(of: $0) == keyword }
    }

    private static func keyword(of line: String) -> String { line.prefix { $0 != " " && $0 != "=" }.uppercased() }

    /// Whether a line behind `kept` others is kept.
    static func keeps(_ line: String, behind kept: Int) -> Bool {
        kept < keptLines || (kept < 2 * keptLines && keywords.contains(keyword(of: line)))
    }

    /// One line of a reply; nil if it is none.
    static func parse(_ line: [UInt8]) -> (code: Int, isLast: Bool, text: String)? {
        let digits = line.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let code = Int(String(decoding: digits, as: UTF8.self)), (200..<600).contains(code)
        else { return nil }
        let text = String(decoding: line.dropFirst(4), as: UTF8.self)
        switch line.dropFirst(3).first {
        case nil, UInt8(ascii: " "): return (code, true, text)
        case UInt8(ascii: "-"): return (code, false, text)
        default: return nil
        }
    }
}

/// Why a host cannot be spoken with; the text is safe to print.
package struct Unreachable: Error, Sendable, Equatable {
    package let text: String
    /// Whether the host has no part in it.
    package let isOurs: Bool
    /// Whether the deadline passed: what has come so far may be read on.
    package let isTimeout: Bool

    package init(text: String, isOurs: Bool = false, isTimeout: Bool = false) {
        self.text = text
        self.isOurs = isOurs
        self.isTimeout = isTimeout
    }

    fileprivate init(_ step: String, _ error: StreamError) {
        self.init(text: "\(step): \(error)", isOurs: error.isOurs, isTimeout: error == .timeout)
    }
}

extension TCPStream {
    /// Reads a reply of any length until the deadline, as MTAs do.
    package func readReply(_ step: String, by deadline: ContinuousClock.Instant) async throws(Unreachable) -> SMTPReply
    {
        var lines: [String] = []
        let before = receivedBytes
        while receivedBytes - before <= SMTPReply.replyLimitBytes {
            let line: [UInt8]
            do { line = try await readLine(cutTo: SMTPReply.keptLineBytes, by: deadline) } catch {
                throw Unreachable(lines.isEmpty ? step : "\(step): reply without an end", error)
            }
            guard let part = SMTPReply.parse(line) else {
                throw Unreachable(
                    text: "\(step): no SMTP reply: \(printable(String(decoding: line, as: UTF8.self), limit: 60))")
            }
            if SMTPReply.keeps(part.text, behind: lines.count) { lines.append(part.text) }
            if part.isLast { return SMTPReply(code: part.code, lines: lines) }
        }
        throw Unreachable(text: "\(step): reply without an end: \(SMTPReply.replyLimitBytes) octets and more")
    }

    package func command(_ line: String, by deadline: ContinuousClock.Instant) async throws(Unreachable) -> SMTPReply {
        let step = String(line.prefix { $0 != " " })
        do { try await write(Array("\(line)\r\n".utf8), by: deadline) } catch { throw Unreachable(step, error) }
        return try await readReply(step, by: deadline)
    }
}
