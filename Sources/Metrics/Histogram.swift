// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How long something took, by classes. For what waits for the network: a look at the clock is dear beside a verdict from
/// memory.
package final class Histogram: Sendable {
    /// Upper bounds in seconds: from an answer of the resolver's cache to how long an MTA waits.
    package static let bounds: [Double] = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

    package struct Counts: Sendable, Hashable {
        /// One for each bound, and one for what is above all.
        package let buckets: [Int]
        package let seconds: Double
    }

    private let counts: InlineArray<12, Atomic<Int>> = InlineArray { _ in Atomic(0) }
    private let microseconds = Atomic(0)

    package init() {}

    package func note(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let time = Double(seconds) + Double(attoseconds) / 1e18
        let index = Self.bounds.firstIndex { time <= $0 } ?? Self.bounds.count
        counts[index].add(1, ordering: .relaxed)
        microseconds.add(Int(time * 1e6), ordering: .relaxed)
    }

    package var current: Counts {
        Counts(
            buckets: (0...Self.bounds.count).map { counts[$0].load(ordering: .relaxed) },
            seconds: Double(microseconds.load(ordering: .relaxed)) / 1e6)
    }
}
