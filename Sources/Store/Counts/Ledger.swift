// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import Metrics
import TLSRPT

/// Counts sessions for the reports: in memory at once, on disk within a second or so.
///
/// While the disk is full or read-only the counts wait in memory, and go to disk when it is back.
package final class Ledger: Recorder, IntakeLedger {
    /// Kinds of failure kept for one domain and day; the rest is summed under their result type.
    package static let maxDetails = 200
    /// Policies kept for one domain and day, such as one that changes with each fetch; the rest is summed without text.
    package static let maxPolicies = 32

    private enum Warning: RepeatedWarning {
        case notWritten
        var message: Logger.Message { "counts for reports cannot be written, they are kept in memory" }
    }

    private let store: Store
    private let clock: any WallClock
    private let warnings: RateLimitedLog<Warning>
    /// Enough that two threads seldom meet.
    private static let shardCount = 16
    private let budget = PendingBudget()
    /// By the key, so that a tally lies in one shard only.
    private let pending: LockedShards<PendingCounts>
    private let written = CounterArray()
    /// The write that ``keepUp()`` has started last.
    private let writing = Locked<Task<Bool, Never>?>(nil)

    /// - Parameter now: by which warnings are a minute apart.
    package init(
        store: Store, clock: any WallClock, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.store = store
        self.clock = clock
        warnings = RateLimitedLog(logger: logger, now: now)
        pending = LockedShards(count: Self.shardCount) { [budget] in PendingCounts(in: budget) }
    }

    package func record(_ outcome: Outcome) {
        // Outside the lock, which is held for the sums only.
        record(SessionCount.counts(of: outcome))
    }

    package func recordConforming(_ judgement: Judgement, at time: UTCTime) {
        let basis = judgement.basis
        guard let domain = basis.policyDomain else { return }
        guard let policy = basis.policy?.policy, basis.hostVouchedForByDANE == nil else {
            if let outcome = Outcome(time: time, judgement) { record(outcome) }
            return
        }
        let day = time.day
        let hash = TallyKey.hash(day, domain, policy.textOctets)
        pending.withLock(pending.index(ofHash: hash)) { $0.addSuccess(hash, day, domain, policy) }
    }

    /// Counts each of the sessions so many times.
    package func record(_ sessions: [SessionCount], times: Int = 1) {
        for session in sessions {
            let key = TallyKey(day: session.day, domain: session.domain, policy: session.policy)
            pending.withLock(pending.index(of: key)) { $0.add(key, failure: session.failure, times: times) }
        }
    }

    /// Writes at each interval until the task is cancelled, and then once more.
    package func run(every interval: Duration = .seconds(1)) async {
        await afterEvery(interval, atEnd: true) { await flush() }
    }

    /// Has written what was counted once that is much, and waits while the write before goes on: who counts faster than the
    /// disk takes it is slowed down, and nothing is lost for want of room.
    package func keepUp() async {
        guard budget.tallyCount >= PendingCounts.maxTallies / 4 else { return }
        // After a failure, ``run(every:)`` tries again.
        guard await writing.withLock({ $0 })?.value ?? true else { return }
        let task = Task { await write() }
        writing.withLock { $0 = task }
    }

    /// Writes what was counted so far in one transaction.
    /// - Returns: whether it is on disk; if not, it stays in memory for the next time.
    @discardableResult
    package func flush() async -> Bool {
        _ = await writing.withLock { $0.take() }?.value
        return await write()
    }

    private func write() async -> Bool {
        let counts = (0..<pending.count).map { index in pending.withLock(index) { $0.take() } }
        guard !counts.allSatisfy(\.isEmpty) else { return true }
        do throws(StoreError) {
            let tallies = counts.map(\.tallies)
            try await store.write { db in try Store.add(tallies, to: db) }
            note(tallies)
            noteWritten(lost: counts.reduce(0) { $0 + $1.lost })
            return true
        } catch {
            var waiting = (tallies: 0, lost: 0)
            for (index, counts) in counts.enumerated() {
                let (tallies, lost) = pending.withLock(index) { pending in
                    pending.add(counts)
                    return (pending.tallies.count, pending.lost)
                }
                waiting.tallies += tallies
                waiting.lost += lost
            }
            warn(of: error, waiting: waiting.tallies, lost: waiting.lost)
            return false
        }
    }

    /// Writes counts and mark in one transaction, apart from the counts that wait in memory.
    ///
    /// Nothing of it stays in memory when it fails, since the log still has it.
    package func commit(_ sessions: [SessionCount], mark: IntakeMark) async throws(StoreError) {
        var counts = PendingCounts(in: nil)
        for session in sessions { counts.add(session) }
        let tallies = counts.tallies
        let now = clock.now
        try await store.write { db in
            try Store.add([tallies], to: db)
            try Store.save(mark, at: now, to: db)
        }
        note([tallies])
    }

    /// Sessions that were written since the start, by the type of their policy, and those lost for want of room.
    package var sessions: (counts: [(type: PolicyType, successes: Int, failures: Int)], lost: Int) {
        let counts = PolicyType.allCases.enumerated().map { place, type in
            (type, written.count(at: 2 * place), written.count(at: 2 * place + 1))
        }
        return (counts, written.count(at: Self.lostPlace))
    }

    private static let lostPlace = 2 * PolicyType.allCases.count

    private func note(_ tallies: [TallyTable]) {
        for row in tallies.lazy.flatMap(\.rows) {
            let place = 2 * row.key.policy.typePlace
            written.add(row.tally.successes, at: place)
            written.add(row.tally.failures, at: place + 1)
        }
    }

    package func mark(of source: String) async throws(StoreError) -> IntakeMark? {
        try await store.intakeMark(of: source)
    }

    private func noteWritten(lost: Int) {
        written.add(lost, at: Self.lostPlace)
        let wasFailing = warnings.end(.notWritten)
        if wasFailing || lost > 0 {
            warnings.logger.notice("counts for reports are written again", metadata: ["sessions_lost": "\(lost)"])
        }
    }

    private func warn(of error: StoreError, waiting: Int, lost: Int) {
        warnings.warn(
            .notWritten,
            ["cause": "\(error)", "tallies_waiting": "\(waiting)", "sessions_lost": "\(lost)"])
    }
}

extension AppliedPolicy {
    /// The place of its type among all of them; that of no policy for a type of somebody else's.
    fileprivate var typePlace: Int {
        let type: PolicyType =
            switch self {
            case .sts: .sts
            case .reported(let policy): PolicyType(rawValue: policy.type.text) ?? .noPolicyFound
            }
        return PolicyType.allCases.firstIndex(of: type) ?? 0
    }
}
