// SPDX-License-Identifier: Apache-2.0
import TLSRPT

/// What bytes look to be, by their beginning.
package enum ContentKind: Equatable {
    case json
    case gzip
    case mail
    case mailbox
    /// Compressed or packed by a program that is not ours to run; the second text is what unpacks it.
    case archive(String, unpackedBy: String)
    /// Nothing a report comes in; the text says what it is.
    case other(String)

    /// Longest name of a header field that counts as one, in octets.
    private static let maxFieldName = 77
    /// Octets of UTF-16 that are looked at, most of them white space then.
    private static let maxUTF16Octets = 4096

    package init(_ bytes: ArraySlice<UInt8>) {
        let signatures: [([UInt8], ContentKind)] = [
            ([0x1F, 0x8B], .gzip), (Array("PK\u{3}\u{4}".utf8), .archive("a ZIP archive", unpackedBy: "unzip")),
            (Array("BZh".utf8), .archive("bzip2 data", unpackedBy: "bunzip2")),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A], .archive("xz data", unpackedBy: "unxz")),
            ([0x28, 0xB5, 0x2F, 0xFD], .archive("zstd data", unpackedBy: "unzstd")),
        ]
        if let known = signatures.first(where: { bytes.starts(with: $0.0) }) {
            self = known.1
            return
        }
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        // What is mail or a mailbox is so in ASCII.
        if var utf16 = UTF16Pieces(beginning: bytes) {
            let text = utf16.utf8(bytes.prefix(Self.maxUTF16Octets))[...]
            let first = text.drop { $0 == 0xEF || $0 == 0xBB || $0 == 0xBF || $0.isSpace }.first
            self = first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? .json : .other("UTF-16 text")
            return
        }
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
