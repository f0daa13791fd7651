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
/// (``PeerLookups``); so does the refresher. The first one to ask has the claim. Who is asked too late, or cannot be,
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

    /// Publishing what still waits when the daemon ends may take so long.
    private static let closeTimeout = Duration.seconds(1)
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
        var troubles = OngoingTroubles<Trouble>()
    }

    enum Trouble: Sendable { case database }

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
    let lookups: PeerLookups
    let warnings: RateLimitedLog<PeerWarning>
    let changeSignal = WakeUp()
    let publishSignal = WakeUp()

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
        lookups = PeerLookups(connection, node: node, limits: limits, logger: logger)
        connection.onChange { [state, changeSignal] isNewConnection in
            if isNewConnection { state.withLock { $0.isNewConnection = true } }
            changeSignal.wake()
        }
    }

    package var counts: FleetPolicyCounts { state.withLock { $0.counts } }
    /// What is not published yet.
    package var waitingCount: Int { state.withLock { $0.outbox.count } }
    /// Whether lookups ask other machines now.
    package var isWorking: Bool { lookups.isActive }

    /// Goes on until the task is cancelled.
    package func run(into cache: PolicyCache) async {
        await restoreForgotten()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.pollLoop(into: cache) }
            group.addTask { await self.publishLoop() }
        }
        let piece = state.withLock { $0.troubles.contains(.database) ? PolicyOutbox.Piece() : $0.outbox.take() }
        if !piece.isEmpty { _ = try? await publish(piece, within: Self.closeTimeout) }
        close()
    }

    package func close() {
        lookups.close()
        connection.close()
    }

    // MARK: Troubles

    func noteFailure(_ error: FleetError) {
        guard state.withLock({ $0.troubles.begins(.database) }), !Task.isCancelled else { return }
        logger.warning("policies are not shared with other machines for now", metadata: ["cause": "\(error)"])
    }

    func noteWorking() {
        guard state.withLock({ $0.troubles.ends(.database) }) else { return }
        logger.notice("policies are shared with other machines again")
    }
}
