// SPDX-License-Identifier: Apache-2.0
import Basics

extension Examination {
    /// Whole days from now until a time of an examination, such as the end of a certificate; below zero for one that has
    /// passed, nil for a text that is no time.
    static func daysUntil(_ time: String, at now: UTCTime) -> Int64? {
        guard let day = UTCDay(time.prefix(10)), time.utf8.count == "2026-11-23T20:43:20Z".utf8.count else {
            return nil
        }
        let parts = time.dropFirst(11).dropLast().split(separator: ":").compactMap { Int64($0) }
        guard parts.count == 3 else { return nil }
        let seconds = day.start.secondsSinceEpoch + parts[0] * 3600 + parts[1] * 60 + parts[2] - now.secondsSinceEpoch
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: UTCDay.seconds)
        return rest < 0 ? days - 1 : days
    }
}
