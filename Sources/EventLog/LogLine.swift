// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// One line of the log as octets: a text, then `key=value`, everything escaped. Made to be filled again and again, so that
/// a line of each mail allocates nothing.
package struct LogLine: Sendable {
    /// Characters of a message and of a value, those that tell of a cut aside.
    static let messageLimit = 500
    static let valueLimit = 400

    private var storage = [UInt8](repeating: 0, count: 256)
    package private(set) var count = 0

    package init() {}

    /// Makes room for a new line.
    package mutating func removeAll() { count = 0 }

    package func withOctets<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        storage.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[..<count])) }
    }

    /// The beginning of the line, in place of what was there.
    package mutating func begin(_ text: StaticString) {
        count = 0
        append(text.octets)
    }

    mutating func begin(escaping text: String) {
        count = 0
        append(printable(text, limit: Self.messageLimit))
    }

    /// A field whose value may come from anywhere.
    /// - Parameter limit: characters of the value.
    package mutating func append(_ key: StaticString, _ value: String, limit: Int = valueLimit) {
        append(key.octets, value, limit)
    }

    /// A field whose value needs no escapes and no quotes, as who gives it knows.
    package mutating func append(_ key: StaticString, plain value: String) {
        var value = value
        value.withUTF8 { append(key.octets, plain: $0) }
    }

    mutating func append(key: String, _ value: String) {
        var key = key
        key.withUTF8 { append($0, value, Self.valueLimit) }
    }

    /// Fields that were made before.
    package mutating func append(_ fields: Range<Int>, of other: LogLine) {
        other.storage.withUnsafeBufferPointer { append(UnsafeBufferPointer(rebasing: $0[fields])) }
    }

    private mutating func append(_ key: UnsafeBufferPointer<UInt8>, _ value: String, _ limit: Int) {
        var value = value
        let plain = value.withUTF8 { octets in
            guard octets.count <= limit, Self.isPlain(octets) else { return false }
            append(key, plain: octets)
            return true
        }
        if !plain {
            append(key, plain: UnsafeBufferPointer(start: nil, count: 0))
            appendEscaped(value, limit)
        }
    }

    /// All of a field at once.
    private mutating func append(_ key: UnsafeBufferPointer<UInt8>, plain value: UnsafeBufferPointer<UInt8>) {
        makeRoom(key.count + value.count + 2)
        var place = count
        storage.withUnsafeMutableBytes { room in
            room[place] = UInt8(ascii: " ")
            place += 1
            for octet in key {
                room[place] = octet
                place += 1
            }
            room[place] = UInt8(ascii: "=")
            place += 1
            guard let start = room.baseAddress, let source = value.baseAddress else { return }
            memcpy(start + place, source, value.count)
            place += value.count
        }
        count = place
    }

    private mutating func appendEscaped(_ value: String, _ limit: Int) {
        let safe = printable(value, limit: limit)
        // Values come from the network: one that holds a space or a quote must not look like two fields.
        guard safe.isEmpty || safe.utf8.contains(where: Self.needsQuotes) else { return append(safe) }
        append(UInt8(ascii: "\""))
        for octet in safe.utf8 { append(octet == UInt8(ascii: "\"") ? UInt8(ascii: "'") : octet) }
        append(UInt8(ascii: "\""))
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    private mutating func append(_ octet: UInt8) {
        makeRoom(1)
        storage[count] = octet
        count += 1
    }

    private mutating func append(_ octets: UnsafeBufferPointer<UInt8>) {
        guard let source = octets.baseAddress, !octets.isEmpty else { return }
        makeRoom(octets.count)
        storage.withUnsafeMutableBytes { room in
            if let start = room.baseAddress { memcpy(start + count, source, octets.count) }
        }
        count += octets.count
    }

    private mutating func makeRoom(_ more: Int) {
        guard count + more > storage.count else { return }
        storage += [UInt8](repeating: 0, count: max(more, storage.count))
    }

    /// Whether a value needs neither escapes nor quotes, as most do.
    private static func isPlain(_ octets: UnsafeBufferPointer<UInt8>) -> Bool {
        // No early end and no branch, so that many octets are looked at by one instruction.
        var odd: UInt8 = octets.isEmpty ? 1 : 0
        for octet in octets {
            let isOdd = (octet &- 0x21 > 0x7E - 0x21 ? 1 : 0) as UInt8
            let isMark = (octet == UInt8(ascii: "\\") ? 1 : 0) as UInt8
            odd |= isOdd | isMark | (octet == UInt8(ascii: "\"") ? 1 : 0) | (octet == UInt8(ascii: "=") ? 1 : 0)
        }
        return odd == 0
    }

    private static func needsQuotes(_ octet: UInt8) -> Bool {
        octet == UInt8(ascii: " ") || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "=")
    }
}

extension StaticString {
    fileprivate var octets: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
