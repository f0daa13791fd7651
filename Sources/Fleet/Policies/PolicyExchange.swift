// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import MTASTS
import PostgreSQL

/// What the machines of a fleet fetch, known to all of them within seconds, and fetched by few of them.
///
/// **Publishing.** What this machine has fetched waits in a ``PolicyOutbox`` and is written in pieces; who writes tells the
/// others by a notice.
///
/// **Receiving.** All rows that have changed are read on a notice, each ten seconds, and from the first one on after each new
/// connection. Each is judged by `PolicyCache.take(_:)`: the database can lengthen what this machine holds, and do no more.
///
/// **Asking.** A lookup that is about to fetch asks first whether another machine has fetched, or does so now
/// (``PolicyQuestions``); so does the refresher. The first one to ask has the claim. Who is asked too late, or cannot be,
/// is not missed: the machine fetches by itself.
package final class PolicyExchange: Sendable {
    /// How long its parts may take.
    package struct Limits: Sendable {
        /// Between looks for what has changed, a fifth more or less.
        package var poll = Duration.seconds(10)
        /// A lookup waits so long to hear whether another machine has the policy.
        package var ask = Duration.milliseconds(200)
        /// And so long, all in all, for one that another machine fetches now.
        package var wait = Duration.milliseconds(1500)
        /// One statement in the background.
        package var background = Duration.seconds(10)
        /// Between two readings of all rows for new connections.
        package var catchUpPause = Duration.seconds(60)

        package init() {}
    }

    /// Between looks for what can be let go of.
    private static let tidyInterval = Duration.seconds(3600)
    /// How long another machine takes to write.
    private static let conflictPause = Duration.milliseconds(30)
    /// Publishing what still waits when the daemon ends may take so long.
    private static let closeTimeout = Duration.seconds(1)
    /// Own fetches at one time because of what others say.
    private static let maxFetches = 8
    /// Own fetches that wait: the rest is found when mail asks.
    private static let maxWaitingFetches = 1000
    /// Policies taken since the start of domains of which nothing was held: no mail has asked for them here.
    static let maxUnasked = 500_000

    struct State {
        var counts = FleetPolicyCounts()
        var outbox = PolicyOutbox()
        /// The last change that was read.
        var last: Int64 = 0
        /// Whether what was read before may no longer be so.
        var isNewConnection = true
        var caughtUp: ContinuousClock.Instant?
        var unasked = 0
        /// Domains that are to be fetched or forgotten by a look of our own.
        var localTasks: [DomainName: LocalTask] = [:]
        var runningTasks = 0
        var isFailing = false
    }

    /// What a row of another machine has this one do by itself.
    enum LocalTask: Sendable {
        case fetch
        case forget(before: UTCTime)
    }

    let node: String
    let limits: Limits
    let clock: any WallClock
    let logger: Logger
    let connection: PolicyConnection
    let forgotten: (any ForgottenPolicies)?
    let state = Locked(State())
    let questions: PolicyQuestions
    private let warnings: RateLimitedLog<PeerWarning>
    private let changeSignal = WakeUp()
    private let publishSignal = WakeUp()

    /// Nothing is connected yet.
    /// - Parameters:
    ///   - node: the identity of this machine's store.
    ///   - forgotten: outlasts the process, so that what an operator had forgotten is published also if the database is away for long.
    package init(
        _ server: FleetServer, node: String, forgotten: (any ForgottenPolicies)? = nil, clock: any WallClock,
        logger: Logger, limits: Limits = Limits()
    ) throws(PostgresError) {
        self.forgotten = forgotten
        self.node = node
        self.limits = limits
        self.clock = clock
        self.logger = logger
        warnings = RateLimitedLog(logger: logger)
        connection = try PolicyConnection(server)
        questions = PolicyQuestions(connection, node: node, limits: limits, logger: logger)
        connection.onChange { [state, changeSignal] isNewConnection in
            if isNewConnection { state.withLock { $0.isNewConnection = true } }
            changeSignal.wake()
        }
    }

    package var counts: FleetPolicyCounts { state.withLock { $0.counts } }
    /// What is not published yet.
    package var waitingCount: Int { state.withLock { $0.outbox.count } }
    /// Whether lookups ask other machines now.
    package var isWorking: Bool { questions.isOpen }

    /// Goes on until the task is cancelled.
    package func run(into cache: PolicyCache) async {
        await restoreForgotten()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.pollLoop(into: cache) }
            group.addTask { await self.publishLoop() }
        }
        let piece = state.withLock { $0.isFailing ? PolicyOutbox.Piece() : $0.outbox.take() }
        if !piece.isEmpty { _ = try? await publish(piece, within: Self.closeTimeout) }
        close()
    }

    /// Has those published that an earlier process could not.
    private func restoreForgotten() async {
        do {
            guard let kept = try await forgotten?.forgottenPolicies(), !kept.isEmpty else { return }
            enqueue { $0.putBack(PolicyOutbox.Piece(forgotten: kept)) }
        } catch {
            logger.warning("which policies were forgotten cannot be read", metadata: ["cause": "\(error)"])
        }
    }

    package func close() {
        questions.close()
        connection.close()
    }

    // MARK: Publishing

    func enqueue(_ change: (inout PolicyOutbox) -> Void) {
        state.withLock { change(&$0.outbox) }
        publishSignal.wake()
    }

    private func publishLoop() async {
        var backoff = Backoff(first: .milliseconds(200), longest: .seconds(30))
        while !Task.isCancelled {
            let piece = state.withLock { $0.outbox.take() }
            guard !piece.isEmpty else {
                await publishSignal.rest(for: .seconds(3600))
                continue
            }
            do throws(FleetError) {
                let count = try await publish(piece, within: limits.background)
                state.withLock { $0.counts.offered += count }
                backoff.reset()
            } catch {
                state.withLock { $0.outbox.putBack(piece) }
                if error.isBusy {
                    try? await Task.sleep(for: Self.conflictPause * Double.random(in: 0.5...2))
                } else {
                    noteFailure(error)
                    await backoff.wait()
                }
            }
        }
    }

    /// - Returns: how many of its policies are newer than what was there.
    private func publish(_ piece: PolicyOutbox.Piece, within limit: Duration) async throws(FleetError) -> Int {
        let count = try await connection.perform(within: limit) { [node] session throws(PostgresError) in
            var count = 0
            if !piece.policies.isEmpty || !piece.forgotten.isEmpty {
                count = try session.transaction { session throws(PostgresError) in
                    try session.lockPolicies()
                    try session.forget(piece.forgotten, by: node)
                    let count = try session.put(piece.policies, by: node)
                    try session.notifyOfPolicies()
                    return count
                }
            }
            // After the rows: whoever gets the claim next finds them.
            let done = piece.released + piece.policies.map(\.domain)
            if !done.isEmpty { try session.release(done, as: node) }
            return count
        }
        // What stays is published once more, which changes nothing.
        if !piece.forgotten.isEmpty { try? await forgotten?.dropForgotten(piece.forgotten) }
        return count
    }

    // MARK: Receiving

    private func pollLoop(into cache: PolicyCache) async {
        var tidied = ContinuousClock.now
        while !Task.isCancelled {
            await read(into: cache)
            if ContinuousClock.now > tidied + Self.tidyInterval {
                tidied = .now
                await tidy()
            }
            await changeSignal.rest(for: limits.poll * Double.random(in: 0.8...1.2))
        }
    }

    private func tidy() async {
        do throws(FleetError) {
            try await connection.perform(within: limits.background) { session throws(PostgresError) in
                try session.tidyPolicies()
            }
        } catch {
            // That the database is away is said of what is read.
            if case .database = error, !Task.isCancelled { warnings.warn(.tidying, ["cause": "\(error)"]) }
        }
    }

    /// Reads what has changed.
    private func read(into cache: PolicyCache) async {
        do throws(FleetError) {
            let began = ContinuousClock.now
            let newest = try await connection.perform(within: limits.background) { session throws(PostgresError) in
                try session.newestPolicyChange()
            }
            // A database that is slow would only hold lookups up.
            if ContinuousClock.now - began < limits.ask { questions.open() } else { questions.shut() }
            noteWorking()
            begin(with: newest)
            while !Task.isCancelled {
                let last = state.withLock { $0.last }
                guard last < newest else { return }
                let rows = try await connection.perform(within: limits.background) { session throws(PostgresError) in
                    try session.policyChanges(after: last)
                }
                guard let end = rows.last else { return }
                for row in rows { await apply(row, into: cache) }
                // A connection that was lost meanwhile has all read again.
                state.withLock { $0.last = PolicyRow.changed(end) }
            }
        } catch {
            questions.shut()
            noteFailure(error)
        }
    }

    /// From where on rows are read.
    private func begin(with newest: Int64) {
        let now = ContinuousClock.now
        state.withLock { state in
            // A database that was put back to an older state counts anew.
            if newest < state.last { state.last = 0 }
            guard state.isNewConnection, state.caughtUp.map({ now >= $0 + limits.catchUpPause }) ?? true else { return }
            state.isNewConnection = false
            state.caughtUp = now
            state.last = 0
        }
    }

    private func apply(_ raw: PostgresRow, into cache: PolicyCache) async {
        do throws(PolicyRow.Defect) {
            let row = try PolicyRow(raw)
            if let time = row.forgottenAt, cache.holds(row.domain, fetchedBy: time) {
                schedule(.forget(before: time), for: row.domain, into: cache)
            }
            let isAwaited = questions.isAwaited(row.domain)
            guard isAwaited || cache.isNews(row.domain, fetchedAt: row.fetchedAt), let policy = try row.policy() else {
                return
            }
            // The lookup that waits for it judges it.
            if isAwaited, questions.answer(policy) { return }
            await judge(policy, into: cache)
        } catch {
            state.withLock { $0.counts.refused += 1 }
            warnings.warn(.row, ["domain": "\(printable(raw[0] ?? ""))", "cause": "\(error)"])
        }
    }

    private func judge(_ policy: CachedPolicy, into cache: PolicyCache) async {
        let isUnasked = !cache.holds(policy.domain)
        guard !isUnasked || state.withLock({ $0.unasked }) < Self.maxUnasked else { return }
        switch await cache.take(policy) {
        case .taken: if isUnasked { state.withLock { $0.unasked += 1 } }
        case .leftAlone: break
        case .fetchedFirst: schedule(.fetch, for: policy.domain, into: cache)
        case .refused:
            state.withLock { $0.counts.refused += 1 }
            warnings.warn(
                .policy,
                ["domain": "\(policy.domain)", "id": "\(printable(policy.id))", "fetched": "\(policy.fetchedAt)"])
        }
    }

    // MARK: Local tasks

    private func schedule(_ task: LocalTask, for domain: DomainName, into cache: PolicyCache) {
        let starts = state.withLock { state in
            guard state.localTasks[domain] != nil || state.localTasks.count < Self.maxWaitingFetches else { return false }
            if case .fetch = task, state.localTasks[domain] != nil { return false }
            state.localTasks[domain] = task
            guard state.runningTasks < Self.maxFetches else { return false }
            state.runningTasks += 1
            return true
        }
        if starts { Task { await runLocalTasks(into: cache) } }
    }

    private func runLocalTasks(into cache: PolicyCache) async {
        while let (domain, task) = state.withLock({ state -> (DomainName, LocalTask)? in
            guard let next = state.localTasks.popFirst() else {
                state.runningTasks -= 1
                return nil
            }
            return (next.key, next.value)
        }) {
            switch task {
            case .fetch:
                if await cache.fetchInstead(domain) { state.withLock { $0.counts.fetchedFirst += 1 } }
            case .forget(let time):
                if await cache.forgetAsTold(domain, before: time) { state.withLock { $0.counts.forgotten += 1 } }
            }
        }
    }

    // MARK: Troubles

    private func noteFailure(_ error: FleetError) {
        let isNew = state.withLock { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        guard isNew, !Task.isCancelled else { return }
        logger.warning("policies are not shared with other machines for now", metadata: ["cause": "\(error)"])
    }

    private func noteWorking() {
        let isOver = state.withLock { state in
            defer { state.isFailing = false }
            return state.isFailing
        }
        if isOver { logger.notice("policies are shared with other machines again") }
    }
}

/// What other machines write that cannot be, and what the database does not let be done.
private enum PeerWarning: RepeatedWarning {
    case row, policy, tidying

    var message: Logger.Message {
        switch self {
        case .row: "row of the fleet's policies is none, it is passed over"
        case .tidying: "old policies cannot be removed from the fleet's database"
        case .policy: "policy of another machine has a time or an id that cannot be, it is passed over"
        }
    }
}

extension FleetError {
    /// Whether others that write were in the way.
    fileprivate var isBusy: Bool {
        guard case .database(let error) = self else { return false }
        return error.cause == .conflict
    }
}
