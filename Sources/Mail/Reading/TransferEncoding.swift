// SPDX-License-Identifier: Apache-2.0

/// How a body was made fit for mail. - RFC 2045 §6: Content-Transfer-Encoding Header Field.
package enum TransferEncoding {
    case identity
    case base64
    case quotedPrintable

    /// Takes a word it does not know for none: a content that then makes no sense says so itself.
    package init(_ word: String) {
        switch word {
        case "base64": self = .base64
        case "quoted-printable": self = .quotedPrintable
        default: self = .identity
        }
    }

    package func decode(_ body: ArraySlice<UInt8>) -> [UInt8] {
        switch self {
        case .identity: Array(body)
        case .base64: Self.base64(body)
        case .quotedPrintable: Self.quotedPrintable(body)
        }
    }

    /// The first octets of a body, decoded: as many as tell what it is.
    package func beginning(of body: ArraySlice<UInt8>) -> [UInt8] {
        let maxOctets = 4096
        return decode(body.drop(while: \.isSpace).prefix(maxOctets))
    }

    /// What is no letter of the alphabet is ignored, what follows the padding, and a last letter that is not even an octet;
    /// padding may be missing. A content that was cut says so itself. - RFC 2045 §6.8: Base64 Content-Transfer-Encoding.
    private static func base64(_ body: ArraySlice<UInt8>) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(body.count / 4 * 3 + 3)
        var bits: UInt32 = 0
        var letters = 0
        for byte in body {
            if byte == UInt8(ascii: "=") { break }
            guard let value = byte.base64Value else { continue }
            bits = bits << 6 | UInt32(value)
            letters += 1
            guard letters == 4 else { continue }
            octets.append(UInt8(truncatingIfNeeded: bits >> 16))
            octets.append(UInt8(truncatingIfNeeded: bits >> 8))
            octets.append(UInt8(truncatingIfNeeded: bits))
            (bits, letters) = (0, 0)
        }
        if letters >= 2 { octets.append(UInt8(truncatingIfNeeded: bits >> (letters == 2 ? 4 : 10))) }
        if letters == 3 { octets.append(UInt8(truncatingIfNeeded: bits >> 2)) }
        return octets
    }

    /// - RFC 2045 §6.7: Quoted-Printable Content-Transfer-Encoding.
    private static func quotedPrintable(_ body: ArraySlice<UInt8>) -> [UInt8] {
        var rest = body
        var octets: [UInt8] = []
        octets.reserveCapacity(body.count + 1)
        while var line = rest.popLine() {
            // Blanks at the end were added on the way.
            while let last = line.last, last.isBlank { line.removeLast() }
            let isSoftBreak = line.last == UInt8(ascii: "=")
            if isSoftBreak { line.removeLast() }
            octets += escapedOctets(line, mark: UInt8(ascii: "="))
            if !isSoftBreak { octets.append(UInt8(ascii: "\n")) }
        }
        return octets
    }
}

/// The octets with each `mark` and two hexadecimal digits made one octet; a mark before anything else stays.
package func escapedOctets(_ bytes: ArraySlice<UInt8>, mark: UInt8) -> [UInt8] {
    var octets: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
        guard byte == mark, let high = rest.first?.hexDigit, let low = rest.dropFirst().first?.hexDigit else {
            octets.append(byte)
            continue
        }
        octets.append(high << 4 | low)
        rest = rest.dropFirst(2)
    }
    return octets
}

extension UInt8 {
    /// The six bits that the letter stands for.
    fileprivate var base64Value: UInt8? {
        switch self {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): self - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): self - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
