// SPDX-License-Identifier: Apache-2.0
import Basics

extension Examination {
    /// A certificate that ends in fewer days is warned of: who renews it by hand needs the time.
    static let leastDaysLeft: Int64 = 14

    /// Whole days from now until a time, such as the end of a certificate; below zero for one that has passed.
    static func daysUntil(_ time: UTCTime, at now: UTCTime) -> Int64 {
        let (days, rest) = (time - now).components.seconds.quotientAndRemainder(dividingBy: UTCDay.seconds)
        return rest < 0 ? days - 1 : days
    }
}
