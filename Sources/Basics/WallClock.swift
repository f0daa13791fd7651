// SPDX-License-Identifier: Apache-2.0

/// Tells the time, so that tests can set it. It may go back, and jump.
package protocol WallClock: Sendable {
    var now: UTCTime { get }
}
