// SPDX-License-Identifier: Apache-2.0

/// The text made safe for one line of a log, a reply or a terminal: printable ASCII only, at most `limit` characters.
///
/// Backslashes and all other octets become `\xHH`, so that what was cut out can be read back and nothing that
/// came from the network can end a line, colour a terminal or start a field of its own.
package func printable(_ text: some StringProtocol, limit: Int = 200) -> String {
    // Most texts are safe as they are.
    if text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) {
        return String(text)
    }
    var safe = ""
    for byte in text.utf8 {
        guard safe.utf8.count < limit else { return safe + "..." }
        switch byte {
        case UInt8(ascii: "\\"), 0..<0x20, 0x7F...: safe += "\\x" + hex(byte)
        default: safe.unicodeScalars.append(Unicode.Scalar(byte))
        }
    }
    return safe
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
