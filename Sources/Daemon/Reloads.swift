// SPDX-License-Identifier: Apache-2.0
import Basics

/// Reloads, one after the other, beside the thread that takes the signals.
///
/// However many are asked for while one is under way, exactly one more follows it: it reads what all of them meant.
final class Reloads: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isAskedAgain = false
        var hasEnded = false
    }

    private let reload: @Sendable () async -> Void
    private let state = Locked(State())

    /// - Parameter reload: must end soon once its task is cancelled, and then have changed all or nothing.
    init(_ reload: @escaping @Sendable () async -> Void) { self.reload = reload }

    /// Asks for a reload that begins after now; returns at once.
    func request() {
        state.withLock { state in
            guard !state.hasEnded else { return }
            guard state.task == nil else { return state.isAskedAgain = true }
            state.task = Task { await self.work() }
        }
    }

    /// Lets no further reload begin, and cancels the one under way.
    /// - Returns: the one under way, for the caller to wait for; nil if there is none.
    func end() -> Task<Void, Never>? {
        let task = state.withLock { state in
            state.hasEnded = true
            return state.task
        }
        task?.cancel()
        return task
    }

    private func work() async {
        repeat { await reload() } while goesOn()
    }

    private func goesOn() -> Bool {
        state.withLock { state in
            defer { state.isAskedAgain = false }
            if state.isAskedAgain, !state.hasEnded { return true }
            state.task = nil
            return false
        }
    }
}
