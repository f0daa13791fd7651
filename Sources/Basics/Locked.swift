// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A value that threads take turns at, by a pthread mutex.
///
/// Not `Synchronization.Mutex`: once threads contend for it, that one is handed over by the kernel, thread by thread,
/// which costs a switch for each turn; and ThreadSanitizer, which does not see the kernel do it, reports races that are
/// none.
package final class Locked<Value>: @unchecked Sendable {  // `value` is touched under `mutex` only.
    private struct Storage {
        var mutex = pthread_mutex_t()
        var value: Value
    }

    private let storage: UnsafeMutablePointer<Storage>

    package init(_ value: sending Value) {
        storage = .allocate(capacity: 1)
        storage.initialize(to: Storage(value: value))
        pthread_mutex_init(&storage.pointee.mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(&storage.pointee.mutex)
        storage.deinitialize(count: 1)
        storage.deallocate()
    }

    /// Runs `body` while nobody else has the value; it must not wait for anything.
    package func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(&storage.pointee.mutex)
        defer { pthread_mutex_unlock(&storage.pointee.mutex) }
        return try body(&storage.pointee.value)
    }
}
