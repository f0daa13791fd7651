// SPDX-License-Identifier: Apache-2.0
import Basics
import Synchronization

/// A time in which all mail goes, by the operator's command: the milter holds nothing back, and the policy map says of
/// nothing that it is to be enforced. It ends by itself.
package final class Pause: Sendable {
    /// How long it lasts unless the operator says otherwise.
    package static let usualLength = Duration.seconds(2 * 3600)
    /// The longest, so that one that is forgotten is not forgotten for long.
    package static let maxLength = Duration.seconds(7 * 86_400)

    private let clock: any WallClock
    /// Its end, in seconds since 1970; 0 while there is none.
    private let end = Atomic<Int64>(0)

    package init(clock: any WallClock) { self.clock = clock }

    /// Whether all mail goes now; costs a look at a number while there is no pause.
    package var isInForce: Bool { until != nil }

    /// When the pause ends that is in force.
    package var until: UTCTime? {
        let end = end.load(ordering: .relaxed)
        guard end != 0, clock.now.secondsSinceEpoch < end else { return nil }
        return UTCTime(secondsSinceEpoch: end)
    }

    /// Begins, or puts another end.
    package func begin(until time: UTCTime) {
        end.store(time.secondsSinceEpoch, ordering: .sequentiallyConsistent)
    }

    package func stop() { end.store(0, ordering: .sequentiallyConsistent) }
}
