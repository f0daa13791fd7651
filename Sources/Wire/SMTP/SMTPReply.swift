// SPDX-License-Identifier: Apache-2.0
import Names

/// A reply of an SMTP server. - RFC 5321 §4.2: SMTP Replies.
package struct SMTPReply: Sendable, Equatable {
    /// Octets of one line, beyond the 512 of the RFC, since some hosts are talkative.
    static let lineLimitBytes = 2048
    /// Lines of one reply; a host that sends more is a trap.
    static let maxLines = 100

    package let code: Int
    /// What stands behind the code of each line, as it came.
    package let lines: [String]

    /// Code and text on one line, safe to print.
    package var text: String { printable("\(code) \(lines.joined(separator: " "))", limit: 120) }

    /// Whether the reply to EHLO offers an extension. - RFC 5321 §4.1.1.1: Extended HELLO.
    package func offers(_ keyword: String) -> Bool {
        lines.dropFirst().contains { line in
            line.prefix { $0 != " " && $0 != "=" }.uppercased() == keyword
        }
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

    package init(text: String) { self.text = text }
}

extension TCPStream {
    package func readReply(_ step: String, by deadline: ContinuousClock.Instant) async throws(Unreachable) -> SMTPReply
    {
        var lines: [String] = []
        do {
            while lines.count < SMTPReply.maxLines {
                let line = try await readLine(limit: SMTPReply.lineLimitBytes, by: deadline)
                guard let part = SMTPReply.parse(line) else {
                    throw Unreachable(
                        text: "\(step): no SMTP reply: \(printable(String(decoding: line, as: UTF8.self), limit: 60))")
                }
                lines.append(part.text)
                if part.isLast { return SMTPReply(code: part.code, lines: lines) }
            }
        } catch let error as Unreachable { throw error } catch { throw Unreachable(text: "\(step): \(error)") }
        throw Unreachable(text: "\(step): endless reply")
    }

    package func command(_ line: String, by deadline: ContinuousClock.Instant) async throws(Unreachable) -> SMTPReply {
        let step = String(line.prefix { $0 != " " })
        do { try await write(Array("\(line)\r\n".utf8), by: deadline) } catch {
            throw Unreachable(text: "\(step): \(error)")
        }
        return try await readReply(step, by: deadline)
    }
}
