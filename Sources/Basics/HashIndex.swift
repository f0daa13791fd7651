// SPDX-License-Identifier: Apache-2.0

/// Finds records, in an array or a block of octets, by the hash of their keys: open addressing, eight octets a place, and one
/// place looks at the next.
///
/// It goes by the upper half of the hash, so that the lower one may tell which of several such tables a key belongs to.
/// Inlinable, so that each module compiles it for its own records.
@usableFromInline
package struct HashIndex: Sendable {
    /// Places at first; always a power of two.
    @inlinable
    static var smallest: Int { 16 }

    /// Zero, or the upper half of the hash above the offset of the record and one.
    @usableFromInline var places: [UInt64] = []
    @usableFromInline package internal(set) var count = 0

    @inlinable
    package init() {}

    @inlinable
    static func tag(_ hash: UInt64) -> UInt64 { hash & 0xFFFF_FFFF_0000_0000 }
    @inlinable
    static func offset(_ place: UInt64) -> Int { Int(truncatingIfNeeded: place & 0xFFFF_FFFF) - 1 }

    /// Where the search for a hash begins.
    @inlinable
    func home(_ place: UInt64) -> Int { Int(truncatingIfNeeded: place >> 32) & (places.count - 1) }
    @inlinable
    func next(_ position: Int) -> Int { (position + 1) & (places.count - 1) }

    /// The offset of the record with the key; nil if there is none.
    /// - Parameter isIt: whether the record at an offset has the key, since hashes may be equal.
    @inlinable
    package func offset(of hash: UInt64, where isIt: (Int) -> Bool) -> Int? {
        position(of: hash, where: isIt).map { Self.offset(places[$0]) }
    }

    @inlinable
    func position(of hash: UInt64, where isIt: (Int) -> Bool) -> Int? {
        guard count > 0 else { return nil }
        let tag = Self.tag(hash)
        var position = home(tag)
        while places[position] != 0 {
            let place = places[position]
            if Self.tag(place) == tag, isIt(Self.offset(place)) { return position }
            position = next(position)
        }
        return nil
    }

    /// Adds a record whose key is not there.
    @inlinable
    package mutating func insert(_ offset: Int, _ hash: UInt64) {
        // A quarter stays free, so that searches are short.
        if (count + 1) * 4 > places.count * 3 { grow() }
        put(Self.tag(hash) | UInt64(offset + 1))
        count += 1
    }

    @inlinable
    mutating func put(_ place: UInt64) {
        var position = home(place)
        while places[position] != 0 { position = next(position) }
        places[position] = place
    }

    @inlinable
    mutating func grow() {
        let old = places
        places = Array(repeating: 0, count: max(Self.smallest, old.count * 2))
        for place in old where place != 0 { put(place) }
    }

    /// Removes the record at an offset, if it is there.
    @inlinable
    package mutating func remove(_ offset: Int, _ hash: UInt64) {
        guard var gap = position(of: hash, where: { $0 == offset }) else { return }
        count -= 1
        // What was put off by the one removed moves up, so that no search ends too soon.
        var position = next(gap)
        while places[position] != 0 {
            let wanted = home(places[position])
            if (position &- wanted) & (places.count - 1) >= (position &- gap) & (places.count - 1) {
                places[gap] = places[position]
                gap = position
            }
            position = next(position)
        }
        places[gap] = 0
    }

    /// Visits the offsets of all records.
    @inlinable
    package func forEach(_ body: (Int) throws -> Void) rethrows {
        for place in places where place != 0 { try body(Self.offset(place)) }
    }
}
