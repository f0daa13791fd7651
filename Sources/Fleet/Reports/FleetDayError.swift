// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why the work on a day of the fleet does not go on. Nothing was written after it.
package enum FleetDayError: Error, Sendable, Hashable {
    /// Another machine has the day, or it is ended, or not over.
    case notOurs(UTCDay)
    /// It was ours, and another machine has taken it since.
    case lost(UTCDay)
    /// Counts have come since the day's were added up: it goes on with them later.
    case moreCounts(UTCDay)
    /// What a machine has sent cannot be read. The day waits until it can be, or is gone.
    case unreadable(UTCDay, node: String, number: Int64, why: String)
}

extension FleetDayError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notOurs(let day): "\(day): another machine makes its reports, or they are made"
        case .lost(let day): "\(day): another machine has taken its reports over"
        case .moreCounts(let day): "\(day): more counts have come"
        case .unreadable(let day, let node, let number, let why):
            "\(day): batch \(number) of node \(node) cannot be read (\(why)); if that machine has a later version, upgrade here; "
                + "to report without it: UPDATE sts.batch SET skipped = true WHERE node = '\(node)' AND number = \(number)"
        }
    }
}
