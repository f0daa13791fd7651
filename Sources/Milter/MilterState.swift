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
        /// The first octets of our reports' sender, and which of the eight count: to look at them costs no reference to the
        /// address, which all connections share.
        private let senderBeginning: UInt64
        private let senderMask: UInt64

        fileprivate init(_ value: MilterSettings, generation: Int) {
            self.value = value
            self.generation = generation
            let first = value.reportSender?.local.utf8.prefix(8) ?? ""[...].utf8
            senderBeginning = first.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            senderMask = first.count < 8 ? (1 << UInt64(8 * first.count)) - 1 : .max
        }

        /// Whether octets that are an address may be read as that of our reports' sender: only then they need be read.
        func mayBeReportSender(_ octets: UnsafeRawBufferPointer) -> Bool {
            let start = octets.first == UInt8(ascii: "<") ? 1 : 0
            if octets.count >= start + 8 {
                let first = UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: start, as: UInt64.self))
                guard first & senderMask == senderBeginning else { return false }
            }
            return value.reportSender?.mayBe(octets) == true
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

    /// Whether settings are those in force; takes no lock.
    func isInForce(_ known: Settings) -> Bool { generation.load(ordering: .acquiring) == known.generation }

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
        let decided: DecidedMessages
        let recipientTimes = Histogram(Histogram.memoryBounds)
        let endTimes = Histogram(Histogram.memoryBounds)
        /// Keeps what else is written off the cache lines of the counter.
        private let room = InlineArray<14, Int>(repeating: 0)

        fileprivate init(_ decided: DecidedMessages) { self.decided = decided }

        func begin() { underWay.add(1, ordering: .relaxed) }
        func end() { underWay.subtract(1, ordering: .releasing) }
    }

    private let parts: [Part]
    private let handedOut = Atomic(0)

    init() {
        let budget = DecidedBudget()
        parts = (0..<16).map { _ in Part(DecidedMessages(in: budget)) }
    }

    var verdicts: [CounterArray] { parts.map(\.verdicts) }

    var recipientTimes: Histogram.Counts { parts.map(\.recipientTimes).current }
    var endTimes: Histogram.Counts { parts.map(\.endTimes).current }

    var decided: [DecidedMessages] { parts.map(\.decided) }

    /// The counter of a new connection.
    func part() -> Part { parts[handedOut.add(1, ordering: .relaxed).newValue & 15] }

    var underWay: Int { parts.reduce(0) { $0 + $1.underWay.load(ordering: .acquiring) } }
    var messages: Int { parts.reduce(0) { $0 + $1.messages.load(ordering: .relaxed) } }
}
