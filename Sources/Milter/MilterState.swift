// SPDX-License-Identifier: Apache-2.0
import Basics
import EventLog
import Logging
import Metrics
import Synchronization

/// What all connections share.
final class MilterState: Sendable {
    /// Settings in a box, so that a message takes them with one reference. Each connection has a box of its own: the count of
    /// references to one box would lie on a cache line that all threads take from each other.
    final class Settings: Sendable {
        let value: MilterSettings
        fileprivate let generation: Int

        fileprivate init(_ value: MilterSettings, generation: Int) {
            self.value = value
            self.generation = generation
        }
    }

    let judge: any RecipientJudge
    let clock: any WallClock
    let logger: Logger
    /// Takes the lines of verdicts.
    let log: LogSink
    let lookups = BlockingLookups()
    let callbacks = CallbackCount()
    /// By the place of the result type among all of them.
    let violations = CounterArray()
    /// How long callbacks wait for a lookup.
    let waits = Histogram()
    /// Connections whose state is alive.
    let sessions = Atomic(0)
    private let current: Locked<Settings>
    /// Of the settings in force.
    private let generation = Atomic(0)

    init(
        settings: MilterSettings, judge: any RecipientJudge, clock: any WallClock = SystemClock(), logger: Logger,
        log: LogSink
    ) {
        self.judge = judge
        self.clock = clock
        self.logger = logger
        self.log = log
        current = Locked(Settings(settings, generation: 0))
    }

    /// The settings in force, in a box for who asks.
    var settings: Settings { current.withLock { Settings($0.value, generation: $0.generation) } }

    /// The settings in force; takes no lock as long as they are those known.
    func settings(since known: Settings) -> Settings {
        generation.load(ordering: .acquiring) == known.generation ? known : settings
    }

    func apply(_ settings: MilterSettings) {
        current.withLock { current in
            current = Settings(settings, generation: current.generation + 1)
            generation.store(current.generation, ordering: .releasing)
        }
    }
}

/// Counts the callbacks under way. Connections share some counters, which lie apart, so that threads do not take one cache
/// line from each other at each callback.
final class CallbackCount: Sendable {
    final class Part: Sendable {
        let underWay = Atomic(0)
        /// Messages that have begun since the start.
        let messages = Atomic(0)
        /// By ``VerdictPlace``.
        let verdicts = CounterArray()
        let decided = DecidedMessages()
        let recipientTimes = Histogram(Histogram.memoryBounds)
        let endTimes = Histogram(Histogram.memoryBounds)
        /// Keeps what else is written off the cache lines of the counter.
        private let room = InlineArray<14, Int>(repeating: 0)
    }

    private let parts = (0..<16).map { _ in Part() }
    private let handedOut = Atomic(0)

    var verdicts: [CounterArray] { parts.map(\.verdicts) }

    var recipientTimes: Histogram.Counts { parts.map(\.recipientTimes).current }
    var endTimes: Histogram.Counts { parts.map(\.endTimes).current }

    var decided: [DecidedMessages] { parts.map(\.decided) }

    /// The counter of a new connection.
    func part() -> Part { parts[handedOut.add(1, ordering: .relaxed).newValue & 15] }

    var underWay: Int { parts.reduce(0) { $0 + $1.underWay.load(ordering: .acquiring) } }
    var messages: Int { parts.reduce(0) { $0 + $1.messages.load(ordering: .relaxed) } }
}
