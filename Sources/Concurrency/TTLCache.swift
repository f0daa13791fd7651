// SPDX-License-Identifier: Apache-2.0
import Basics

/// A bounded table in memory whose entries are good for a set time.
///
/// Bounded in octets, since what others write into it decides how large an entry is. A full table lets go of entries
/// that are no longer good, then of those that nobody has asked for since it last came past: a flood of new names pushes
/// out its own kind before it pushes out what is in use.
///
/// Its lock is held for a look or a change only, never while anything is waited for.
package final class TTLCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Slot: Sendable {
        /// Nil for a slot that is free.
        var content: (key: Key, value: Value)?
        var from: UTCTime
        var until: UTCTime
        var octets: Int
        /// Whether it was asked for since the hand last came past.
        var isUsed = false

        /// A clock that was set back must not prolong what was seen in its future.
        func isGood(at now: UTCTime) -> Bool { from <= now && now < until }
    }

    private struct State: Sendable {
        var places: [Key: Int] = [:]
        var slots: ContiguousArray<Slot> = []
        var free: [Int] = []
        /// Where the next entry to let go is looked for.
        var hand = 0
        var octets = 0

        mutating func release(_ place: Int) {
            guard let key = slots[place].content?.key else { return }
            places[key] = nil
            octets -= slots[place].octets
            slots[place].content = nil
            free.append(place)
        }

        /// Lets one entry go; false if there is none.
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

        /// Gives memory back when most slots are free.
        mutating func shrink() {
            guard slots.count > TTLCache.smallestShrunk, places.count < slots.count / 4 else { return }
            var kept = State()
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

    /// What an entry costs beside what key and value hold elsewhere: its slot, and its place in the dictionary.
    private static var entryOctets: Int { MemoryLayout<Key>.stride * 2 + MemoryLayout<Value>.stride + 80 }
    /// Slots looked at under one lock by a sweep: well below a millisecond.
    private static var sweepPiece: Int { 2000 }
    private static var smallestShrunk: Int { 4096 }

    private let budget: Int
    private let cost: @Sendable (Key, Value) -> Int
    private let state = Locked(State())

    /// - Parameters:
    ///   - octets: most octets held; an entry that is larger is not kept at all.
    ///   - cost: the octets that key and value hold outside themselves, such as the texts in them.
    package init(octets: Int, cost: @escaping @Sendable (Key, Value) -> Int) {
        budget = octets
        self.cost = cost
    }

    package func value(for key: Key, at now: UTCTime) -> Value? {
        state.withLock { state in
            guard let place = state.places[key], state.slots[place].isGood(at: now) else { return nil }
            if !state.slots[place].isUsed { state.slots[place].isUsed = true }
            return state.slots[place].content?.value
        }
    }

    package func set(_ value: Value, for key: Key, at now: UTCTime, keepFor: Duration) {
        let octets = Self.entryOctets + cost(key, value)
        state.withLock { put(value, for: key, octets, at: now, keepFor, in: &$0) }
    }

    /// Puts what `change` makes of the value that is good, nil if none is, in its place; nil removes it.
    package func change(_ key: Key, at now: UTCTime, keepFor: Duration, _ change: (Value?) -> Value?) {
        state.withLock { state in
            let place = state.places[key]
            let known = place.flatMap { state.slots[$0].isGood(at: now) ? state.slots[$0].content?.value : nil }
            if let value = change(known) {
                put(value, for: key, Self.entryOctets + cost(key, value), at: now, keepFor, in: &state)
            } else if let place {
                state.release(place)
            }
        }
    }

    private func put(
        _ value: Value, for key: Key, _ octets: Int, at now: UTCTime, _ keepFor: Duration, in state: inout State
    ) {
        if let place = state.places[key] {
            guard octets > state.slots[place].octets else {
                state.octets += octets - state.slots[place].octets
                state.slots[place].octets = octets
                state.slots[place].content?.value = value
                state.slots[place].from = now
                state.slots[place].until = now + keepFor
                return
            }
            state.release(place)
        }
        guard octets <= budget else { return }
        while state.octets + octets > budget {
            guard state.makeRoom(at: now) else { break }
        }
        let slot = Slot(content: (key, value), from: now, until: now + keepFor, octets: octets)
        if let place = state.free.popLast() {
            state.slots[place] = slot
            state.places[key] = place
        } else {
            state.places[key] = state.slots.count
            state.slots.append(slot)
        }
        state.octets += octets
    }

    package func remove(_ key: Key) {
        state.withLock { state in
            if let place = state.places[key] { state.release(place) }
        }
    }

    package func removeAll() {
        // What was held goes when the lock is free again.
        _ = state.withLock { state in
            let old = state
            state = State()
            return old
        }
    }

    /// Lets go of what is no longer good, a piece at a time.
    package func sweep(at now: UTCTime) {
        var next = 0
        while true {
            let isFinished = state.withLock { state in
                let end = min(next + Self.sweepPiece, state.slots.count)
                guard next < end else {
                    state.shrink()
                    return true
                }
                for place in next..<end where !state.slots[place].isGood(at: now) { state.release(place) }
                next = end
                return false
            }
            if isFinished { return }
        }
    }

    package var count: Int { state.withLock { $0.places.count } }
    /// What the entries cost now.
    package var octets: Int { state.withLock { $0.octets } }
}
