// SPDX-License-Identifier: Apache-2.0

/// What bytes look to be, by their beginning.
package enum ContentKind: Equatable {
    case json
    case gzip
    case mail
    case mailbox
    /// Nothing a report comes in; the text says what it is.
    case other(String)

    /// Longest name of a header field that counts as one, in octets.
    private static let maxFieldName = 77

    package init(_ bytes: ArraySlice<UInt8>) {
        let signatures: [([UInt8], ContentKind)] = [
            ([0x1F, 0x8B], .gzip), (Array("PK\u{3}\u{4}".utf8), .other("a ZIP archive")),
            (Array("BZh".utf8), .other("bzip2 data")), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], .other("xz data")),
            ([0x28, 0xB5, 0x2F, 0xFD], .other("zstd data")),
        ]
        if let known = signatures.first(where: { bytes.starts(with: $0.0) }) {
            self = known.1
            return
        }
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = (bytes.starts(with: byteOrderMark) ? bytes.dropFirst(3) : bytes).drop(while: \.isSpace)
        switch text.first {
        case nil: self = .other(bytes.isEmpty ? "an empty file" : "white space")
        case UInt8(ascii: "{"), UInt8(ascii: "["): self = .json
        case UInt8(ascii: "<"): self = .other("XML or HTML")
        default:
            if Mbox.isMbox(text) {
                self = .mailbox
            } else {
                self = Self.beginsWithField(text) ? .mail : .other("unknown data")
            }
        }
    }

    /// - RFC 5322 §2.2: Header Fields.
    private static func beginsWithField(_ text: ArraySlice<UInt8>) -> Bool {
        let name = text.prefix(maxFieldName).prefix { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
        let rest = text.dropFirst(name.count).drop(while: \.isBlank)
        return !name.isEmpty && rest.first == UInt8(ascii: ":")
    }
}
