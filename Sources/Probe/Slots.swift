// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A number of places, given out in the order of asking.
final class Slots: Sendable {
    private struct Waiter {
        let number: UInt
        let resume: @Sendable (Bool) -> Void
    }

    private struct State {
        var free: Int
        var waiters: [Waiter] = []
        var nextNumber: UInt = 0
        /// Cancelled before they waited.
        var cancelled: Set<UInt> = []
    }

    private let state: Mutex<State>
    private let maxWaiting: Int

    init(_ count: Int, maxWaiting: Int) {
        state = Mutex(State(free: max(1, count)))
        self.maxWaiting = maxWaiting
    }

    /// Does the work in a place of its own; nil if too many wait already or the task is cancelled.
    func run<Value: Sendable>(_ work: () async -> Value) async -> Value? {
        guard await take() else { return nil }
        defer { give() }
        return await work()
    }

    private func take() async -> Bool {
        let number = state.withLock { state in
            defer { state.nextNumber += 1 }
            return state.nextNumber
        }
        let isTaken = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Bool? = state.withLock { state in
                    if state.cancelled.contains(number) { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    guard state.waiters.count < maxWaiting else { return false }
                    state.waiters.append(Waiter(number: number) { continuation.resume(returning: $0) })
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            cancel(number)
        }
        state.withLock { _ = $0.cancelled.remove(number) }
        return isTaken
    }

    private func cancel(_ number: UInt) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.number == number }) else {
                state.cancelled.insert(number)
                return nil
            }
            return state.waiters.remove(at: index)
        }
        waiter?.resume(false)
    }

    private func give() {
        let next: Waiter? = state.withLock { state in
            guard !state.waiters.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.resume(true)
    }
}
