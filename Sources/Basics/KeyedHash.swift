// SPDX-License-Identifier: Apache-2.0

/// A hash of octets for tables in memory, at a fraction of the cost of `Hasher`. Strangers choose the names in our tables, so
/// its keys are drawn at each start.
///
/// Seven octets at a time are the coefficients of a polynomial over the integers modulo 2^61 - 1, whose value is taken at a
/// secret point: two texts of n octets have the same value with a chance of n / 7 in 2^61, whatever they are. The value is
/// then mixed, one to one, so that any of its bits tell a table's places apart. All that holds for whoever does not see the
/// hashes: they must leave the process in no form.
package enum KeyedHash {
    private static var prime: UInt64 { (1 << 61) - 1 }
    /// Octets of a coefficient, so that it is below the prime.
    private static var chunk: Int { 7 }

    /// What is secret, drawn once.
    private struct Keys: Sendable {
        let point = UInt64.random(in: 1 << 32..<prime)
        let summand = UInt64.random(in: .min ... .max)
    }

    private static let keys = Keys()

    package static func hash(_ octets: UnsafeRawBufferPointer) -> UInt64 {
        let keys = keys
        // The length is the first coefficient, so that no text is the beginning of another one.
        var value = UInt64(truncatingIfNeeded: octets.count)
        var place = 0
        while place + 8 <= octets.count {
            let word = UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            value = step(value, keys.point, word & 0x00FF_FFFF_FFFF_FFFF)
            place += chunk
        }
        var rest: UInt64 = 0
        if octets.count >= 8 {
            let last = octets.loadUnaligned(fromByteOffset: octets.count - 8, as: UInt64.self)
            rest = UInt64(littleEndian: last) >> UInt64(8 * (8 + place - octets.count))
        } else {
            for octet in octets { rest = rest << 8 | UInt64(octet) }
        }
        return mix(step(value, keys.point, rest), keys.summand)
    }

    /// One hash of two, or of a hash and a number, of which 56 bits count.
    package static func hash(_ hash: UInt64, _ number: UInt64) -> UInt64 {
        let keys = keys
        let first = step(hash & 0xFFFF_FFFF, keys.point, hash >> 32)
        return mix(step(first, keys.point, number & 0x00FF_FFFF_FFFF_FFFF), keys.summand)
    }

    /// The next step of Horner's rule, not wholly reduced: below 2^62.
    @inline(__always)
    private static func step(_ value: UInt64, _ point: UInt64, _ coefficient: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: point)
        // 2^61 is one modulo the prime.
        let sum = (product.low & prime) &+ (product.high << 3 | product.low >> 61) &+ coefficient
        return (sum & prime) &+ (sum >> 61)
    }

    /// The finalizer of MurmurHash3, one to one.
    @inline(__always)
    private static func mix(_ value: UInt64, _ summand: UInt64) -> UInt64 {
        // Now wholly reduced: equal values must not go different ways.
        var value = (value & prime) &+ (value >> 61)
        if value >= prime { value &-= prime }
        value &+= summand
        value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
        value = (value ^ value >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return value ^ value >> 33
    }
}

/// A key of tables in memory, which find it by one ``KeyedHash``.
@usableFromInline
package protocol TableKey: Hashable, Sendable {
    /// Equal for equal keys, in this process; for others there are all numbers, as by chance.
    var tableHash: UInt64 { get }
}

extension DomainName: TableKey {
    package var tableHash: UInt64 { ascii.utf8.span.withUnsafeBytes { KeyedHash.hash($0) } }

    /// By ``tableHash``: the standard library's hash of a text costs several times as much.
    package func hash(into hasher: inout Hasher) { hasher.combine(tableHash) }
}
