// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import TestKit
import Testing

@Suite("Work that is done again and again ends with its task")
struct PeriodicTests {
    private static let never = Duration.seconds(86_400)

    @Test("begins at once, or after the first pause, and goes on", .timeLimit(.minutes(1)))
    func goesOn() async {
        let done = Locked([0, 0])
        let tasks = [
            Task { await every(.milliseconds(1)) { done.withLock { $0[0] += 1 } } },
            Task { await afterEvery(.milliseconds(1)) { done.withLock { $0[1] += 1 } } },
        ]
        #expect(await eventually { done.withLock { $0[0] > 2 && $0[1] > 2 } })
        for task in tasks {
            task.cancel()
            await task.value
        }
        let ended = done.withLock { $0 }
        await settle()
        #expect(done.withLock { $0 } == ended)
    }

    @Test(
        "a pause that is cut short is followed by work only where that is wanted", arguments: [(false, 0), (true, 1)])
    func cutShort(_ atEnd: Bool, _ times: Int) async {
        let done = Locked(0)
        let task = Task { await afterEvery(Self.never, atEnd: atEnd) { done.withLock { $0 += 1 } } }
        task.cancel()
        await task.value
        #expect(done.withLock { $0 } == times)
    }

    @Test("what begins at once is not done again after a pause that is cut short")
    func notAgain() async {
        let done = Locked(0)
        let task = Task { await every(Self.never) { done.withLock { $0 += 1 } } }
        #expect(await eventually { done.withLock { $0 } == 1 })
        task.cancel()
        await task.value
        #expect(done.withLock { $0 } == 1)
    }

    @Test("a trouble is said once when it begins and once when it is over, each kind by itself")
    func troubles() {
        var troubles = OngoingTroubles<String>()
        func begins(_ kind: String) -> Bool { troubles.begins(kind) }
        func ends(_ kind: String) -> Bool { troubles.ends(kind) }
        #expect(!ends("clock"))
        #expect(begins("clock"))
        #expect(!begins("clock") && troubles.contains("clock"))
        #expect(begins("database"))
        #expect(ends("clock"))
        #expect(!ends("clock") && !troubles.contains("clock") && troubles.contains("database"))
        #expect(begins("clock"))
    }
}
