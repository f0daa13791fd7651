// SPDX-License-Identifier: Apache-2.0

/// A header field such as `multipart/report; boundary="x"`. - RFC 2045 §5.1: Syntax of the Content-Type Header Field.
package struct ParameterizedField {
    /// Most pieces of a parameter that was written in pieces.
    private static let maxPieces = 50

    /// What stands before the first parameter, in lower case.
    package let value: String
    private var parameters: [String: String] = [:]

    package init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        value = Self.piece(&rest).lowercased()
        while !rest.isEmpty {
            let piece = Self.piece(&rest)
            guard let equals = piece.firstIndex(of: "=") else { continue }
            let name = Self.trimmed(piece[..<equals]).lowercased()
            if parameters[name] == nil { parameters[name] = Self.trimmed(piece[piece.index(after: equals)...]) }
        }
    }

    /// The parameter, also when it was written in pieces or with a character set; hostile text.
    ///
    /// - RFC 2231 §3: Parameter Value Continuations; §4: Parameter Value Character Set and Language Information.
    package func parameter(_ name: String) -> String? {
        if let plain = parameters[name] { return plain }
        if let extended = parameters[name + "*"] { return Extended(extended).text }
        var whole = Extended()
        for index in 0..<Self.maxPieces {
            if let piece = parameters["\(name)*\(index)"] {
                whole.append(piece)
            } else if let piece = parameters["\(name)*\(index)*"] {
                if index == 0 { whole = Extended(piece) } else { whole.append(percentEncoded: piece[...]) }
            } else {
                break
            }
        }
        return whole.octets.isEmpty ? nil : whole.text
    }

    /// A value with a character set, which its pieces have in common: one character may be split among them.
    private struct Extended {
        private var charset: Substring = ""
        private(set) var octets: [UInt8] = []

        init() {}

        /// Reads `utf-8'en'a%20b`; without the apostrophes all of it is the value.
        init(_ text: String) {
            let parts = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
            if parts.count == 3 { charset = parts[0] }
            append(percentEncoded: parts.count == 3 ? parts[2] : text[...])
        }

        mutating func append(_ piece: String) { octets += piece.utf8 }

        mutating func append(percentEncoded piece: Substring) {
            octets += escapedOctets(Array(piece.utf8)[...], mark: UInt8(ascii: "%"))
        }

        var text: String { mailText(octets, charset: charset) }
    }

    /// Takes the text up to the next `;` off the front, without quotes and comments.
    private static func piece(_ rest: inout ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        var isQuoted = false
        var commentDepth = 0
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\\") where isQuoted || commentDepth > 0:
                let escaped = rest.popFirst()
                if let escaped, commentDepth == 0 { text.append(escaped) }
            case UInt8(ascii: "\"") where commentDepth == 0: isQuoted.toggle()
            case UInt8(ascii: "(") where !isQuoted: commentDepth += 1
            case UInt8(ascii: ")") where commentDepth > 0: commentDepth -= 1
            case UInt8(ascii: ";") where !isQuoted && commentDepth == 0:
                return trimmed(String(decoding: text, as: UTF8.self))
            default: if commentDepth == 0 { text.append(byte) }
            }
        }
        return trimmed(String(decoding: text, as: UTF8.self))
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var bytes = Array(text.utf8)[...]
        bytes = bytes.drop(while: \.isSpace)
        while let last = bytes.last, last.isSpace { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
