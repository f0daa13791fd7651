// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// A display name for a header, folded behind the field's name; octets below blank and DEL are left out.
///
/// - RFC 5322 §3.2.5: Miscellaneous Tokens. - RFC 2047 §2: Syntax of encoded-words.
package func phrase(_ text: String) -> String {
    /// Characters of a name that anybody reads.
    let maxCharacters = 200
    let clean = String(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.prefix(maxCharacters))
    // A quoted string is kept on one line.
    if clean.utf8.count <= 60, clean.utf8.allSatisfy({ $0 < 0x80 }) {
        return "\"" + clean.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
    return encodedWords(clean).joined(separator: "\r\n ")
}

/// Words of at most 75 characters, each of whole characters of the text.
private func encodedWords(_ text: String) -> [String] {
    // 75 without "=?UTF-8?B?" and "?=" leaves room for 15 groups of four letters.
    let maxOctets = 45
    var words: [String] = []
    var octets: [UInt8] = []
    func end() {
        guard !octets.isEmpty else { return }
        words.append("=?UTF-8?B?\(Data(octets).base64EncodedString())?=")
        octets = []
    }
    for scalar in text.unicodeScalars {
        let encoded = Array(String(scalar).utf8)
        if octets.count + encoded.count > maxOctets { end() }
        octets += encoded
    }
    end()
    return words
}
