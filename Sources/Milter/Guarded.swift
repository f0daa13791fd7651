// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A value that threads take turns at, by a pthread mutex.
///
/// Not `Synchronization.Mutex`: once threads contend for it, that one is handed over by the kernel or in code that is
/// not instrumented, where ThreadSanitizer sees no order between them and reports races that are none.
final class Guarded<Value>: @unchecked Sendable {  // `value` is touched under `mutex` only.
    private var value: Value
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` while nobody else has the value; it must not wait for anything.
    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
