// SPDX-License-Identifier: Apache-2.0
import Basics

/// Lets one task rest until there is something to do.
final class WakeUp: Sendable {
    private struct State {
        var isDue = false
        var rests = 0
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())

    func wake() {
        let sleeper = state.withLock { state in
            if state.sleeper == nil { state.isDue = true }
            return state.sleeper.take()
        }
        sleeper?.resume()
    }

    /// Returns when it was woken since the last rest, after `limit`, or when the task is cancelled.
    func rest(for limit: Duration) async {
        let rest = state.withLock { state in
            state.rests += 1
            return state.rests
        }
        let timer = Task {
            // Cancelled: the rest is over, and the next one is not to be cut short.
            do { try await Task.sleep(for: limit) } catch { return }
            end(rest)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // The handler may have run already.
                    if state.isDue || Task.isCancelled {
                        state.isDue = false
                        return true
                    }
                    state.sleeper = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            end(rest)
        }
        timer.cancel()
    }

    private func end(_ rest: Int) {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.rests == rest else { return nil }
            // The limit may have passed before the rest has begun.
            if state.sleeper == nil { state.isDue = true }
            return state.sleeper.take()
        }?.resume()
    }
}
