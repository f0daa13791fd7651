// SPDX-License-Identifier: Apache-2.0
import Basics

/// What is left of the deliveries.
package struct OpenDeliveries: Sendable, Hashable {
    package let count: Int
    /// Those that some process works on.
    package let claimed: Int
    /// When the last of these is free again, should its process be gone.
    package let claimedUntil: UTCTime?
    /// When the first of the others is tried next.
    package let nextTry: UTCTime?

    package init(count: Int, claimed: Int, claimedUntil: UTCTime?, nextTry: UTCTime?) {
        self.count = count
        self.claimed = claimed
        self.claimedUntil = claimedUntil
        self.nextTry = nextTry
    }
}

extension OpenDeliveries: CustomStringConvertible {
    package var description: String {
        let left = count == 1 ? "1 delivery is left" : "\(count) deliveries are left"
        if let claimedUntil {
            return
                "\(left): \(claimed) under way by another process (if it was killed, until \(claimedUntil)), and others to the same hosts wait for them"
        }
        guard let nextTry else { return "no delivery is left" }
        return "\(left), the next at \(nextTry)"
    }
}
