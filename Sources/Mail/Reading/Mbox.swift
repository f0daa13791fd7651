// SPDX-License-Identifier: Apache-2.0

/// Messages in one file, each behind a line that begins with `From `. - RFC 4155 Appendix A: The "mbox" Format.
package struct Mbox: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    package static func isMbox(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: "From ".utf8) }

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next message without the line before it.
    package mutating func next() -> ArraySlice<UInt8>? {
        guard rest.popLine() != nil else { return nil }
        let message = rest
        var wasEmpty = false
        while true {
            let lineStart = rest.startIndex
            guard let line = rest.popLine() else { return message }
            if wasEmpty, Self.isSeparator(line) {
                rest = message[lineStart...]
                return message[..<lineStart]
            }
            wasEmpty = line.isEmpty
        }
    }

    /// Behind the sender comes a time: a text that begins with the same word and was not marked has none.
    private static func isSeparator(_ line: ArraySlice<UInt8>) -> Bool {
        guard isMbox(line) else { return false }
        return line.indices.dropFirst().dropLast().contains { index in
            line[index] == UInt8(ascii: ":") && line[index - 1].isDigit && line[index + 1].isDigit
        }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
}
