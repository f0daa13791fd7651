// SPDX-License-Identifier: Apache-2.0
import Basics

/// A record type by its number. - RFC 1035 §3.2.2: TYPE values.
package struct DNSType: Sendable, Hashable, CustomStringConvertible {
    package let number: UInt16
    package init(_ number: UInt16) { self.number = number }

    package static let a = DNSType(1)
    package static let ns = DNSType(2)
    package static let cname = DNSType(5)
    package static let soa = DNSType(6)
    package static let ptr = DNSType(12)
    package static let mx = DNSType(15)
    package static let txt = DNSType(16)
    package static let aaaa = DNSType(28)
    package static let opt = DNSType(41)
    package static let tlsa = DNSType(52)
    package static let any = DNSType(255)

    package var description: String { "TYPE\(number)" }
}

/// The data of one record of a ``NameServer``; names with or without a trailing dot, any case.
package enum DNSRecord: Sendable, Hashable {
    case a(String)
    case aaaa(String)
    case mx(UInt16, String)
    /// The character strings of one TXT record; those over 255 octets are cut into several.
    case txt([String])
    case cname(String)
    case ns(String)
    case ptr(String)
    /// Usage, selector, matching type, data in hex.
    case tlsa(UInt8, UInt8, UInt8, String)
    /// Any type with its data as octets.
    case raw(DNSType, [UInt8])

    /// A TXT record of one text.
    package static func txt(_ text: String) -> DNSRecord { .txt([text]) }

    package var type: DNSType {
        switch self {
        case .a: .a
        case .aaaa: .aaaa
        case .mx: .mx
        case .txt: .txt
        case .cname: .cname
        case .ns: .ns
        case .ptr: .ptr
        case .tlsa: .tlsa
        case .raw(let type, _): type
        }
    }

    /// RDATA, names uncompressed.
    var data: [UInt8] {
        switch self {
        case .a(let text), .aaaa(let text): IPAddress(text)?.octets ?? []
        case .mx(let preference, let host): preference.octets + DNSName.wire(host)
        case .txt(let strings): strings.flatMap(Self.characterStrings)
        case .cname(let name), .ns(let name), .ptr(let name): DNSName.wire(name)
        case .tlsa(let usage, let selector, let matching, let hex): [usage, selector, matching] + Self.octets(hex)
        case .raw(_, let data): data
        }
    }

    private static func characterStrings(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { return [0] }
        return stride(from: 0, to: bytes.count, by: 255).flatMap { start in
            let part = bytes[start..<min(start + 255, bytes.count)]
            return [UInt8(part.count)] + part
        }
    }

    private static func octets(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

/// Names between text and wire form. - RFC 1035 §3.1: Name space definitions.
enum DNSName {
    /// Lower case, no trailing dot; the root is the empty text.
    static func key(_ text: String) -> String {
        let lower = text.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    static func wire(_ text: String) -> [UInt8] {
        let text = text.hasSuffix(".") ? String(text.dropLast()) : text
        return text.split(separator: ".").flatMap { [UInt8(min($0.utf8.count, 63))] + $0.utf8.prefix(63) } + [0]
    }
}

extension UInt16 {
    var octets: [UInt8] { [UInt8(self >> 8), UInt8(self & 0xFF)] }
}

extension UInt32 {
    var octets: [UInt8] { UInt16(self >> 16).octets + UInt16(self & 0xFFFF).octets }
}
