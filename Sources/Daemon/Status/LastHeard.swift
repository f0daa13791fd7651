// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// When an MTA last asked, seen by counters that have grown: so no question pays for a look at the clock.
final class LastHeard: Sendable {
    /// Between looks; what is told is as old as this at most.
    private static let interval = Duration.seconds(5)

    private struct State {
        var count = 0
        var at: UTCTime?
    }

    private let counters: [@Sendable () -> Int]
    private let states: Locked<[State]>
    private let clock: any WallClock

    /// - Parameter counters: what was asked since the start, one for each way of asking.
    init(clock: any WallClock, _ counters: [@Sendable () -> Int]) {
        self.clock = clock
        self.counters = counters
        states = Locked(counters.map { _ in State() })
    }

    /// Looks again and again until the task is cancelled.
    func run() async {
        await every(Self.interval) { _ = times }
    }

    /// When each was last asked; nil if it was not.
    var times: [UTCTime?] {
        let now = clock.now
        let counts = counters.map { $0() }
        return states.withLock { states in
            for (index, count) in counts.enumerated() where count != states[index].count {
                states[index] = State(count: count, at: now)
            }
            return states.map(\.at)
        }
    }
}
