// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import Testing

@testable import Daemon

@Suite("When a finished day is looked at")
struct DayAgendaTests {
    private let day = UTCDay(daysSinceEpoch: 20_000)
    private let schedule = ReportSchedule(source: "mx.example")

    @Test("a day is due once its reports may be built, and not again while it is put off")
    func due() {
        var agenda = DayAgenda()
        let first = schedule.buildTime(of: day)
        #expect(!agenda.isDue(day, schedule, at: first - .seconds(1)))
        #expect(agenda.isDue(day, schedule, at: first))
        agenda.putOff(day, until: first + .seconds(3600))
        #expect(!agenda.isDue(day, schedule, at: first + .seconds(3599)))
        #expect(agenda.isDue(day.advanced(by: -1), schedule, at: first), "others are not put off with it")
        #expect(agenda.isDue(day, schedule, at: first + .seconds(3600)))
        agenda.prune(at: first + .seconds(3600), keeping: 2)
        #expect(agenda.isDue(day, schedule, at: first), "what is past is let go of")
    }

    @Test("that it waits is said once, and again only of a day so old that it was let go of")
    func waits() {
        var agenda = DayAgenda()
        func isFirstWait(_ day: UTCDay) -> Bool { agenda.isFirstWait(day) }
        #expect(isFirstWait(day) && isFirstWait(day.advanced(by: 1)))
        #expect(!isFirstWait(day))
        agenda.prune(at: day.advanced(by: 2).start, keeping: 2)
        #expect(!isFirstWait(day))
        agenda.prune(at: day.advanced(by: 3).start, keeping: 2)
        #expect(isFirstWait(day) && !isFirstWait(day.advanced(by: 1)))
    }
}
