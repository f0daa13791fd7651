// SPDX-License-Identifier: Apache-2.0
import Basics

/// An entry of the journal, to be read as the lines that syslog would have written of it.
struct JournalEntry: Sendable, Hashable {
    /// Longest name of a host or program that is taken, in octets.
    private static let maxNameOctets = 255

    /// Microseconds since 1970.
    let time: UInt64
    let host: [UInt8]
    /// The tag, such as `postfix/smtp`.
    let identifier: [UInt8]
    let process: [UInt8]
    /// Anything: several lines, binary octets.
    let message: [UInt8]

    /// Appends one line for each of the message, each with the prefix in the form of RSYSLOG_FileFormat.
    ///
    /// Nothing for a tag that no line of syslog could have: whoever logs may set it to anything.
    func append(to lines: inout [UInt8]) {
        guard Self.isName(identifier) else { return }
        let micros = String(time % 1_000_000)
        var prefix = Array(UTCTime(secondsSinceEpoch: Int64(time / 1_000_000)).description.utf8.dropLast())
        prefix += Array(("." + String(repeating: "0", count: 6 - micros.utf8.count) + micros + "+00:00 ").utf8)
        prefix += Self.isName(host) ? host : Array("localhost".utf8)
        prefix.append(UInt8(ascii: " "))
        prefix += identifier
        if !process.isEmpty, process.allSatisfy({ (0x30...0x39).contains($0) }) {
            prefix += [UInt8(ascii: "[")] + process + [UInt8(ascii: "]")]
        }
        prefix += [UInt8(ascii: ":"), UInt8(ascii: " ")]
        for line in message.split(separator: UInt8(ascii: "\n")) {
            lines += prefix
            lines += line
            lines.append(UInt8(ascii: "\n"))
        }
    }

    private static func isName(_ name: [UInt8]) -> Bool {
        let forbidden = Array("[]:".utf8)
        return !name.isEmpty && name.count <= maxNameOctets
            && name.allSatisfy { (0x21...0x7E).contains($0) && !forbidden.contains($0) }
    }
}
