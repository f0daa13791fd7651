// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The machine's clock.
package struct SystemClock: WallClock {
    package init() {}

    package var now: UTCTime { UTCTime(secondsSinceEpoch: Int64(time(nil))) }
}
