// SPDX-License-Identifier: Apache-2.0
import Basics

/// Lines that look like the MTA's own word on a session and cannot be read: how many, and the first of them.
///
/// Without a word of them, a log in a form that nobody knows would look like a quiet day.
package struct UnreadLines: Sendable, Hashable {
    /// Octets of a line that are looked at, and shown at the most.
    static let maxLineOctets = 400

    package private(set) var count = 0
    /// Safe to print; local parts of addresses are left out.
    package private(set) var sample = ""

    package init() {}

    mutating func note(_ line: SyslogOctets) {
        count += 1
        if sample.isEmpty { sample = Self.shown(line.prefix(Self.maxLineOctets).text) }
    }

    package mutating func add(_ other: UnreadLines) {
        count += other.count
        if sample.isEmpty { sample = other.sample }
    }

    mutating func take() -> UnreadLines? {
        defer { self = UnreadLines() }
        return count > 0 ? self : nil
    }

    /// The line without what stands before each `@`: whose mail it is, is nobody's business in a log.
    private static func shown(_ line: String) -> String {
        var shown: [UInt8] = []
        // Where the word begins that may turn out to be a local part.
        var word = 0
        for octet in line.utf8 {
            if octet == UInt8(ascii: "@"), word < shown.count {
                shown.removeSubrange(word...)
                shown += Array("...".utf8)
            }
            shown.append(octet)
            if [UInt8(ascii: "<"), UInt8(ascii: ","), UInt8(ascii: "="), .blank].contains(octet) { word = shown.count }
        }
        return printable(String(decoding: shown, as: UTF8.self), limit: maxLineOctets)
    }
}

extension SyslogOctets {
    /// Whether one of the texts stands at the beginning of the line, as far as it is worth a look.
    func mentions(_ texts: [StaticString]) -> Bool {
        let start = prefix(UnreadLines.maxLineOctets)
        return texts.contains { start.index(of: $0) != nil }
    }
}
