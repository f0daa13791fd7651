// SPDX-License-Identifier: Apache-2.0
import Basics

/// A bounded table in memory whose entries are good for a set time.
///
/// Bounded in octets, since what others write into it decides how large an entry is. A full table lets go of entries
/// that are no longer good, then of those that nobody has asked for since it last came past: a flood of new names pushes
/// out its own kind before it pushes out what is in use.
///
/// A large table is split into shards by the keys, each with its part of the octets and a lock of its own, so that threads
/// seldom meet. A lock is held for a look or a change only, never while anything is waited for.
///
/// Inlinable, so that each module compiles it for its own keys and values.
@usableFromInline
package final class TTLCache<Key: TableKey, Value: Sendable>: Sendable {
    private static var maxShards: Int { 16 }
    /// Least octets of a shard, so that the largest entries that there are fit into one.
    private static var smallestShard: Int { 128 << 10 }
    /// Slots looked at under one lock by a sweep: well below a millisecond.
    private static var sweepPiece: Int { 2000 }
    /// What an entry costs beside what key and value hold elsewhere: its slot, and its place in the index.
    @inlinable
    static var entryOctets: Int { MemoryLayout<Key>.stride + MemoryLayout<Value>.stride + 80 }

    /// Of one shard.
    @usableFromInline let budget: Int
    @usableFromInline let cost: @Sendable (Key, Value) -> Int
    @usableFromInline let shards: LockedShards<TTLCacheShard<Key, Value>>

    /// - Parameters:
    ///   - octets: most octets held; an entry that is larger than its shard is not kept at all.
    ///   - cost: the octets that key and value hold outside themselves, such as the texts in them.
    package init(octets: Int, cost: @escaping @Sendable (Key, Value) -> Int) {
        let count = max(1, min(Self.maxShards, octets / Self.smallestShard))
        budget = octets / count
        self.cost = cost
        shards = LockedShards(count: count) { TTLCacheShard() }
    }

    @inlinable
    package func value(for key: Key, at now: UTCTime) -> Value? {
        let hash = key.tableHash
        return shards.withLock(shards.index(ofHash: hash)) { $0.value(for: key, hash, at: now) }
    }

    @inlinable
    package func set(_ value: Value, for key: Key, at now: UTCTime, keepFor: Duration) {
        let octets = Self.entryOctets + cost(key, value)
        let hash = key.tableHash
        shards.withLock(shards.index(ofHash: hash)) {
            $0.put(value, for: key, hash, octets, at: now, keepFor, budget: budget)
        }
    }

    /// Puts what `change` makes of the value that is good, nil if none is, in its place; nil removes it.
    package func change(_ key: Key, at now: UTCTime, keepFor: Duration, _ change: (Value?) -> Value?) {
        let hash = key.tableHash
        shards.withLock(shards.index(ofHash: hash)) { shard in
            if let value = change(shard.value(for: key, hash, at: now)) {
                let octets = Self.entryOctets + cost(key, value)
                shard.put(value, for: key, hash, octets, at: now, keepFor, budget: budget)
            } else {
                shard.remove(key, hash)
            }
        }
    }

    package func remove(_ key: Key) {
        let hash = key.tableHash
        shards.withLock(shards.index(ofHash: hash)) { $0.remove(key, hash) }
    }

    package func removeAll() {
        for index in 0..<shards.count {
            // What was held goes when the lock is free again.
            _ = shards.withLock(index) { shard in
                let old = shard
                shard = TTLCacheShard()
                return old
            }
        }
    }

    /// Lets go of what is no longer good, a piece at a time.
    package func sweep(at now: UTCTime) {
        for index in 0..<shards.count {
            var next = 0
            while !shards.withLock(index, { $0.sweep(from: next, count: Self.sweepPiece, at: now) }) {
                next += Self.sweepPiece
            }
        }
    }

    /// The entries that are good, for a look at all of them; in no order.
    package func entries(at now: UTCTime) -> [(key: Key, value: Value)] {
        (0..<shards.count).flatMap { index in shards.withLock(index) { $0.entries(at: now) } }
    }

    package var count: Int { sum { $0.count } }
    /// What the entries cost now.
    package var octets: Int { sum { $0.octets } }

    private func sum(_ number: (TTLCacheShard<Key, Value>) -> Int) -> Int {
        (0..<shards.count).reduce(0) { sum, index in sum + shards.withLock(index) { number($0) } }
    }
}
