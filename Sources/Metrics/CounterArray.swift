// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Counters side by side, for a set of cases that is fixed. To add costs one instruction that locks a cache line; who adds
/// often has an array of its own, and the reader sums them up.
package final class CounterArray: Sendable {
    /// Most cases: verdicts by action are 56.
    package static let capacity = 64

    private let counts: InlineArray<64, Atomic<Int>> = InlineArray { _ in Atomic(0) }

    package init() {}

    /// - Parameter index: below ``capacity``. What is not is not counted: no count is worth the end of the daemon.
    @inline(__always)
    package func add(at index: Int) { add(1, at: index) }

    @inline(__always)
    package func add(_ number: Int, at index: Int) {
        guard index < Self.capacity else { return }
        counts[index].add(number, ordering: .relaxed)
    }

    /// Adds where no other thread does: without a lock of the cache line.
    @inline(__always)
    package func addAlone(at index: Int) {
        guard index < Self.capacity else { return }
        counts[index].store(counts[index].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    package func count(at index: Int) -> Int {
        index < Self.capacity ? counts[index].load(ordering: .relaxed) : 0
    }
}

extension Collection<CounterArray> {
    /// The sum of all arrays at this place.
    package func sum(at index: Int) -> Int { reduce(0) { $0 + $1.count(at: index) } }
}
