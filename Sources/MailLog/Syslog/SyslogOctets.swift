// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// A stretch of a log line where it lies in the reader's buffer: nothing is copied until a text is asked for.
///
/// It is good for as long as the buffer is. All of the arithmetic on foreign octets is here, and none of it leaves the
/// stretch: what is asked for beyond its end is empty or nil.
package struct SyslogOctets {
    private let start: UnsafeRawPointer
    package let count: Int

    package init(_ octets: UnsafeRawBufferPointer) {
        // Without octets, no pointer is ever followed.
        start = octets.baseAddress ?? UnsafeRawPointer(Self.nothing.utf8Start)
        count = octets.count
    }

    private static let nothing: StaticString = ""

    private init(start: UnsafeRawPointer, count: Int) {
        self.start = start
        self.count = count
    }

    package var isEmpty: Bool { count == 0 }

    /// The octet at `index`, nil outside.
    package subscript(index: Int) -> UInt8? {
        // One comparison: a negative index is a huge number.
        UInt(bitPattern: index) < UInt(bitPattern: count) ? start.load(fromByteOffset: index, as: UInt8.self) : nil
    }

    /// The eight octets from `index` on as one number, the first of them lowest; nil if there are not so many.
    func eight(at index: Int) -> UInt64? {
        guard index >= 0, index <= count - 8 else { return nil }
        return UInt64(littleEndian: start.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    package var last: UInt8? { self[count - 1] }

    package func prefix(_ length: Int) -> Self { Self(start: start, count: Swift.max(0, Swift.min(length, count))) }

    package func dropFirst(_ length: Int) -> Self {
        let dropped = Swift.max(0, Swift.min(length, count))
        return Self(start: start + dropped, count: count - dropped)
    }

    package func dropLast(_ length: Int) -> Self { prefix(count - Swift.max(0, Swift.min(length, count))) }

    /// Where `octet` stands first.
    package func index(of octet: UInt8) -> Int? {
        memchr(start, CInt(octet), count).map { UnsafeRawPointer($0) - start }
    }

    /// Where `octet` stands last.
    package func lastIndex(of octet: UInt8) -> Int? {
        var place = count - 1
        while place >= 0, start.load(fromByteOffset: place, as: UInt8.self) != octet { place -= 1 }
        return place >= 0 ? place : nil
    }

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
        return count >= length && memcmp(start, text.utf8Start, length) == 0
    }

    package func hasSuffix(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && memcmp(start + (count - length), text.utf8Start, length) == 0
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

    /// The same for an octet that is not far: see ``near(_:from:)``.
    @inline(__always)
    mutating func take(untilNear octet: UInt8) -> Self? {
        let end = near(octet, from: 0)
        guard end < count else { return nil }
        let taken = prefix(end)
        self = dropFirst(end + 1)
        return taken
    }

    /// The value of decimal digits, at most 18 of them; nil for anything else.
    package var number: Int? {
        guard !isEmpty, count <= 18 else { return nil }
        var value = 0
        for place in 0..<count {
            let digit = start.load(fromByteOffset: place, as: UInt8.self) &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }

    /// The octets as text; what is not UTF-8 becomes U+FFFD.
    package var text: String { String(decoding: octets, as: UTF8.self) }

    /// The name of a host in the form in which hosts are compared; in lower case what is no name.
    var hostName: String {
        let text = text
        // As nearly all are written.
        if last != UInt8(ascii: "."), isPlainName { return text }
        return (try? DomainName(host: text))?.ascii ?? text.lowercased()
    }

    private var isPlainName: Bool { DomainName.isMadeOfNameOctets(octets, orUnderscores: true) }

    /// The first place from `start` on where `octet` stands, eight at a time; the end of the stretch if there is none. For what
    /// is so near that a call to look for it costs more.
    @inline(__always)
    func near(_ octet: UInt8, from start: Int) -> Int {
        let all = UInt64(octet) &* 0x0101_0101_0101_0101
        var place = start
        while let word = eight(at: place) {
            // A zero octet in it is where the one looked for was.
            let other = word ^ all
            let mark = (other &- 0x0101_0101_0101_0101) & ~other & 0x8080_8080_8080_8080
            if mark != 0 { return place + mark.trailingZeroBitCount / 8 }
            place += 8
        }
        while let other = self[place], other != octet { place += 1 }
        return place
    }

    /// The domain of a mail address, which stands behind its last `@`; nil if that is no domain.
    var mailDomain: DomainName? {
        lastIndex(of: UInt8(ascii: "@")).flatMap { try? DomainName(dropFirst($0 + 1).text) }
    }

    package func allSatisfy(_ rule: (UInt8) -> Bool) -> Bool { octets.allSatisfy(rule) }
}

extension SyslogOctets {
    package static func == (left: SyslogOctets, right: String) -> Bool {
        let octets = right.utf8.span
        guard left.count == octets.count else { return false }
        return octets.withUnsafeBytes { octets in
            octets.baseAddress.map { memcmp(left.start, $0, left.count) == 0 } ?? true
        }
    }

    private var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
}

extension UInt8 {
    /// The value of a decimal digit; nil for other octets.
    var decimalDigit: Int? { self >= 0x30 && self <= 0x39 ? Int(self) - 0x30 : nil }
    var isLetterOrDigit: Bool { decimalDigit != nil || ((self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A) }

    static let blank = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")
    static let lineFeed = UInt8(ascii: "\n")
}
