// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A value that threads of the system wait for.
///
/// Not `DispatchSemaphore`, which waits by the wall clock: one that is set back would prolong the wait by as much. This one
/// goes by the monotonic clock.
package final class Monitor<Value>: @unchecked Sendable {  // `value` is touched under `mutex` only.
    private var value: Value
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let isChanged: UnsafeMutablePointer<pthread_cond_t>

    package init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        isChanged = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(isChanged, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(isChanged)
        isChanged.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Changes the value, and wakes all who wait.
    package func change(_ body: (inout sending Value) -> Void) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        body(&value)
        pthread_cond_broadcast(isChanged)
    }

    /// Waits, no longer than `limit`, until the value is as wanted, and runs `body` on it in either case.
    package func wait<Result>(
        within limit: Duration, until isWanted: (borrowing Value) -> Bool,
        then body: (inout sending Value) -> sending Result
    ) -> sending Result {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let (seconds, attoseconds) = limit.components
        let nanoseconds = end.tv_nsec + Int(attoseconds / 1_000_000_000)
        end.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isWanted(value), pthread_cond_timedwait(isChanged, mutex, &end) == 0 {}
        return body(&value)
    }
}
