// SPDX-License-Identifier: Apache-2.0

/// The text with its encoded words decoded, for people to read: `=?utf-8?Q?a=2Ejson?=` is `a.json`. Hostile text.
///
/// Mailers write them in file names, too, where the standard has no place for them.
/// - RFC 2047 §2: Syntax of encoded-words; §6.2: white space between two of them is no part of the text.
func decodingEncodedWords(_ text: String) -> String {
    var decoded = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "=?") {
        let before = rest[..<start.lowerBound]
        guard let word = EncodedWord(rest[start.lowerBound...]) else {
            decoded += rest[..<start.upperBound]
            rest = rest[start.upperBound...]
            continue
        }
        let isBetweenWords = !decoded.isEmpty && before.utf8.allSatisfy(\.isSpace)
        if !isBetweenWords { decoded += before }
        decoded += word.text
        rest = rest[word.end...]
    }
    return decoded + rest
}

/// `=?charset?encoding?text?=` at the beginning of a text.
private struct EncodedWord {
    let text: String
    let end: Substring.Index

    init?(_ text: Substring) {
        let parts = text.split(separator: "?", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "=", parts[4].first == "=" else { return nil }
        let encoded = Array(parts[3].utf8)[...]
        let octets: [UInt8]
        switch parts[2] {
        case "B", "b": octets = TransferEncoding.base64.decode(encoded)
        case "Q", "q":
            octets = escapedOctets(encoded, mark: UInt8(ascii: "=")).map { $0 == UInt8(ascii: "_") ? 0x20 : $0 }
        default: return nil
        }
        self.text = mailText(octets, charset: parts[1])
        end = parts[4].index(after: parts[4].startIndex)
    }
}

/// Octets in a character set, of which only Latin-1 is told from UTF-8: others become replacement characters.
func mailText(_ octets: [UInt8], charset: some StringProtocol) -> String {
    // - RFC 2231 §5: a language may follow behind a star.
    let name = charset.lowercased().prefix { $0 != "*" }
    guard ["iso-8859-1", "latin1", "windows-1252"].contains(name) else {
        return String(decoding: octets, as: UTF8.self)
    }
    return String(String.UnicodeScalarView(octets.map { Unicode.Scalar($0) }))
}
