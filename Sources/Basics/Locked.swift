// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A value that threads take turns at, by a pthread mutex.
///
/// Not `Synchronization.Mutex`: once threads contend for it, that one is handed over by the kernel, thread by thread,
/// which costs a switch for each turn; and ThreadSanitizer, which does not see the kernel do it, reports races that are
/// none.
///
/// Inlinable, so that other modules compile it for their own values: a lock of an unknown type costs several times more.
@usableFromInline
package final class Locked<Value>: @unchecked Sendable {  // `value` is touched under `mutex` only.
    @usableFromInline let storage: UnsafeMutablePointer<LockedStorage<Value>>

    package init(_ value: sending Value) {
        storage = .allocate(capacity: 1)
        storage.initialize(to: LockedStorage(value: value))
        pthread_mutex_init(&storage.pointee.mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(&storage.pointee.mutex)
        storage.deinitialize(count: 1)
        storage.deallocate()
    }

    /// Runs `body` while nobody else has the value; it must not wait for anything.
    @inlinable
    package func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(&storage.pointee.mutex)
        defer { pthread_mutex_unlock(&storage.pointee.mutex) }
        return try body(&storage.pointee.value)
    }
}

@usableFromInline
struct LockedStorage<Value> {
    @usableFromInline var mutex = pthread_mutex_t()
    @usableFromInline var value: Value

    init(value: Value) { self.value = value }
}
