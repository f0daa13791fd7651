// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// What became of a report that was handed in.
package enum Reception: Sendable, Hashable {
    case stored
    /// It was stored but for sessions of which it does not say whose they are.
    case storedInPart(leftOut: Int)
    /// It was stored before: of the same organisation, with the same id and time, and saying the same.
    case known
    /// It is of a day that is kept no longer, or has not come yet.
    case untimely
    /// So many are kept, of its day and organisation too, that no further one is.
    case full
    /// It tells of no domain.
    case empty
}

/// What others reported of a domain over some days.
package struct ReceivedDomain: Sendable, Hashable {
    /// A kind of failure: what, where, why. Text that others wrote.
    package struct Failure: Sendable, Hashable {
        package let details: FailureDetails
        package var sessions = 0
        package var firstDay: UTCDay
        package var lastDay: UTCDay
        /// Who told of it, in the order of their names.
        package var reporters: [String] = []
    }

    /// Somebody who reports.
    package struct Reporter: Sendable, Hashable {
        package let name: String
        package var reports = 0
        package var successes = 0
        package var failures = 0
    }

    package struct Day: Sendable, Hashable {
        package let day: UTCDay
        package var successes = 0
        package var failures = 0
    }

    /// As it was reported: text that others wrote.
    package let domain: String
    package internal(set) var successes = 0
    package internal(set) var failures = 0
    /// Those of most sessions first.
    package internal(set) var kinds: [Failure] = []
    /// Those with most failures first.
    package internal(set) var reporters: [Reporter] = []
    /// In their order; days of which nothing was reported are missing.
    package internal(set) var days: [Day] = []

    init(_ domain: String) { self.domain = domain }
}

/// What others reported of some days, in numbers.
package struct ReceivedCounts: Sendable, Hashable {
    package var reports = 0
    /// Of the reports, those that tell of a failed session.
    package var failing = 0
    package var successes = 0
    package var failures = 0
    /// When a report of any day was last taken; nil if none is kept.
    package var last: UTCTime?

    package init() {}
}
