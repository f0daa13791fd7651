// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A short sleep that others can end; measured by the monotonic clock, so that no clock that is set back prolongs it.
final class Nap: @unchecked Sendable {  // `isCutShort` is touched under `mutex` only.
    private var isCutShort = false
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let isOver: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        isOver = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(isOver, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(isOver)
        isOver.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Sleeps, unless it was cut short before.
    func take(milliseconds: Int) {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let nanoseconds = end.tv_nsec + milliseconds * 1_000_000
        end.tv_sec += nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isCutShort, pthread_cond_timedwait(isOver, mutex, &end) == 0 {}
        isCutShort = false
    }

    /// Ends the sleep under way, or the next one.
    func cutShort() {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        isCutShort = true
        pthread_cond_signal(isOver)
    }
}
