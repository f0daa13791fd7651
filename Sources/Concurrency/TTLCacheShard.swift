// SPDX-License-Identifier: Apache-2.0
import Basics

/// One of the pieces of a ``TTLCache``: a table that knows what its entries cost.
@usableFromInline
struct TTLCacheShard<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline
    struct Slot: Sendable {
        /// Nil for a slot that is free.
        @usableFromInline var content: (key: Key, value: Value)?
        @usableFromInline var from: UTCTime
        @usableFromInline var until: UTCTime
        @usableFromInline var octets: Int
        /// Whether it was asked for since the hand last came past.
        @usableFromInline var isUsed = false

        @inlinable
        init(content: (key: Key, value: Value), from: UTCTime, until: UTCTime, octets: Int) {
            self.content = content
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

    @usableFromInline var places: [Key: Int] = [:]
    @usableFromInline var slots: ContiguousArray<Slot> = []
    @usableFromInline var free: [Int] = []
    /// Where the next entry to let go is looked for.
    @usableFromInline var hand = 0
    @usableFromInline var octets = 0

    init() {}

    @inlinable
    mutating func value(for key: Key, at now: UTCTime) -> Value? {
        // Field by field: a slot as a whole would be copied, with references to all that it holds.
        guard let place = places[key], slots[place].from <= now, now < slots[place].until else { return nil }
        if !slots[place].isUsed { slots[place].isUsed = true }
        return slots[place].content?.value
    }

    @inlinable
    mutating func put(
        _ value: Value, for key: Key, _ octets: Int, at now: UTCTime, _ keepFor: Duration, budget: Int
    ) {
        if let place = places[key] {
            guard octets > slots[place].octets else {
                self.octets += octets - slots[place].octets
                slots[place].octets = octets
                slots[place].content?.value = value
                slots[place].from = now
                slots[place].until = now + keepFor
                return
            }
            release(place)
        }
        guard octets <= budget else { return }
        while self.octets + octets > budget {
            guard makeRoom(at: now) else { break }
        }
        let slot = Slot(content: (key, value), from: now, until: now + keepFor, octets: octets)
        if let place = free.popLast() {
            slots[place] = slot
            places[key] = place
        } else {
            places[key] = slots.count
            slots.append(slot)
        }
        self.octets += octets
    }

    func entries(at now: UTCTime) -> [(key: Key, value: Value)] {
        slots.compactMap { $0.isGood(at: now) ? $0.content : nil }
    }

    mutating func remove(_ key: Key) {
        if let place = places[key] { release(place) }
    }

    @inlinable
    mutating func release(_ place: Int) {
        guard let key = slots[place].content?.key else { return }
        places[key] = nil
        octets -= slots[place].octets
        slots[place].content = nil
        free.append(place)
    }

    /// Lets one entry go; false if there is none.
    @inlinable
    mutating func makeRoom(at now: UTCTime) -> Bool {
        guard !places.isEmpty else { return false }
        while true {
            let place = hand < slots.count ? hand : 0
            hand = place + 1
            guard slots[place].content != nil else { continue }
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
        guard slots.count > Self.smallestShrunk, places.count < slots.count / 4 else { return }
        var kept = Self()
        kept.places.reserveCapacity(places.count)
        for slot in slots {
            guard let key = slot.content?.key else { continue }
            kept.places[key] = kept.slots.count
            kept.slots.append(slot)
        }
        kept.octets = octets
        self = kept
    }
}
