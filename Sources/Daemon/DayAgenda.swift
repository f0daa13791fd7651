// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting

/// When finished days are looked at, so that one that could not be finished is not tried all the time, and that it waits is
/// said once.
struct DayAgenda: Sendable {
    private var nextLooks: [UTCDay: UTCTime] = [:]
    private var waiting: Set<UTCDay> = []

    /// Whether the day's reports may be built by now, and it is not put off.
    func isDue(_ day: UTCDay, _ schedule: ReportSchedule, at now: UTCTime) -> Bool {
        now >= max(schedule.buildTime(of: day), nextLooks[day] ?? day.start)
    }

    /// Leaves a day that could not be finished alone until then.
    mutating func putOff(_ day: UTCDay, until time: UTCTime) { nextLooks[day] = time }

    /// Takes note that a day waits for the counts of machines.
    /// - Returns: whether it did not before.
    mutating func isFirstWait(_ day: UTCDay) -> Bool { waiting.insert(day).inserted }

    /// Lets go of what is past.
    /// - Parameter days: how long after a day it may still wait.
    mutating func prune(at now: UTCTime, keeping days: Int64) {
        nextLooks = nextLooks.filter { $0.value > now }
        waiting = waiting.filter { $0 >= now.day.advanced(by: -days) }
    }
}
