// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing
@testable import Reporting

@Suite("RFC 8460 §5.5: Delivery Retry")
struct RetryPlanTests {
    @Test("pauses double, end at the longest, and never overflow")
    func pauses() {
        let minutes = (0...8).map { RetryPlan.pause(after: $0).components.seconds / 60 }
        #expect(minutes == [5, 10, 20, 40, 80, 160, 240, 240, 240])
        #expect(RetryPlan.pause(after: .max) == RetryPlan.longestPause)
    }

    @Test("a schedule is never before the day is over, nor right after a start")
    func schedule() throws {
        let day = try #require(UTCDay("2026-11-23"))
        let midnight = day.advanced(by: 1).start
        var times: Set<UTCTime> = []
        for number in 0..<50 {
            let schedule = ReportSchedule(source: "mx\(number).example", startedAt: day.start)
            let time = schedule.buildTime(of: day)
            #expect(time >= midnight + ReportSchedule.settlingTime)
            #expect(time < midnight + ReportSchedule.settlingTime + ReportSchedule.jitter)
            times.insert(time)
        }
        #expect(times.count > 25)
        let noon = midnight + .seconds(12 * 3600)
        let restarted = ReportSchedule(source: "mx.example", startedAt: noon)
        #expect(restarted.buildTime(of: day) == noon + ReportSchedule.startingTime)
    }
}
