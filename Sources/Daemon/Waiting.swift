// SPDX-License-Identifier: Apache-2.0
import Dispatch

/// Runs what blocks on a thread that no task needs.
func onBlockingThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: work()) }
    }
}

/// Waits until the task is cancelled.
func untilCancelled() async {
    let (never, end) = AsyncStream<Never>.makeStream()
    for await _ in never {}
    end.finish()
}

extension Task where Success == Void, Failure == Never {
    /// Waits for the end, but no longer than this, although the caller may be cancelled; the task itself goes on.
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
        // In a task that nobody cancels, since a stream ends for a cancelled one.
        return await Task<Bool, Never> { await answers.first { _ in true } ?? false }.value
    }
}
