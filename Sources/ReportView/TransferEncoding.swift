// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// How a body was made fit for mail. - RFC 2045 §6: Content-Transfer-Encoding Header Field.
enum TransferEncoding {
    case identity
    case base64
    case quotedPrintable

    /// Takes a word it does not know for none: a content that then makes no sense says so itself.
    init(_ word: String) {
        switch word {
        case "base64": self = .base64
        case "quoted-printable": self = .quotedPrintable
        default: self = .identity
        }
    }

    /// - Returns: nil if the body is not in this encoding.
    func decode(_ body: ArraySlice<UInt8>) -> [UInt8]? {
        switch self {
        case .identity: Array(body)
        case .base64: Data(base64Encoded: Data(body), options: .ignoreUnknownCharacters).map(Array.init)
        case .quotedPrintable: Self.quotedPrintable(body)
        }
    }

    /// - RFC 2045 §6.7: Quoted-Printable Content-Transfer-Encoding.
    private static func quotedPrintable(_ body: ArraySlice<UInt8>) -> [UInt8] {
        var rest = body
        var octets: [UInt8] = []
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
func escapedOctets(_ bytes: ArraySlice<UInt8>, mark: UInt8) -> [UInt8] {
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
    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
