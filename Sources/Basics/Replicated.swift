// SPDX-License-Identifier: Apache-2.0

/// A value that is read all the time and seldom set: a copy for each of some threads, so that readers do not meet.
///
/// Who sets it changes one copy after the other. When that has returned, all readers see the new value.
@usableFromInline
package final class Replicated<Value: Sendable>: Sendable {
    private static var copies: Int { 16 }

    @usableFromInline let shards: LockedShards<Value>
    /// Those who set the value take turns, so that all copies end as the same.
    private let writer = Locked(())

    package init(_ value: Value) {
        shards = LockedShards(count: Self.copies) { value }
    }

    /// What `body` takes from the value; it must not wait for anything.
    @inlinable
    package func read<Result: Sendable>(_ body: (Value) -> Result) -> Result {
        shards.withLock(shards.indexOfThread) { body($0) }
    }

    /// The value. Where it holds references, ``read(_:)`` leaves their counts alone.
    @inlinable
    package var value: Value { read { $0 } }

    /// Sets what `change` makes of the value, and returns what else it says.
    @discardableResult
    package func change<Result: Sendable>(_ change: (inout Value) -> Result) -> Result {
        writer.withLock { _ in
            var new = value
            let result = change(&new)
            for index in 0..<shards.count { shards.withLock(index) { $0 = new } }
            return result
        }
    }
}
