// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A stretch of a log line where it lies in the reader's buffer: nothing is copied until a text is asked for.
///
/// It is good for as long as the buffer is. All of the arithmetic on foreign octets is here, and none of it leaves the
/// stretch: what is asked for beyond its end is empty or nil.
package struct SyslogOctets {
    private let octets: UnsafeRawBufferPointer

    package init(_ octets: UnsafeRawBufferPointer) { self.octets = octets }

    package var count: Int { octets.count }
    package var isEmpty: Bool { octets.isEmpty }

    /// The octet at `index`, nil outside.
    package subscript(index: Int) -> UInt8? { index >= 0 && index < octets.count ? octets[index] : nil }

    package var last: UInt8? { self[count - 1] }

    package func prefix(_ length: Int) -> Self {
        Self(UnsafeRawBufferPointer(rebasing: octets[..<Swift.max(0, Swift.min(length, count))]))
    }

    package func dropFirst(_ length: Int) -> Self {
        Self(UnsafeRawBufferPointer(rebasing: octets[Swift.max(0, Swift.min(length, count))...]))
    }

    package func dropLast(_ length: Int) -> Self { prefix(count - Swift.max(0, Swift.min(length, count))) }

    /// Where `octet` stands first.
    package func index(of octet: UInt8) -> Int? {
        guard let base = octets.baseAddress, count > 0, let found = memchr(base, CInt(octet), count) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Where `octet` stands last.
    package func lastIndex(of octet: UInt8) -> Int? { octets.lastIndex(of: octet) }

    /// Where `text` begins first.
    package func index(of text: StaticString) -> Int? {
        guard text.utf8CodeUnitCount > 0 else { return nil }
        var start = 0
        while let next = dropFirst(start).index(of: text.utf8Start.pointee) {
            start += next
            if dropFirst(start).hasPrefix(text) { return start }
            start += 1
        }
        return nil
    }

    package func hasPrefix(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard let base = octets.baseAddress, count >= length else { return false }
        return memcmp(base, text.utf8Start, length) == 0
    }

    package func hasSuffix(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard let base = octets.baseAddress, count >= length else { return false }
        return memcmp(base + (count - length), text.utf8Start, length) == 0
    }

    package func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && hasPrefix(text) }

    /// Steps over `text` if the stretch begins with it.
    package mutating func skip(_ text: StaticString) -> Bool {
        guard hasPrefix(text) else { return false }
        self = dropFirst(text.utf8CodeUnitCount)
        return true
    }

    /// Takes what stands before the first `octet` and steps over both; nil, and no step, without that octet.
    package mutating func take(until octet: UInt8) -> Self? {
        guard let end = index(of: octet) else { return nil }
        let taken = prefix(end)
        self = dropFirst(end + 1)
        return taken
    }

    /// The value of decimal digits, at most 18 of them; nil for anything else.
    package var number: Int? {
        guard !isEmpty, count <= 18 else { return nil }
        var value = 0
        for octet in octets {
            guard let digit = octet.decimalDigit else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// The octets as text; what is not UTF-8 becomes U+FFFD.
    package var text: String { String(decoding: octets, as: UTF8.self) }

    package func allSatisfy(_ rule: (UInt8) -> Bool) -> Bool { octets.allSatisfy(rule) }
}

extension SyslogOctets {
    package static func == (left: SyslogOctets, right: some Collection<UInt8>) -> Bool {
        left.octets.elementsEqual(right)
    }
}

extension UInt8 {
    /// The value of a decimal digit; nil for other octets.
    var decimalDigit: Int? { self >= 0x30 && self <= 0x39 ? Int(self) - 0x30 : nil }
    var isLetterOrDigit: Bool { decimalDigit != nil || ((self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A) }

    static let blank = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")
    static let lineFeed = UInt8(ascii: "\n")
}
