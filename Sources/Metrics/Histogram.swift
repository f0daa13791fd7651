// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How long something took, by classes. To note costs a look at the bounds and two instructions that lock a cache line: who
/// notes often has a histogram of its own, and the reader sums them up. A look at the clock is the dearer part.
package final class Histogram: Sendable {
    /// Upper bounds in seconds of what waits for the network: from an answer of the resolver's cache to how long an MTA
    /// waits.
    package static let networkBounds: [Double] = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
    /// Of what is mostly answered from memory: from such an answer to the longest wait for a lookup.
    package static let memoryBounds: [Double] = [0.0001, 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    package struct Counts: Sendable, Hashable {
        /// Upper bounds of the classes, in seconds.
        package let bounds: [Double]
        /// One for each bound, and one for what is above all.
        package let buckets: [Int]
        package let seconds: Double

        /// How often something was noted.
        package var count: Int { buckets.reduce(0, +) }
    }

    private let bounds: [Double]
    /// The bounds in nanoseconds.
    private let limits: InlineArray<11, Int>
    private let counts: InlineArray<12, Atomic<Int>> = InlineArray { _ in Atomic(0) }
    private let nanoseconds = Atomic(0)

    /// - Parameter bounds: eleven at most, the lowest first.
    package init(_ bounds: [Double] = networkBounds) {
        self.bounds = bounds
        limits = InlineArray { $0 < bounds.count ? Int((bounds[$0] * 1e9).rounded()) : .max }
    }

    package func note(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        note(nanoseconds: Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }

    @inline(__always)
    package func note(nanoseconds time: Int) {
        var index = 0
        while index < limits.count, time > limits[index] { index += 1 }
        counts[index].add(1, ordering: .relaxed)
        nanoseconds.add(time, ordering: .relaxed)
    }

    package var current: Counts {
        let buckets = (0..<bounds.count).map { counts[$0].load(ordering: .relaxed) }
        let above = (bounds.count..<counts.count).reduce(0) { $0 + counts[$1].load(ordering: .relaxed) }
        return Counts(
            bounds: bounds, buckets: buckets + [above], seconds: Double(nanoseconds.load(ordering: .relaxed)) / 1e9)
    }
}

extension Collection<Histogram> {
    /// The sum of all of them, which have the same bounds.
    package var current: Histogram.Counts {
        let all = map(\.current)
        guard let first = all.first else { return Histogram.Counts(bounds: [], buckets: [0], seconds: 0) }
        return all.dropFirst().reduce(first) { sum, next in
            Histogram.Counts(
                bounds: sum.bounds, buckets: zip(sum.buckets, next.buckets).map { $0 + $1 },
                seconds: sum.seconds + next.seconds)
        }
    }
}
