// SPDX-License-Identifier: Apache-2.0
import Core

extension Task where Success == Void, Failure == Never {
    /// Waits for the end, but no longer than this; the task itself goes on.
    /// - Returns: whether it has ended.
    func hasEnded(within limit: Duration) async -> Bool {
        let (answers, answer) = AsyncStream<Bool>.makeStream()
        Task { [self] in
            await value
            answer.yield(true)
        }
        let timer = Task {
            try? await Task<Never, Never>.sleep(for: limit)
            answer.yield(false)
        }
        defer { timer.cancel() }
        for await hasEnded in answers { return hasEnded }
        return false
    }
}
