// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Several values of one kind, each under a lock of its own: threads that are at different ones do not meet.
///
/// Each has cache lines of its own, and none is an object, so that no count of references is shared either.
@usableFromInline
package final class LockedShards<Value>: @unchecked Sendable {  // Each `value` is touched under its `mutex` only.
    /// Two lines: processors fetch them in pairs.
    private static var line: Int { 128 }

    @usableFromInline package let count: Int
    @usableFromInline let storage: UnsafeMutableRawPointer
    @usableFromInline let stride: Int

    package init(count: Int, _ value: () -> sending Value) {
        precondition(count > 0)
        self.count = count
        stride = (MemoryLayout<LockedStorage<Value>>.stride + Self.line - 1) / Self.line * Self.line
        storage = .allocate(byteCount: stride * count, alignment: Self.line)
        for index in 0..<count {
            (storage + index * stride).initializeMemory(
                as: LockedStorage<Value>.self, to: LockedStorage(value: value()))
            pthread_mutex_init(&shard(index).pointee.mutex, nil)
        }
    }

    deinit {
        for index in 0..<count {
            pthread_mutex_destroy(&shard(index).pointee.mutex)
            shard(index).deinitialize(count: 1)
        }
        storage.deallocate()
    }

    @inlinable
    func shard(_ index: Int) -> UnsafeMutablePointer<LockedStorage<Value>> {
        (storage + index * stride).assumingMemoryBound(to: LockedStorage<Value>.self)
    }

    /// The shard of a key: the same for equal ones.
    @inlinable
    package func index(of key: some TableKey) -> Int { index(ofHash: key.tableHash) }

    /// The shard of the keys with a hash.
    @inlinable
    package func index(ofHash hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash & 0xFFFF_FFFF) % UInt64(truncatingIfNeeded: count))
    }

    /// A shard for the thread that asks: two threads may share one.
    @inlinable
    package var indexOfThread: Int {
        // Stacks of threads lie at least some pages apart; the product's high bits depend on all of the address.
        Int(truncatingIfNeeded: (UInt64(pthread_self()) >> 12 &* 0x9E37_79B9_7F4A_7C15) >> 32) % count
    }

    /// Runs `body` while nobody else has the value; it must not wait for anything.
    @inlinable
    package func withLock<Result, Failure: Error>(
        _ index: Int, _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        precondition(index >= 0 && index < count)
        let shard = shard(index)
        pthread_mutex_lock(&shard.pointee.mutex)
        defer { pthread_mutex_unlock(&shard.pointee.mutex) }
        return try body(&shard.pointee.value)
    }
}
