// SPDX-License-Identifier: Apache-2.0
import Basics

/// One of the pieces of a ``TTLCache``: a table that knows what its entries cost.
@usableFromInline
struct TTLCacheShard<Key: TableKey, Value: Sendable>: Sendable {
    @usableFromInline
    struct Slot: Sendable {
        /// Nil for a slot that is free. Key and value are apart, so that a look at one of them does not copy both.
        @usableFromInline var key: Key?
        @usableFromInline var value: Value?
        @usableFromInline var from: UTCTime
        @usableFromInline var until: UTCTime
        @usableFromInline var octets: Int
        /// Whether it was asked for since the hand last came past.
        @usableFromInline var isUsed = false

        @inlinable
        init(_ key: Key, _ value: Value, from: UTCTime, until: UTCTime, octets: Int) {
            self.key = key
            self.value = value
            self.from = from
            self.until = until
            self.octets = octets
        }

        /// A clock that was set back must not prolong what was seen in its future.
        @inlinable
        func isGood(at now: UTCTime) -> Bool { from <= now && now < until }
    }

    /// Slots of a table that is not worth making smaller.
    private static var smallestShrunk: Int { 1024 }

    /// Finds the slot of a key.
    @usableFromInline var index = HashIndex()
    @usableFromInline var slots: ContiguousArray<Slot> = []
    @usableFromInline var free: [Int] = []
    /// Where the next entry to let go is looked for.
    @usableFromInline var hand = 0
    @usableFromInline var octets = 0

    init() {}

    @inlinable
    var count: Int { index.count }

    @inlinable
    func place(of key: Key, _ hash: UInt64) -> Int? {
        index.offset(of: hash) { slots[$0].key == key }
    }

    @inlinable
    mutating func value(for key: Key, _ hash: UInt64, at now: UTCTime) -> Value? {
        // Field by field: a slot as a whole would be copied, with references to all that it holds.
        guard let place = place(of: key, hash), slots[place].from <= now, now < slots[place].until else { return nil }
        if !slots[place].isUsed { slots[place].isUsed = true }
        return slots[place].value
    }

    @inlinable
    mutating func put(
        _ value: Value, for key: Key, _ hash: UInt64, _ octets: Int, at now: UTCTime, _ keepFor: Duration, budget: Int
    ) {
        if let place = place(of: key, hash) {
            guard octets > slots[place].octets else {
                self.octets += octets - slots[place].octets
                slots[place].octets = octets
                slots[place].value = value
                slots[place].from = now
                slots[place].until = now + keepFor
                return
            }
            release(place, hash)
        }
        guard octets <= budget else { return }
        while self.octets + octets > budget {
            guard makeRoom(at: now) else { break }
        }
        let slot = Slot(key, value, from: now, until: now + keepFor, octets: octets)
        if let place = free.popLast() {
            slots[place] = slot
            index.insert(place, hash)
        } else {
            index.insert(slots.count, hash)
            slots.append(slot)
        }
        self.octets += octets
    }

    func entries(at now: UTCTime) -> [(key: Key, value: Value)] {
        slots.compactMap { slot in
            guard slot.isGood(at: now), let key = slot.key, let value = slot.value else { return nil }
            return (key, value)
        }
    }

    mutating func remove(_ key: Key, _ hash: UInt64) {
        if let place = place(of: key, hash) { release(place, hash) }
    }

    @inlinable
    mutating func release(_ place: Int) {
        guard let hash = slots[place].key?.tableHash else { return }
        release(place, hash)
    }

    /// - Parameter hash: that of the key in the slot.
    @inlinable
    mutating func release(_ place: Int, _ hash: UInt64) {
        index.remove(place, hash)
        octets -= slots[place].octets
        slots[place].key = nil
        slots[place].value = nil
        free.append(place)
    }

    /// Lets one entry go; false if there is none.
    @inlinable
    mutating func makeRoom(at now: UTCTime) -> Bool {
        guard count > 0 else { return false }
        while true {
            let place = hand < slots.count ? hand : 0
            hand = place + 1
            guard slots[place].key != nil else { continue }
            if slots[place].isUsed, slots[place].isGood(at: now) {
                slots[place].isUsed = false
            } else {
                release(place)
                return true
            }
        }
    }

    /// Lets go of what is no longer good in these slots.
    /// - Returns: whether they were the last ones.
    mutating func sweep(from next: Int, count: Int, at now: UTCTime) -> Bool {
        let end = min(next + count, slots.count)
        guard next < end else {
            shrink()
            return true
        }
        for place in next..<end where !slots[place].isGood(at: now) { release(place) }
        return false
    }

    /// Gives memory back when most slots are free.
    private mutating func shrink() {
        guard slots.count > Self.smallestShrunk, count < slots.count / 4 else { return }
        var kept = Self()
        kept.slots.reserveCapacity(count)
        for slot in slots {
            guard let hash = slot.key?.tableHash else { continue }
            kept.index.insert(kept.slots.count, hash)
            kept.slots.append(slot)
        }
        kept.octets = octets
        self = kept
    }
}
