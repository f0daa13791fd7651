// SPDX-License-Identifier: Apache-2.0

/// Those who hold places of one kind and those who wait for them, by share.
///
/// Each waiter stands in the queue of one of its shares: of one that may take no more now, else of the busiest. The
/// queues have their turn one after the other, so that a share with one waiter goes before the second of another.
struct WaitingLane<Key: Hashable & Sendable>: Sendable {
    typealias Ticket = FairQueue<Key>.Ticket

    private struct Waiter {
        let keys: [Key]
        var queue: Key
    }

    /// Places by which shares are limited.
    let places: Int
    private let maxWaiting: Int
    private(set) var held = SharedPlaces<Key>()
    private var waiters: [Ticket: Waiter] = [:]
    private var queues: [Key: LinkedQueue<Ticket>] = [:]
    /// Shares with waiters that may take more, in the order of their turns.
    private var turns = LinkedQueue<Key>()
    /// Shares with waiters that hold all they may.
    private var full = LinkedQueue<Key>()
    /// Shares by how many wait in their queue; the index is the number.
    private var byLength: [LinkedQueue<Key>] = [LinkedQueue()]

    init(places: Int, maxWaiting: Int) {
        self.places = places
        self.maxWaiting = maxWaiting
    }

    var waiting: Int { waiters.count }

    func mayStart(_ keys: [Key]) -> Bool { held.blocking(keys, of: places) == nil }

    mutating func start(_ keys: [Key]) {
        held.add(keys)
        for key in keys { place(key) }
    }

    mutating func end(_ keys: [Key]) {
        held.give(keys)
        for key in keys { place(key) }
    }

    /// Queues a request, in a full room at the cost of the newest of whoever has the most waiting.
    mutating func wait(_ ticket: Ticket, _ keys: [Key]) -> FairQueue<Key>.Answer {
        guard let key = held.blocking(keys, of: places) ?? busiest(of: keys) else { return .refused }
        var dropped: Ticket?
        if waiting >= maxWaiting {
            guard let longest = byLength.last?.first, byLength.count - 1 > length(of: key) + 1,
                let newest = queues[longest]?.last
            else { return .refused }
            withdraw(newest)
            dropped = newest
        }
        waiters[ticket] = Waiter(keys: keys, queue: key)
        enqueue(ticket, at: key)
        return .waits(dropping: dropped)
    }

    /// Ends a wait; false if the ticket does not wait here.
    @discardableResult
    mutating func withdraw(_ ticket: Ticket) -> Bool {
        guard let waiter = waiters.removeValue(forKey: ticket) else { return false }
        dequeue(ticket, from: waiter.queue)
        return true
    }

    /// Starts whoever has the next turn and may start; the caller has seen that a place is free.
    mutating func startNext() -> (ticket: Ticket, keys: [Key])? {
        while let key = turns.first ?? (held.isRoomy(of: places) ? full.first : nil) {
            guard let ticket = queues[key]?.first, let waiter = waiters[ticket] else { return nil }
            dequeue(ticket, from: key)
            // It waits for another of its shares, and must not hold up those behind it.
            if let blocking = held.blocking(waiter.keys, of: places) {
                waiters[ticket]?.queue = blocking
                enqueue(ticket, at: blocking)
                continue
            }
            waiters[ticket] = nil
            // The next turn is another share's.
            turns.remove(key)
            start(waiter.keys)
            place(key)
            return (ticket, waiter.keys)
        }
        return nil
    }

    private func length(of key: Key) -> Int { queues[key]?.count ?? 0 }

    private func busiest(of keys: [Key]) -> Key? {
        keys.max { held.held($0) + length(of: $0) < held.held($1) + length(of: $1) }
    }

    private mutating func enqueue(_ ticket: Ticket, at key: Key) {
        let before = length(of: key)
        queues[key, default: LinkedQueue()].append(ticket)
        note(key, from: before, to: before + 1)
    }

    private mutating func dequeue(_ ticket: Ticket, from key: Key) {
        let before = length(of: key)
        guard queues[key]?.remove(ticket) == true else { return }
        if before == 1 { queues[key] = nil }
        note(key, from: before, to: before - 1)
    }

    private mutating func note(_ key: Key, from before: Int, to after: Int) {
        byLength[before].remove(key)
        if after > 0 {
            if after == byLength.count { byLength.append(LinkedQueue()) }
            byLength[after].append(key)
        }
        while byLength.count > 1, byLength[byLength.count - 1].isEmpty { byLength.removeLast() }
        place(key)
    }

    /// Puts a share among those that have their turn, or those that must wait for themselves.
    private mutating func place(_ key: Key) {
        guard length(of: key) > 0 else {
            turns.remove(key)
            full.remove(key)
            return
        }
        if held.isFull(key, of: places) {
            turns.remove(key)
            full.append(key)
        } else {
            full.remove(key)
            turns.append(key)
        }
    }
}
