// SPDX-License-Identifier: Apache-2.0
import Basics
import Synchronization

/// Which keys were asked for in the current second: what is asked for once is not worth keeping an answer for.
///
/// A key has one place, and the last to come has it: so a key that was noted may be forgotten, and one in some millions is
/// taken for another.
package final class RecentKeys: Sendable {
    private static let placeCount = 1024

    /// The upper part of the hash of the last key, above the second in which it came.
    private let places: InlineArray<1024, Atomic<UInt64>> = InlineArray { _ in Atomic(0) }

    package init() {}

    /// Notes a key by its hash.
    /// - Returns: whether it was noted in this second already.
    package func note(_ hash: UInt64, at now: UTCTime) -> Bool {
        let second = UInt64(truncatingIfNeeded: now.secondsSinceEpoch) & 0xFFFF
        let place = Int(truncatingIfNeeded: hash) & (Self.placeCount - 1)
        let tag = hash & ~0xFFFF
        if places[place].load(ordering: .relaxed) == tag | second { return true }
        places[place].store(tag | second, ordering: .relaxed)
        return false
    }
}
