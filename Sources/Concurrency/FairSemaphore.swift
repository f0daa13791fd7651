// SPDX-License-Identifier: Apache-2.0
import Basics

/// A number of places for work, given out by ``FairQueue`` to whoever asks.
package final class FairSemaphore: Sendable {
    private typealias Queue = FairQueue<Share>

    private struct Waiter {
        let turn: CheckedContinuation<Bool, Never>
        let deadline: ContinuousClock.Instant
    }

    private struct State {
        var queue: Queue
        var nextTicket: Queue.Ticket = 0
        /// Whoever takes a waiter out resumes it, so that each is resumed once.
        var waiters: [Queue.Ticket: Waiter] = [:]
        /// Those who wait, by their deadlines: all wait as long.
        var arrivals = LinkedQueue<Queue.Ticket>()
        /// Whether a task watches the deadlines.
        var isWatched = false

        mutating func take(_ ticket: Queue.Ticket) -> Waiter? {
            arrivals.remove(ticket)
            return waiters.removeValue(forKey: ticket)
        }
    }

    private let state: Locked<State>
    private let places: Int
    private let waitLimit: Duration

    /// - Parameters:
    ///   - reservedPlaces: of the places, those that only reserved work gets.
    ///   - maxWaiting: who may wait, reserved and others each.
    ///   - waitLimit: longest wait for a place.
    package init(places: Int, reservedPlaces: Int = 0, maxWaiting: Int, waitLimit: Duration) {
        self.places = max(1, places)
        self.waitLimit = waitLimit
        state = Locked(
            State(queue: FairQueue(places: places, reservedPlaces: reservedPlaces, maxWaiting: maxWaiting)))
    }

    /// Whether all places are taken and somebody waits: who holds one should be brief.
    package var isCrowded: Bool { state.withLock { $0.queue.taken >= places && $0.queue.waiting > 0 } }

    /// Whether all places are taken.
    package var isFull: Bool { state.withLock { $0.queue.taken >= places } }

    /// Those who wait now.
    package var waiting: Int { state.withLock { $0.queue.waiting } }

    /// Does the work in a place of its own; nil if there is none in time, or the task is cancelled before.
    /// - Parameter shares: whom the place is counted for, at least one.
    package func run<Value>(
        for shares: [Share], isReserved: Bool = false, _ work: () async -> Value
    ) async -> Value? {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        guard await enter(ticket, shares, isReserved) else { return nil }
        defer { leave(ticket) }
        return await work()
    }

    private func enter(_ ticket: Queue.Ticket, _ shares: [Share], _ isReserved: Bool) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { turn in
                let deadline = ContinuousClock.now + waitLimit
                var mustWatch = false
                var dropped: Waiter?
                let now: Bool? = state.withLock { state in
                    // The handler may have run already, and then nobody would take the ticket out.
                    if Task.isCancelled { return false }
                    switch state.queue.ask(ticket, shares, isReserved: isReserved) {
                    case .starts: return true
                    case .refused: return false
                    case .waits(let other):
                        dropped = other.flatMap { state.take($0) }
                        state.waiters[ticket] = Waiter(turn: turn, deadline: deadline)
                        state.arrivals.append(ticket)
                        mustWatch = !state.isWatched
                        state.isWatched = true
                        return nil
                    }
                }
                dropped?.turn.resume(returning: false)
                if let now { turn.resume(returning: now) }
                if mustWatch { Task { await watch() } }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                state.queue.withdraw(ticket) ? state.take(ticket) : nil
            }
            waiter?.turn.resume(returning: false)
        }
    }

    private func leave(_ ticket: Queue.Ticket) {
        let started: [Waiter] = state.withLock { state in state.queue.end(ticket).compactMap { state.take($0) } }
        for waiter in started { waiter.turn.resume(returning: true) }
    }

    /// Ends the waits that have lasted too long, as long as anybody waits.
    private func watch() async {
        while let deadline = endOverdue() { try? await Task.sleep(until: deadline, clock: .continuous) }
    }

    /// - Returns: the next deadline; nil if nobody waits, and then nobody watches.
    private func endOverdue() -> ContinuousClock.Instant? {
        let now = ContinuousClock.now
        let (overdue, next): ([Waiter], ContinuousClock.Instant?) = state.withLock { state in
            var overdue: [Waiter] = []
            while let ticket = state.arrivals.first, let waiter = state.waiters[ticket] {
                guard waiter.deadline <= now else { return (overdue, waiter.deadline) }
                _ = state.queue.withdraw(ticket)
                _ = state.take(ticket)
                overdue.append(waiter)
            }
            state.isWatched = false
            return (overdue, nil)
        }
        for waiter in overdue { waiter.turn.resume(returning: false) }
        return next
    }
}
