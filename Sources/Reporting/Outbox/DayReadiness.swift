// SPDX-License-Identifier: Apache-2.0
import Basics

/// Whether all counts of a day are there of which its reports are to be made.
package enum DayReadiness: Sendable, Hashable {
    /// All machines have sent theirs, or work on the reports has begun before.
    case complete
    /// These hosts have not, and have been waited for long enough.
    case overdue([String])
    /// These hosts have not, and are waited for until then.
    case waiting([String], until: UTCTime)
}
