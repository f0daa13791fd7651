// SPDX-License-Identifier: Apache-2.0
import Basics

/// A clock that the test sets; it stands still between.
package final class TestClock: WallClock {
    private let time: Locked<UTCTime>

    /// - Parameter time: by default some day in 2026.
    package init(_ time: UTCTime = UTCTime(secondsSinceEpoch: 1_790_000_000)) { self.time = Locked(time) }

    package var now: UTCTime { time.withLock { $0 } }
    package func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
    package func set(_ new: UTCTime) { time.withLock { $0 = new } }
}
