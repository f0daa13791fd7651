// SPDX-License-Identifier: Apache-2.0

/// Deadlines in a binary heap, the nearest first; a deadline that no longer matters is dropped when it is met.
struct DeadlineHeap {
    struct Entry {
        let deadline: ContinuousClock.Instant
        let token: UInt
    }

    private var entries: [Entry] = []

    var nearest: Entry? { entries.first }
    var count: Int { entries.count }

    mutating func keep(_ matters: (Entry) -> Bool) {
        // In order, they are a heap.
        entries = entries.filter(matters).sorted { $0.deadline < $1.deadline }
    }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].deadline < entries[parent].deadline else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    @discardableResult
    mutating func removeNearest() -> Entry? {
        guard let last = entries.popLast() else { return nil }
        guard let first = entries.first else { return last }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].deadline < entries[least].deadline {
                least = child
            }
            guard least != parent else { return first }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
