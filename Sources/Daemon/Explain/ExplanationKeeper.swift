// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import Milter
import Store

/// Writes what was decided about messages, and what the MTA's log said of their deliveries, for `sts-milter explain`.
///
/// Nothing rests on it: what finds no room, or cannot be written, costs an explanation. It is written a second later, by
/// no thread that answers an MTA.
final class ExplanationKeeper: Sendable {
    /// Between two writes.
    private static let interval = Duration.seconds(1)
    /// Messages written at a time, the plain ones left out first: past that a busy site pays for what nobody asks for. The
    /// milter holds no more plain ones between two writes.
    private static let maxMessages = 1000
    /// Sessions of logs that wait to be written.
    private static let maxDeliveries = 2000
    /// What may be written before the first look at how much is kept; and the longest time between two looks, at which what
    /// has run out goes.
    private static let firstBudget = ExplanationBudget(rows: 5000, octets: 8 << 20)
    private static let trimInterval = Duration.seconds(600)

    private enum Warning: RepeatedWarning {
        case notWritten
        var message: Logger.Message { "what was decided about messages cannot be written, explain will not know them" }
    }

    private let store: Store
    private let clock: any WallClock
    private let warnings: RateLimitedLog<Warning>
    private let keptFor: Locked<Duration>
    private let waiting = Locked<[ExplanationRow]>([])

    init(store: Store, keptFor: Duration, clock: any WallClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.keptFor = Locked(keptFor)
        warnings = RateLimitedLog(logger: logger)
    }

    /// Takes another time for which rows are kept.
    func apply(_ keptFor: Duration) { self.keptFor.withLock { $0 = keptFor } }

    /// Takes note of what a log tells; what has no queue id, or is too old to be kept, is left out.
    func note(_ sessions: [ObservedSession], refusal: (ObservedSession) -> MapRefusal?) {
        let keptFor = keptFor.withLock { $0 }
        guard keptFor > .zero else { return }
        let oldest = clock.now - keptFor
        let rows = sessions.compactMap { session -> ExplanationRow? in
            guard let id = session.queueID.flatMap(QueueID.init), session.time > oldest else { return nil }
            let refusal = session.result == .refusedByMap ? refusal(session) : nil
            let body = Explanation.Delivery(session, refusal).octets
            return ExplanationRow(queueID: id.text, time: session.time, origin: .intake, body: body)
        }
        guard !rows.isEmpty else { return }
        waiting.withLock { waiting in
            waiting += rows.prefix(max(0, Self.maxDeliveries - waiting.count))
        }
    }

    /// Writes at each interval until the task is cancelled, and then once more.
    /// - Parameter decided: takes what the milter has decided.
    func run(_ decided: @Sendable () -> [DecidedMessage]) async {
        var (budget, trimAt) = (Self.firstBudget, ContinuousClock.now)
        await afterEvery(Self.interval, atEnd: true) {
            for row in await write(decided()) { budget.take(row) }
            guard budget.isUsedUp || ContinuousClock.now >= trimAt else { return }
            trimAt = ContinuousClock.now + Self.trimInterval
            budget = await trim() ?? Self.firstBudget
        }
    }

    /// - Returns: the rows that were written.
    func write(_ messages: [DecidedMessage]) async -> [ExplanationRow] {
        var kept = messages
        if kept.count > Self.maxMessages {
            kept = Array((kept.filter { !$0.isPlain } + kept.filter(\.isPlain)).prefix(Self.maxMessages))
        }
        var rows = kept.compactMap(Self.row)
        waiting.withLock { waiting in
            rows += waiting
            waiting.removeAll(keepingCapacity: true)
        }
        guard !rows.isEmpty else { return [] }
        do throws(StoreError) {
            try await store.keep(rows)
            return rows
        } catch {
            warnings.warn(.notWritten, ["cause": "\(error)"])
            return []
        }
    }

    /// Lets go of what is kept no longer.
    /// - Returns: how much may be kept from now on; nil where the store did not say.
    func trim() async -> ExplanationBudget? {
        do throws(StoreError) {
            return try await store.trimExplanations(before: clock.now - keptFor.withLock { $0 })
        } catch {
            warnings.warn(.notWritten, ["cause": "\(error)"])
            return nil
        }
    }

    private static func row(_ message: DecidedMessage) -> ExplanationRow? {
        guard let id = QueueID(message.queueID) else { return nil }
        var told = Explanation.Message(message)
        while true {
            let body = told.octets
            guard body.count > ExplanationBounds.bodyOctets else {
                return ExplanationRow(queueID: id.text, time: message.endedAt, origin: .milter, body: body)
            }
            guard told.recipients.count > 1 else { return nil }
            told.halve()
        }
    }
}

/// Counts sessions, and has them told to who explains messages.
struct ExplainedSessions: SessionCounter {
    let counter: SessionAccounting
    let keeper: ExplanationKeeper

    func counts(of sessions: [ObservedSession]) async -> [SessionCount] {
        keeper.note(sessions) { counter.refusal(of: $0) }
        return await counter.counts(of: sessions)
    }
}
