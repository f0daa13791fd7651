// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Lets so many fetches run at one time, the others in order of arrival.
final class FetchSlots: Sendable {
    private struct State {
        var free: Int
        var nextTicket: UInt64 = 0
        /// In order of arrival; whoever leaves the queue takes its continuation out, so each is resumed once.
        var waiting: [(ticket: UInt64, turn: CheckedContinuation<Bool, Never>)] = []
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: max(1, count))) }

    /// Runs `work` when there is a free place; nil if none is free in time, or the task is cancelled before.
    func run<Value>(waitingAtMost patience: Duration, _ work: () async -> Value) async -> Value? {
        guard await enter(within: patience) else { return nil }
        defer { leave() }
        return await work()
    }

    private func enter(within patience: Duration) async -> Bool {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { turn in
                let answer: Bool? = state.withLock { state in
                    // The handler may have run already, and then nobody would take the ticket out.
                    if Task.isCancelled { return false }
                    guard state.free == 0 else {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((ticket, turn))
                    return nil
                }
                if let answer { return turn.resume(returning: answer) }
                // Whoever has had its turn by then is not in the queue any more.
                Task {
                    try? await Task.sleep(for: patience)
                    giveUp(ticket)
                }
            }
        } onCancel: {
            giveUp(ticket)
        }
    }

    private func giveUp(_ ticket: UInt64) {
        let turn = state.withLock { state in
            state.waiting.firstIndex { $0.ticket == ticket }.map { state.waiting.remove(at: $0).turn }
        }
        turn?.resume(returning: false)
    }

    private func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().turn
        }
        next?.resume(returning: true)
    }
}
