// SPDX-License-Identifier: Apache-2.0

/// The text made safe for one line of a log, a reply or a terminal: printable ASCII only, at most `limit` characters.
///
/// Backslashes and all other octets become `\xHH`, so that what was cut out can be read back and nothing that
/// came from the network can end a line, colour a terminal or start a field of its own. An escape that this function
/// has written stays as it is: a text that goes through several hands is escaped once, whoever does it first.
package func printable(_ text: some StringProtocol, limit: Int = 200) -> String {
    // Most texts are safe as they are.
    if text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) {
        return String(text)
    }
    return escaped(text, limit)
}

/// The same, without the detour of a generic text: each failure that a datagram tells of comes here.
package func printable(_ text: String, limit: Int = 200) -> String {
    text.utf8.count <= limit && isPrintable(text.utf8.span) ? text : escaped(text, limit)
}

/// Without an early end, so that many octets are looked at by one instruction.
private func isPrintable(_ octets: Span<UInt8>) -> Bool {
    var odd: UInt8 = 0
    for index in octets.indices {
        let octet = octets[index]
        odd |= octet &- 0x20 >= 0x5F || octet == UInt8(ascii: "\\") ? 1 : 0
    }
    return odd == 0
}

private func escaped(_ text: some StringProtocol, _ limit: Int) -> String {
    var safe = ""
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard safe.utf8.count < limit else { return safe + "..." }
        switch byte {
        case UInt8(ascii: "\\"):
            guard let escaped = escapedOctet(rest) else {
                safe += "\\x" + hex(byte)
                continue
            }
            safe += "\\x" + hex(escaped)
            rest = rest.dropFirst(3)
        case 0..<0x20, 0x7F...: safe += "\\x" + hex(byte)
        default: safe.unicodeScalars.append(Unicode.Scalar(byte))
        }
    }
    return safe
}

/// The octet of which `xHH` is the rest of an escape, as ``printable(_:limit:)`` writes it; nil if it writes no such one.
private func escapedOctet(_ text: some Collection<UInt8>) -> UInt8? {
    let mark = Array(text.prefix(3))
    guard mark.count == 3, mark[0] == UInt8(ascii: "x") else { return nil }
    let digits = mark.dropFirst()
    guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x46).contains($0) }),
        let octet = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    else { return nil }
    return octet < 0x20 || octet >= 0x7F || octet == UInt8(ascii: "\\") ? octet : nil
}

extension String {
    /// The text up to so many octets, whole scalars only: what is kept of what came from the network.
    package func cut(to octets: Int) -> String {
        guard utf8.count > octets else { return self }
        var length = 0
        return String(
            unicodeScalars.prefix { scalar in
                length += UTF8.width(scalar)
                return length <= octets
            })

    }
}

private func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return byte < 0x10 ? "0" + digits : digits
}
