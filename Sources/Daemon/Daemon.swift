// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Core
import EventLog
import Logging
import Settings
import Store

/// The daemon: store, network, core and servers, wired together.
///
/// **Start.** ``init(_:logger:log:mapLimit:)`` opens the store, reads its policies into memory, the most of a large store
/// while it serves (``PolicyLoading``), and makes the adapters that ask the network: ``PolicyParts``. On one policy cache
/// stand the gate, which judges mail for the milter, and the policy map: ``JudgingParts``.
/// ``start()`` takes the sockets and answers on them (``Listeners``): first the commands', then the policy map's, then the
/// milter's.
///
/// **Serve.** ``run(until:)`` does what is done beside answering. ``Maintenance`` writes what waits, refreshes policies
/// and lets go of what has run out; ``DeliveryIntake`` counts what the MTA says of its deliveries; ``ReportScheduler``
/// reports the days that are over.
///
/// **Reload.** ``reload(_:)`` takes all of new settings, or nothing where their adapters cannot be made. ``Network``
/// exchanges the adapters; questions under way are answered by the old ones.
///
/// **Stop.** What began last ends first: no new mail, the verdicts under way, intake and reports, maintenance, the
/// commands; then what memory alone holds is written. ``Service`` is the process around it: signals, log, exit code.
package final class Daemon: Sendable {
    /// How long reports under way may take at the end: service managers do not wait for a slow destination.
    private static let reportTime = Duration.seconds(5)
    /// How long it may take to tell the fleet the last policies.
    private static let farewellTime = Duration.seconds(2)

    private let settings: SettingsInForce
    private let logger: Logger
    private let policies: PolicyParts
    private let judging: JudgingParts
    private let deliveries: DeliveryParts
    private let reporting: ReportingParts
    private let listeners: Listeners

    /// Opens the store and all that verdicts need, but serves nobody yet.
    /// - Parameter mapLimit: how long mail may wait for its question to the policy map.
    package init(
        _ settings: Settings, logger: Logger, log: LogSink, mapLimit: Duration = MapUse.usualLimit
    ) async throws {
        let current = SettingsInForce(settings)
        self.settings = current
        self.logger = logger
        policies = try await PolicyParts(settings, logger: logger)
        judging = await JudgingParts(settings, on: policies, mapLimit: mapLimit, logger: logger)
        deliveries = try DeliveryParts(settings, on: policies, judging, logger: logger)
        reporting = try await ReportingParts(current, on: policies, deliveries, logger: logger)
        listeners = Listeners(
            current, on: policies, judging, deliveries, reporting, logger: logger, log: log)
    }

    /// Serves the MTA and the commands; returns when both can connect. Without ``run(until:)`` nothing else is done.
    package func start() async throws {
        await deliveries.ownReports.refresh()
        try await listeners.start { [self] in await answer($0) }
        logger.notice(
            "serving",
            metadata: ["socket": "\(settings.value.milter.socket)", "version": "\(Settings.version)"])
    }

    /// Goes on until `stop` returns, or the milter ends by itself; then ends in the reverse order of the start. To be
    /// called once, after ``start()``.
    /// - Parameter stop: must return soon once its task is cancelled.
    /// - Throws: why it could not go on: the milter ended by itself, or the store cannot be read to its end.
    package func run(until stop: @escaping @Sendable () async -> Void) async throws {
        var failure: (any Error)?
        await withDiscardingTaskGroup { group in
            group.addTask { await self.maintenance.run() }
            group.addTask {
                await self.deliveries.explanations.run { self.listeners.milter.server.takeDecided() }
            }
            group.addTask { await self.sharePolicies() }
            group.addTask { await self.judging.pauseControl.run() }
            group.addTask { await self.listeners.reporter.run() }
            group.addTask { await MappedFiles.letGoOnceSettled() }
            await withDiscardingTaskGroup { group in
                group.addTask { await self.deliveries.intake.run() }
                group.addTask { await self.report() }
                group.addTask { await self.reporting.watch.run() }
                group.addTask { await self.reporting.maildir.run() }
                group.addTask { await self.reporting.fleet?.run() }
                failure = await self.failure(before: stop)
                if await !listeners.stopForMTA() { logger.warning("verdicts under way were cut off") }
                group.cancelAll()
            }
            group.cancelAll()
        }
        await listeners.stopForPeople()
        await save()
        if let failure { throw failure }
    }

    /// Loads the rest of the store, and waits until `stop` returns; or until the daemon cannot go on, and returns why.
    private func failure(before stop: @escaping @Sendable () async -> Void) async -> (any Error)? {
        let (milter, loading) = (listeners.milter, policies.loading)
        return await withTaskGroup(of: (any Error)?.self) { [logger] group in
            group.addTask {
                let failure = await milter.failure(before: stop)
                if let failure { logger.critical("the milter ended", metadata: ["cause": "\(failure)"]) }
                return failure
            }
            group.addTask {
                do {
                    try await loading.run()
                    await untilCancelled()
                    return nil
                } catch {
                    logger.critical("the stored policies cannot be read", metadata: ["cause": "\(error)"])
                    return error
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    private var maintenance: Maintenance {
        Maintenance(
            store: policies.store, table: policies.table, ledger: policies.ledger, policyCache: policies.cache,
            refresher: PolicyRefresher(policies.cache), overrides: policies.overrides, clock: policies.clock,
            mapUse: judging.mapUse, logger: logger, sweep: { self.sweep() }, retryDNSSEC: { await self.retryDNSSEC() })
    }

    /// Shares policies with the fleet until the task is cancelled; a database that is silent then is not waited for.
    private func sharePolicies() async {
        guard let exchange = policies.exchange else { return }
        let work = Task { [cache = policies.cache] in await exchange.run(into: cache) }
        await untilCancelled()
        work.cancel()
        if await !work.hasEnded(within: Self.farewellTime) { exchange.close() }
    }

    /// Reports until the task is cancelled. Reports under way are then brought to their end, but not for long.
    private func report() async {
        let work = Task { [reports = reporting.reports, ownReports = deliveries.ownReports] in
            await withDiscardingTaskGroup { group in
                group.addTask { await ownReports.run() }
                group.addTask { await reports.run() }
            }
        }
        await untilCancelled()
        work.cancel()
        if await !work.hasEnded(within: Self.reportTime) {
            logger.warning("reports under way were cut off: they may have been delivered, and are not sent again")
        }
    }

    /// Writes what memory alone holds, and closes what was opened.
    private func save() async {
        let unsaved = await policies.cache.saveUnsaved()
        if unsaved > 0 { logger.error("policies could not be written", metadata: ["count": "\(unsaved)"]) }
        if !(await policies.ledger.flush()) { logger.error("counts could not be written") }
        await reporting.fleet?.finish()
        policies.network.shutdown()
        policies.loading.stop()
        do throws(StoreError) { try policies.store.close() } catch {
            // The next start finds all in the write-ahead log.
            logger.warning("the store was not closed", metadata: ["cause": "\(error)"])
        }
        logger.notice("stopped")
    }

    private func retryDNSSEC() async {
        let network = policies.network
        await network.lookAtResolver()
        guard await network.retryDNSSEC() else { return }
        network.dnssec.warn(logger)
        judging.forgetHosts()
    }

    /// Lets go of what is no longer good in all tables.
    private func sweep() {
        policies.cache.sweep()
        judging.sweep()
        deliveries.sweep()
    }

    /// Takes new settings and what changed in the files they name, or nothing of it: if one of them
    /// is unavailable, the old stay in force. A reload that finds nothing changed forgets nothing.
    /// - Throws: `CancellationError` if the task was cancelled before anything was taken.
    package func reload(_ new: Settings) async throws {
        let old = settings.value
        var new = new
        let waiting = new.keepUntilRestart(old)
        let network = policies.network
        switch try await network.renew(for: new) {
        case .nothing: break
        case .reports: network.warn(logger)
        case .lookups:
            network.warn(logger)
            judging.forgetHosts()
        }
        await policies.overrides.apply(new)
        policies.cache.apply(new.policyCache)
        judging.apply(new)
        deliveries.apply(new)
        reporting.apply(new)
        listeners.apply(new)
        settings.take(new, waiting: waiting)
        for key in waiting {
            logger.warning("new value takes effect after a restart", metadata: ["setting": "\(key)"])
        }
        logger.notice("settings reloaded")
    }

    /// Whether the milter answers an MTA now; takes some seconds at most.
    var isServing: Bool {
        get async { await onBlockingThread { [server = listeners.milter.server] in server.isServing() } }
    }

    /// Takes note that new settings could not be taken.
    package func noteReloadFailure(_ error: any Error) { settings.noteFailure(error) }

    /// What an administrator looks at first; a success only if the milter answers an MTA now.
    private func status() async -> ControlReply {
        let report = await listeners.reporter.report()
        return ControlReply(succeeded: report.isServing, lines: report.lines, status: report)
    }

    private func answer(_ request: ControlRequest) async -> ControlReply {
        let domains = request.domains.compactMap { try? DomainName($0) }
        guard domains.count == request.domains.count else {
            return ControlReply(succeeded: false, lines: ["not a domain name"])
        }
        switch request.command {
        case .status: return await status()
        case .forget:
            let now = policies.clock.now
            return await policyCommands.forget(domains) { [table = policies.table] in
                table.life(of: $0) != nil || table.unreadable($0, at: now) != nil
            }
        case .refresh: return await policyCommands.refresh(domains)
        case .pause:
            return await judging.pauseControl.pause(for: request.seconds.map { .seconds($0) } ?? Pause.usualLength)
        case .resume: return await judging.pauseControl.resume()
        }
    }

    private var policyCommands: PolicyCommands {
        PolicyCommands(policyCache: policies.cache) { [judging] in judging.forgetHosts() }
    }
}
