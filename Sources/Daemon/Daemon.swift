// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Core
import EventLog
import Fleet
import Logging
import Milter
import NIOPosix
import PolicyMap
import Settings
import StatusPage
import Store

/// The daemon: store, network, core and servers, wired together.
///
/// **Start.** `init(_:logger:)` opens the store, reads its policies into memory, the most of a large store while it
/// serves (``PolicyLoading``), and makes the adapters that ask the network. On one policy cache stand the gate, which
/// judges mail for the milter, and the policy map.
/// ``start()`` takes the sockets and answers on them: first the commands', then the policy map's, then the milter's.
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
    private let store: Store
    private let table: PolicyTable
    private let ledger: Ledger
    private let network: Network
    private let overrides: ConfiguredOverrides
    private let policyCache: PolicyCache
    private let loading: PolicyLoading
    private let resolver: NextHopResolver
    private let gate: Gate
    private let hops: ObservedNextHops
    private let mapKeys: ObservedMapKeys
    private let ownReports: OwnReports
    private let accounting: SessionAccounting
    private let clock: SteadyClock
    private let explanations: ExplanationKeeper
    private let intake: DeliveryIntake
    private let reports: ReportScheduler
    private let pause: Pause
    private let pauseControl: PauseControl
    private let watch: OwnDomainWatch
    private let maildir: ReportMaildir
    /// Nil where this machine is a sender of its own.
    private let fleet: FleetWork?
    private let policyExchange: PolicyExchange?
    private let mapResolver: PolicyMapResolver
    /// Nil where no policy map is served.
    private let mapUse: MapUse?
    private let milter: MilterThread
    private let held: HeldMail
    private let statusReporter: StatusReporter
    private let statusPage: StatusPageServer?
    private let map: PolicyMapServer?
    private let control: ControlServer?

    /// Opens the store and all that verdicts need, but serves nobody yet.
    /// - Parameter mapLimit: how long mail may wait for its question to the policy map.
    package init(
        _ settings: Settings, logger: Logger, log: LogSink, mapLimit: Duration = MapUse.usualLimit
    ) async throws {
        self.settings = SettingsInForce(settings)
        self.logger = logger
        clock = SteadyClock(logger: logger)
        try ServiceDirectories(settings, logger: logger).prepare()
        let workspace = Workspace(settings, logger: logger)
        store = try workspace.openStore(createIfMissing: true)
        clock.start(after: try store.newestEntry(since: clock.now - SteadyClock.longestAbsence))
        table = PolicyTable(logger: logger)
        let loader = try PolicyLoader(store, into: table, at: clock.now)
        ledger = Ledger(store: store, clock: clock, logger: logger)
        network = try await workspace.openNetwork()
        network.warn(logger)
        overrides = ConfiguredOverrides(settings, documents: network, clock: clock, logger: logger)
        await overrides.apply(settings)
        policyExchange = try await PolicyExchange(settings, store: store, clock: clock, logger: logger)
        policyCache = PolicyCache(
            memory: table, store: store, discoverer: network, overrides: overrides,
            peers: policyExchange ?? NoPolicyPeers(), clock: clock, logger: logger, settings: settings.policyCache)
        loading = PolicyLoading(store, loader: loader, into: policyCache, logger: logger)
        try await loading.begin()
        resolver = NextHopResolver(
            policies: policyCache, routes: RouteCache(router: network, clock: clock), prober: network,
            surveyor: network,
            clock: clock)
        let pause = Pause(clock: clock)
        let held = HeldMail(clock: clock)
        let mapResolver = PolicyMapResolver(
            resolver: resolver, settings: settings.mapAnswers, pause: pause, held: held)
        self.pause = pause
        self.held = held
        self.mapResolver = mapResolver
        pauseControl = PauseControl(
            pause, file: PauseFile(besideDatabase: settings.storePath), clock: clock, logger: logger
        ) { mapResolver.forgetAnswers() }
        await pauseControl.restore()
        let mapUse =
            settings.policyMap == nil
            ? nil
            : MapUse(settings.gate.enforcement, clock: clock, within: mapLimit, logger: logger) {
                [resolver] in resolver.forgetHistory()
            }
        self.mapUse = mapUse
        gate = Gate(
            resolver: resolver, recorder: ledger, settings: settings.gate, mtaTellsSessions: settings.intake.isAny
        ) { mapUse?.guards($0) == true && mapResolver.mayHold($0) }
        hops = ObservedNextHops(clock: clock)
        mapKeys = ObservedMapKeys(clock: clock)
        ownReports = OwnReports(outbox: store, clock: clock)
        ownReports.noteCopies(to: settings.reports.copyPlace)
        accounting = SessionAccounting(
            policies: policyCache, routes: resolver.routes, hops: hops, mapKeys: mapKeys, gate: gate, held: held,
            ownReports: ownReports, countsDatagrams: settings.intake.datagramSocket != nil,
            readsLog: settings.intake.postfixLog != nil,
            lookupTimeout: settings.discovery.fetchDeadline + SessionAccounting.lookupMargin, clock: clock)
        explanations = ExplanationKeeper(
            store: store, keptFor: settings.explainFor, clock: clock, logger: logger)
        intake = try DeliveryIntake(
            settings.intake, reading: settings.logReading, accounting: accounting, ledger: ledger,
            explanations: explanations, logger: logger)
        reports = ReportScheduler(
            settings: settings.reports, isInFleet: settings.fleet != nil, store: store, records: network.reportRecords,
            carrier: ownReports.noting(network), clock: clock, logger: logger)
        fleet =
            if let fleet = settings.fleet {
                try await FleetWork(
                    fleet, reports: settings.reports, shared: FleetSettingValues(settings.sharedByFleet),
                    host: settings.heloName, store: store, records: network.reportRecords,
                    carrier: ownReports.noting(network), clock: clock, logger: logger
                ) { [intake, ledger, clock] in
                    let through = intake.readThrough(at: clock.now)
                    return await ledger.flush() ? through : nil
                } noteAddresses: { [ownReports] in
                    ownReports.noteShared($0)
                }
            } else { nil }
        watch = OwnDomainWatch(settings.watched, clock: clock, logger: logger) {
            [network, current = self.settings] domain in
            // By the adapters and settings of the day.
            await Examiner(current.value, by: network.adapters).examine(domain)
        }
        maildir = ReportMaildir(settings: self.settings, store: store, clock: clock, logger: logger)
        let keys = settings.intake.readsLog ? mapKeys : nil
        let resolver: any MapResolver =
            mapUse.map { NotedMapAnswers(resolver: mapResolver, keys: keys, use: $0) } ?? mapResolver
        map = settings.policyMap.map {
            PolicyMapServer(
                settings: $0, resolver: resolver, group: .singletonMultiThreadedEventLoopGroup, logger: logger)
        }
        let judge = GateJudge(
            gate: gate, hops: settings.intake.readsLog ? hops : nil, ownReports: ownReports, held: held, pause: pause,
            mapUse: mapUse)
        milter = MilterThread(
            MilterServer(settings: settings.milter, judge: judge, clock: clock, logger: logger, log: log))
        let reporter = StatusReporter(
            settings: self.settings, store: store, table: table, network: network, overrides: overrides,
            policyCache: policyCache, policyExchange: policyExchange, gate: gate, held: held, intake: intake,
            milter: milter.server, map: map, pause: pause, watch: watch, mapUse: mapUse, fleet: fleet, ledger: ledger,
            log: log, clock: clock)
        statusReporter = reporter
        statusPage = settings.statusPage.map {
            StatusPageServer(
                settings: $0, source: reporter, group: .singletonMultiThreadedEventLoopGroup, logger: logger)
        }
        control = settings.controlSocket.map { ControlServer(path: $0, group: .singletonMultiThreadedEventLoopGroup) }
    }

    /// Serves the MTA and the commands; returns when both can connect. Without ``run(until:)`` nothing else is done.
    package func start() async throws {
        await ownReports.refresh()
        do {
            try await control?.start { [self] in await answer($0) }
            try await statusPage?.start()
            try await map?.start()
            try milter.start()
        } catch {
            await map?.stop()
            await statusPage?.stop()
            await control?.stop()
            throw error
        }
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
            group.addTask { await self.explanations.run { self.milter.server.takeDecided() } }
            group.addTask { await self.sharePolicies() }
            group.addTask { await self.pauseControl.run() }
            group.addTask { await self.statusReporter.run() }
            group.addTask { await MappedFiles.letGoOnceSettled() }
            await withDiscardingTaskGroup { group in
                group.addTask { await self.intake.run() }
                group.addTask { await self.report() }
                group.addTask { await self.watch.run() }
                group.addTask { await self.maildir.run() }
                group.addTask { await self.fleet?.run() }
                failure = await self.failure(before: stop)
                if await !milter.stop() { logger.warning("verdicts under way were cut off") }
                await map?.stop()
                group.cancelAll()
            }
            group.cancelAll()
        }
        await statusPage?.stop()
        await control?.stop()
        await save()
        if let failure { throw failure }
    }

    /// Loads the rest of the store, and waits until `stop` returns; or until the daemon cannot go on, and returns why.
    private func failure(before stop: @escaping @Sendable () async -> Void) async -> (any Error)? {
        await withTaskGroup(of: (any Error)?.self) { [milter, loading, logger] group in
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
        let refresher = PolicyRefresher(policyCache)
        return Maintenance(
            store: store, table: table, ledger: ledger, policyCache: policyCache, refresher: refresher,
            overrides: overrides, clock: clock, mapUse: mapUse, logger: logger, sweep: { self.sweep() },
            retryDNSSEC: { await self.retryDNSSEC() })
    }

    /// Shares policies with the fleet until the task is cancelled; a database that is silent then is not waited for.
    private func sharePolicies() async {
        guard let policyExchange else { return }
        let work = Task { [policyCache] in await policyExchange.run(into: policyCache) }
        await untilCancelled()
        work.cancel()
        if await !work.hasEnded(within: Self.farewellTime) { policyExchange.close() }
    }

    /// Reports until the task is cancelled. Reports under way are then brought to their end, but not for long.
    private func report() async {
        let work = Task { [reports, ownReports] in
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
        let unsaved = await policyCache.saveUnsaved()
        if unsaved > 0 { logger.error("policies could not be written", metadata: ["count": "\(unsaved)"]) }
        if !(await ledger.flush()) { logger.error("counts could not be written") }
        await fleet?.finish()
        network.shutdown()
        loading.stop()
        do throws(StoreError) { try store.close() } catch {
            // The next start finds all in the write-ahead log.
            logger.warning("the store was not closed", metadata: ["cause": "\(error)"])
        }
        logger.notice("stopped")
    }

    private func retryDNSSEC() async {
        await network.lookAtResolver()
        guard await network.retryDNSSEC() else { return }
        network.dnssec.warn(logger)
        forgetHosts()
    }

    /// Lets go of what is no longer good in all tables.
    private func sweep() {
        policyCache.sweep()
        resolver.sweep()
        gate.sweep()
        mapResolver.sweep()
        hops.sweep()
        mapKeys.sweep()
        accounting.sweep()
        held.sweep()
    }

    /// Has routes and hosts looked at anew.
    private func forgetHosts() {
        gate.forgetHosts()
        mapResolver.forgetAnswers()
    }

    /// Takes new settings and what changed in the files they name, or nothing of it: if one of them
    /// is unavailable, the old stay in force. A reload that finds nothing changed forgets nothing.
    /// - Throws: `CancellationError` if the task was cancelled before anything was taken.
    package func reload(_ new: Settings) async throws {
        let old = settings.value
        var new = new
        let waiting = new.keepUntilRestart(old)
        switch try await network.renew(for: new) {
        case .nothing: break
        case .reports: network.warn(logger)
        case .lookups:
            network.warn(logger)
            forgetHosts()
        }
        await overrides.apply(new)
        policyCache.apply(new.policyCache)
        gate.apply(new.gate)
        mapUse?.apply(new.gate.enforcement)
        mapResolver.apply(new.mapAnswers)
        reports.apply(new.reports)
        fleet?.apply(new)
        watch.apply(new.watched)
        explanations.apply(new.explainFor)
        ownReports.noteCopies(to: new.reports.copyPlace)
        milter.server.apply(new.milter)
        if let policyMap = new.policyMap { map?.apply(policyMap) }
        settings.take(new, waiting: waiting)
        for key in waiting {
            logger.warning("new value takes effect after a restart", metadata: ["setting": "\(key)"])
        }
        logger.notice("settings reloaded")
    }

    /// Whether the milter answers an MTA now; takes some seconds at most.
    var isServing: Bool {
        get async { await onBlockingThread { [milter] in milter.server.isServing() } }
    }

    /// Takes note that new settings could not be taken.
    package func noteReloadFailure(_ error: any Error) { settings.noteFailure(error) }

    /// What an administrator looks at first; a success only if the milter answers an MTA now.
    private func status() async -> ControlReply {
        let report = await statusReporter.report()
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
            let now = clock.now
            return await PolicyCommands(policyCache: policyCache) { self.forgetHosts() }.forget(domains) { [table] in
                table.life(of: $0) != nil || table.unreadable($0, at: now) != nil
            }
        case .refresh: return await PolicyCommands(policyCache: policyCache) { self.forgetHosts() }.refresh(domains)
        case .pause: return await pauseControl.pause(for: request.seconds.map { .seconds($0) } ?? Pause.usualLength)
        case .resume: return await pauseControl.resume()
        }
    }
}
