// SPDX-License-Identifier: Apache-2.0

/// Messages in one file, each behind a line that begins with `From `. - RFC 4155 Appendix A: The "mbox" Format.
struct Mailbox: Sequence, IteratorProtocol {
    private static let separator = Array("From ".utf8)

    private var rest: ArraySlice<UInt8>

    static func isMailbox(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: separator) }

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next message without the line before it.
    mutating func next() -> ArraySlice<UInt8>? {
        guard rest.popLine() != nil else { return nil }
        let message = rest
        var wasEmpty = false
        while true {
            let lineStart = rest.startIndex
            guard let line = rest.popLine() else { return message }
            if wasEmpty, line.starts(with: Self.separator) {
                rest = message[lineStart...]
                return message[..<lineStart]
            }
            wasEmpty = line.isEmpty
        }
    }
}
