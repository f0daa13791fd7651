// SPDX-License-Identifier: Apache-2.0

/// UTF-16 made UTF-8, piece by piece: PowerShell writes its JSON so. - RFC 8259 §8.1: Character Encoding.
package struct UTF16Pieces {
    private let isBigEndian: Bool
    /// Octets of a character of which the rest is in the next piece.
    private var rest: [UInt8]

    /// - Parameter beginning: the first octets of a text.
    /// - Returns: nil if they are no UTF-16, told by its mark, or by the first character of a JSON text.
    package init?(beginning: ArraySlice<UInt8>) {
        switch (beginning.first, beginning.dropFirst().first) {
        case (0xFF, 0xFE): isBigEndian = false
        case (0xFE, 0xFF): isBigEndian = true
        case (let octet?, 0) where Self.beginsJSON.contains(octet): isBigEndian = false
        case (0, let octet?) where Self.beginsJSON.contains(octet): isBigEndian = true
        default: return nil
        }
        rest = []
    }

    private static let beginsJSON = Set("{[ \t\r\n".utf8)

    /// The text of the next octets, and of what the last ones left over; lone surrogates become replacement characters.
    package mutating func utf8(_ octets: some Sequence<UInt8>) -> [UInt8] {
        let octets = rest + octets
        var units: [UInt16] = []
        units.reserveCapacity(octets.count / 2)
        for index in stride(from: 0, to: octets.count - 1, by: 2) {
            let (first, second) = (UInt16(octets[index]), UInt16(octets[index + 1]))
            units.append(isBigEndian ? first << 8 | second : second << 8 | first)
        }
        if let last = units.last, UTF16.isLeadSurrogate(last) { units.removeLast() }
        rest = Array(octets[(units.count * 2)...])
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }
}
