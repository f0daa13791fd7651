// SPDX-License-Identifier: Apache-2.0
import Names
import Synchronization

/// A bounded table in memory whose entries are good for a set time.
///
/// Its lock is held for a look or a change only, never while anything is waited for.
final class ExpiringTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let from: UTCTime
        let until: UTCTime

        /// A clock that was set back must not prolong what was seen in its future.
        func isGood(at now: UTCTime) -> Bool { from <= now && now < until }
    }

    private let capacity: Int
    private let entries = Mutex<[Key: Entry]>([:])

    /// - Parameter capacity: most entries held; when it is reached the stale go first, then any.
    init(capacity: Int) { self.capacity = max(1, capacity) }

    func value(for key: Key, at now: UTCTime) -> Value? {
        entries.withLock { entries in
            guard let entry = entries[key], entry.isGood(at: now) else { return nil }
            return entry.value
        }
    }

    func set(_ value: Value, for key: Key, at now: UTCTime, keepFor: Duration) {
        entries.withLock { entries in
            if entries.count >= capacity, entries[key] == nil { Self.makeRoom(in: &entries, now: now) }
            entries[key] = Entry(value: value, from: now, until: now + keepFor)
        }
    }

    /// Puts what `change` makes of the value that is good, nil if none is, in its place; nil removes it.
    func change(_ key: Key, at now: UTCTime, keepFor: Duration, _ change: (Value?) -> Value?) {
        entries.withLock { entries in
            let known = entries[key].flatMap { $0.isGood(at: now) ? $0.value : nil }
            guard let value = change(known) else {
                entries[key] = nil
                return
            }
            if entries.count >= capacity, entries[key] == nil { Self.makeRoom(in: &entries, now: now) }
            entries[key] = Entry(value: value, from: now, until: now + keepFor)
        }
    }

    func remove(_ key: Key) {
        _ = entries.withLock { $0.removeValue(forKey: key) }
    }

    func removeAll(where matches: (Key) -> Bool) {
        entries.withLock { entries in entries = entries.filter { !matches($0.key) } }
    }

    /// Every entry that is good, in no order.
    func all(at now: UTCTime) -> [(Key, Value)] {
        entries.withLock { $0.compactMap { $1.isGood(at: now) ? ($0, $1.value) : nil } }
    }

    func removeAll() { entries.withLock { $0.removeAll() } }

    private static func makeRoom(in entries: inout [Key: Entry], now: UTCTime) {
        let before = entries.count
        entries = entries.filter { $0.value.isGood(at: now) }
        // A tenth at once, so that a full table is not searched again for every new entry.
        guard entries.count > before * 9 / 10 else { return }
        for key in entries.keys.prefix(before / 10 + 1) { entries.removeValue(forKey: key) }
    }
}
