// SPDX-License-Identifier: Apache-2.0

extension ArraySlice<UInt8> {
    /// Takes the next line off the front, without its CRLF or LF; nil at the end.
    package mutating func popLine() -> ArraySlice<UInt8>? {
        guard !isEmpty else { return nil }
        let end = firstIndex(of: UInt8(ascii: "\n")) ?? endIndex
        var line = self[startIndex..<end]
        self = self[Swift.min(end + 1, endIndex)...]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }
}

extension UInt8 {
    /// Space or tab.
    package var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// Blank, CR or LF, all that JSON takes for white space.
    package var isSpace: Bool { isBlank || self == 0x0A || self == 0x0D }
}
