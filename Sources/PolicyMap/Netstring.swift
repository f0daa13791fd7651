// SPDX-License-Identifier: Apache-2.0

/// The frames of a socketmap, `<length>:<octets>,`, as Postfix and Sendmail write them.
package enum Netstring {
    /// Octets of one request; Postfix sends no more, and no key worth an answer comes near.
    package static let maxRequestOctets = 10_000
    /// Digits of that limit.
    private static let maxDigits = 5

    private static let colon = UInt8(ascii: ":")
    private static let comma = UInt8(ascii: ",")
    private static let zero = UInt8(ascii: "0")

    /// What stands at the head of the octets that have arrived.
    package enum Head: Equatable {
        /// More must arrive.
        case incomplete
        /// Where the payload lies, and how many octets the whole frame takes.
        case whole(payload: Range<Int>, octets: Int)
        /// No netstring, or one that is too long: the caller closes the connection, for the next frame cannot be found.
        case malformed
    }

    /// Reads the head; a length has no sign, no space and no leading zero, so each frame has one form only.
    package static func head(of octets: UnsafeRawBufferPointer) -> Head {
        var length = 0
        var digits = 0
        while true {
            guard digits < octets.count else { return .incomplete }
            let octet = octets[digits]
            if octet == colon { break }
            let value = octet &- zero
            guard value < 10, digits < maxDigits, !(digits > 0 && length == 0) else { return .malformed }
            length = length * 10 + Int(value)
            guard length <= maxRequestOctets else { return .malformed }
            digits += 1
        }
        guard digits > 0 else { return .malformed }
        let start = digits + 1
        guard octets.count > start + length else { return .incomplete }
        guard octets[start + length] == comma else { return .malformed }
        return .whole(payload: start..<(start + length), octets: start + length + 1)
    }
}
