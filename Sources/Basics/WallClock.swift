// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Tells the time, so that tests can set it. It may go back, and jump.
package protocol WallClock: Sendable {
    var now: UTCTime { get }
}

/// The machine's clock.
package struct SystemClock: WallClock {
    package init() {}

    package var now: UTCTime { UTCTime(secondsSinceEpoch: Int64(time(nil))) }
}
