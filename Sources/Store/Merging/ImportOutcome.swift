// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting

/// What became of one machine's counts of one day.
package enum ImportOutcome: Sendable, Hashable {
    case stored
    /// They took the place of an earlier export of the same machine and day.
    case replaced
    /// The same counts are here already.
    case known
    /// The machine has counted nothing, and the day's reports are begun: there is nothing to add.
    case empty
    case refused(ImportRefusal)

    package var isTaken: Bool {
        switch self {
        case .stored, .replaced, .known, .empty: true
        case .refused: false
        }
    }
}

/// Why counts are not taken. Those of other days and machines in the same file are.
package enum ImportRefusal: Sendable, Hashable {
    /// The work on the day's reports has begun: a second report of the day would be wrong, and the first has its counts.
    case reported
    /// A later export of the same machine and day was taken before.
    case older
    /// They were counted by this store itself.
    case own
    /// This machine has exported the day itself, and reports nothing of it.
    case exported
    /// The fleet reports the day, and this machine's counts of it are in its database.
    case shared
    /// Counts of the same store and day have come from another machine: one of them has a copy of the other's store.
    case copied(host: String)
    case notOver
    /// The day is older than what is kept.
    case past
}

/// One document of a file, and what became of it.
package struct ImportedCounts: Sendable, Hashable {
    package let head: CountsHead
    package let sessions: Int
    package let outcome: ImportOutcome
}
