// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Counters side by side, for a set of cases that is fixed. To add costs one instruction that locks a cache line; who adds
/// often has an array of its own, and the reader sums them up.
package final class CounterArray: Sendable {
    /// Most cases: verdicts by action are 48.
    package static let capacity = 48

    private let counts: InlineArray<48, Atomic<Int>> = InlineArray { _ in Atomic(0) }

    package init() {}

    /// - Parameter index: below ``capacity``.
    @inline(__always)
    package func add(at index: Int) { counts[index].add(1, ordering: .relaxed) }

    package func add(_ number: Int, at index: Int) { counts[index].add(number, ordering: .relaxed) }

    /// Adds where no other thread does: without a lock of the cache line.
    @inline(__always)
    package func addAlone(at index: Int) {
        counts[index].store(counts[index].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    package func count(at index: Int) -> Int { counts[index].load(ordering: .relaxed) }
}

extension Collection<CounterArray> {
    /// The sum of all arrays at this place.
    package func sum(at index: Int) -> Int { reduce(0) { $0 + $1.count(at: index) } }
}
