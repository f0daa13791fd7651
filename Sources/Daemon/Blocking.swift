// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch

/// Runs asynchronous work from a thread that may block (the main thread, never one of the pool) and returns its result.
package func runAndWait<Value: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () async throws(Failure) -> Value
) throws(Failure) -> Value {
    let done = DispatchSemaphore(value: 0)
    let slot = ResultSlot<Value, Failure>()
    Task.detached {
        do throws(Failure) {
            let value = try await work()
            slot.result.withLock { $0 = .success(value) }
        } catch {
            slot.result.withLock { $0 = .failure(error) }
        }
        done.signal()
    }
    done.wait()
    guard let result = slot.result.withLock({ $0 }) else { preconditionFailure("signalled without a result") }
    return try result.get()
}

private final class ResultSlot<Value: Sendable, Failure: Error>: Sendable {
    let result = Locked<Result<Value, Failure>?>(nil)
}
