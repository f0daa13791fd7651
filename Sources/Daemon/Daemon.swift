// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Core
import Foundation
import Logging
import Milter
import NIOPosix
import PolicyMap
import Settings
import Store
import Synchronization

/// The running service: adapters wired to the pipeline, and the milter in front.
package final class Daemon: Sendable {
    /// Between tests whether a resolver that cannot do DNSSEC has learned it.
    private static let dnssecInterval = Duration.seconds(3600)
    /// How long verdicts that are being waited for may take at the end.
    private static let drainTime = Duration.seconds(4)
    /// How long reports under way may take at the end: service managers do not wait for a slow destination.
    private static let reportTime = Duration.seconds(5)

    private let settings: Mutex<Settings>
    /// What the adapters in force have read.
    private let files: Mutex<NetworkFiles>
    private let logger: Logger
    private let store: Store
    private let table: PolicyTable
    private let ledger: Ledger
    private let network: Network
    private let standing: Standing
    private let keeper: PolicyCache
    private let resolver: NextHopResolver
    private let gate: Gate
    private let hops: ObservedNextHops
    private let ownReports: OwnReports
    private let reckoner: SessionAccounting
    private let clock: SteadyClock
    private let intake: DeliveryIntake
    private let reports: ReportScheduler
    private let mapResolver: PolicyMapResolver
    private let milter: MilterServer
    private let map: PolicyMapServer?
    private let control = Mutex<ControlServer?>(nil)
    private let upkeep = Mutex<Task<Void, Never>?>(nil)
    /// What is heard of the MTA's deliveries.
    private let hearing = Mutex<Task<Void, Never>?>(nil)
    /// What is reported of them.
    private let reporting = Mutex<Task<Void, Never>?>(nil)
    /// What became of DNSSEC, and when it was tried.
    private let dnssec: Mutex<(use: DNSSECUse, at: ContinuousClock.Instant)>

    /// Opens the store and all that verdicts need, but serves nobody yet.
    package init(_ settings: Settings, logger: Logger) async throws {
        self.settings = Mutex(settings)
        self.logger = logger
        clock = SteadyClock(logger: logger)
        store = try Store(path: settings.storePath, logger: logger)
        table = try await Self.policies(of: store, by: clock, logger)
        let uses = try await store.uses(since: clock.now - PolicyCache.unusedAfter)
        ledger = Ledger(store: store, clock: clock, logger: logger)
        // Before the adapters read them: what changes in between counts as changed.
        files = Mutex(NetworkFiles(settings))
        let (adapters, use) = try await NetworkAdapters.adapted(to: settings)
        use.warn(logger)
        for warning in adapters.courier.warnings { logger.warning("\(warning)") }
        network = Network(adapters)
        dnssec = Mutex((use, .now))
        standing = Standing(settings, documents: network, clock: clock, logger: logger)
        await standing.apply(settings)
        keeper = PolicyCache(
            memory: table, store: store, discoverer: network, overrides: standing, clock: clock, logger: logger,
            settings: settings.keeper)
        keeper.loadUses(uses)
        resolver = NextHopResolver(
            policies: keeper, routes: RouteCache(router: network, clock: clock), prober: network, surveyor: network,
            clock: clock)
        gate = Gate(
            resolver: resolver, recorder: ledger, settings: settings.gate, mtaTellsSessions: settings.intake.isAny)
        hops = ObservedNextHops(clock: clock)
        ownReports = OwnReports(outbox: store, clock: clock)
        reckoner = SessionAccounting(
            policies: keeper, routes: resolver.routes, hops: hops, gate: gate, ownReports: ownReports,
            countsDatagrams: settings.intake.datagramSocket != nil, readsLog: settings.intake.postfixLog != nil,
            clock: clock)
        intake = try DeliveryIntake(
            settings.intake, accounting: reckoner, ledger: ledger, logger: logger)
        reports = ReportScheduler(
            settings: settings.reports, store: store, records: network.reportRecords,
            carrier: ownReports.noting(network), clock: clock, logger: logger)
        mapResolver = PolicyMapResolver(resolver: resolver, settings: settings.mapDesk)
        map = settings.policyMap.map { [mapResolver] in
            PolicyMapServer(
                settings: $0, resolver: mapResolver, group: .singletonMultiThreadedEventLoopGroup, logger: logger)
        }
        let judge = GateJudge(gate: gate, hops: settings.intake.readsLog ? hops : nil, ownReports: ownReports)
        milter = MilterServer(settings: settings.milter, judge: judge, logger: logger)
    }

    /// The policies of the store, in memory.
    private static func policies(
        of store: Store, by clock: SteadyClock, _ logger: Logger
    ) async throws -> PolicyTable {
        let table = PolicyTable(logger: logger)
        let began = ContinuousClock.now
        let count = try store.load(into: table, at: clock.now)
        clock.start(after: [count.newest, try await store.newestUse()].compactMap { $0 }.max())
        logger.info(
            "policies loaded",
            metadata: [
                "count": "\(count.loaded)", "skipped": "\(count.skipped)", "took": "\(ContinuousClock.now - began)",
            ])
        return table
    }

    /// Serves the MTA and the commands; returns when both can connect.
    /// - Parameter failed: called when the milter ends although nobody stopped it.
    package func start(failed: @escaping @Sendable (any Error) -> Void) async throws {
        if let path = settings.withLock({ $0.controlSocket }) {
            let server = try await ControlServer(path: path, group: .singletonMultiThreadedEventLoopGroup) { [self] in
                await answer($0)
            }
            control.withLock { $0 = server }
        }
        await ownReports.refresh()
        try await map?.start()
        try milter.open()
        let thread = Thread { [milter] in
            do { try milter.run() } catch { failed(error) }
        }
        thread.name = "milter"
        thread.start()
        upkeep.withLock { task in
            task = Task { [self] in
                let refresher = PolicyRefresher(keeper)
                await Maintenance(
                    store: store, table: table, ledger: ledger, keeper: keeper, refresher: refresher,
                    standing: standing, clock: clock, logger: logger, sweep: { self.sweep() },
                    retryDNSSEC: { await self.retryDNSSEC() }
                ).run()
            }
        }
        hearing.withLock { task in task = Task { [intake] in await intake.run() } }
        reporting.withLock { task in
            task = Task { [reports, ownReports] in
                await withDiscardingTaskGroup { group in
                    group.addTask { await ownReports.run() }
                    group.addTask { await reports.run() }
                }
            }
        }
        logger.notice(
            "serving",
            metadata: ["socket": "\(settings.withLock { $0.milter.socket })", "version": "\(Settings.version)"])
    }

    /// A resolver may learn DNSSEC, be replaced by one that does, or answer at last.
    private func retryDNSSEC() async {
        let (use, at) = dnssec.withLock { $0 }
        switch use {
        case .validated, .unwanted, .withoutAnchor: return
        case .stripped where ContinuousClock.now < at + Self.dnssecInterval: return
        case .stripped, .untested: break
        }
        let settings = settings.withLock { $0 }
        let generation = network.generation
        guard let (adapters, found) = try? await NetworkAdapters.adapted(to: settings) else { return }
        switch (use, found) {
        case (.stripped, .stripped), (.untested, .untested):
            dnssec.withLock { $0 = (found, .now) }
            adapters.shutdown()
        default:
            // A reload that came meanwhile knows better.
            guard network.exchange(for: adapters, ifStill: generation) else { return }
            found.warn(logger)
            dnssec.withLock { $0 = (found, .now) }
            forgetHosts()
        }
    }

    /// Lets go of what is no longer good in all tables.
    private func sweep() {
        keeper.sweep()
        resolver.sweep()
        gate.sweep()
        mapResolver.sweep()
        hops.sweep()
        reckoner.sweep()
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
        let old = settings.withLock { $0 }
        var new = new
        let waiting = new.keepUntilRestart(old)
        try await renewAdapters(new, old)
        await standing.apply(new)
        keeper.apply(new.keeper)
        gate.apply(new.gate)
        mapResolver.apply(new.mapDesk)
        reports.apply(new.reports)
        milter.apply(new.milter)
        if let policyMap = new.policyMap { map?.apply(policyMap) }
        settings.withLock { [new] in $0 = new }
        for key in waiting {
            logger.warning("new value takes effect after a restart", metadata: ["setting": "\(key)"])
        }
        logger.notice("settings reloaded")
    }

    /// Makes new adapters where settings or files ask for it. What was seen of hosts is looked at anew only if it could
    /// look otherwise now.
    private func renewAdapters(_ new: Settings, _ old: Settings) async throws {
        let (newFiles, oldFiles) = (NetworkFiles(new), files.withLock { $0 })
        let seesOtherwise = new.asksNetworkOtherwise(than: old) || newFiles.ofLookups != oldFiles.ofLookups
        let sendsOtherwise = new.reports.courier != old.reports.courier || newFiles.ofReports != oldFiles.ofReports
        guard seesOtherwise || sendsOtherwise else { return }
        let (adapters, use) = try await NetworkAdapters.adapted(to: new)
        if Task.isCancelled { adapters.shutdown() }
        guard !Task.isCancelled, network.exchange(for: adapters) else { throw CancellationError() }
        use.warn(logger)
        for warning in adapters.courier.warnings { logger.warning("\(warning)") }
        dnssec.withLock { $0 = (use, .now) }
        files.withLock { $0 = newFiles }
        if seesOtherwise { forgetHosts() }
    }

    /// Ends in order: no new mail, verdicts under way, then what is still to be written.
    package func stop() async {
        milter.stop()
        if !milter.drain(within: Self.drainTime) { logger.warning("verdicts under way were cut off") }
        await map?.stop()
        let (hearing, reporting) = (hearing.withLock { $0 }, reporting.withLock { $0 })
        reporting?.cancel()
        hearing?.cancel()
        await hearing?.value
        if await reporting?.hasEnded(within: Self.reportTime) == false {
            logger.warning("reports under way were cut off: they may have been delivered, and are not sent again")
        }
        let upkeep = upkeep.withLock { $0 }
        upkeep?.cancel()
        await upkeep?.value
        await control.withLock { $0 }?.stop()
        let unsaved = await keeper.saveUnsaved()
        if unsaved > 0 { logger.error("policies could not be written", metadata: ["count": "\(unsaved)"]) }
        if !(await ledger.flush()) { logger.error("counts could not be written") }
        network.shutdown()
        do throws(StoreError) { try store.close() } catch {
            // The next start finds all in the write-ahead log.
            logger.warning("the store was not closed", metadata: ["cause": "\(error)"])
        }
        logger.notice("stopped")
    }

    /// What an administrator looks at first, one line each; a success only if the milter answers an MTA now.
    private func status() async -> ControlReply {
        let settings = settings.withLock { $0 }
        let connections = milter.connections
        let isServing = await waiting { [milter] in milter.isServing() }
        var lines = [
            "sts-milter \(Settings.version), milter at \(settings.milter.socket), "
                + (isServing ? "\(connections) connections" : "which does NOT answer: restart sts-milter"),
            "enforcement \(settings.gate.enforcement.rawValue), \(table.count) policies in memory",
            map.map { "policy map at \($0.port.map(String.init) ?? "its socket"), \($0.connections) connections" }
                ?? "no policy map",
            dnssec.withLock { $0.use.text },
        ]
        lines += intake.status
        lines += standing.status
        for lost in keeper.ranOutPolicies {
            lines.append(
                "policy of \(lost.domain) ran out at \(lost.at), every fetch failed: mail to it is unprotected")
        }
        return ControlReply(succeeded: isServing, lines: lines)
    }

    private func answer(_ request: ControlRequest) async -> ControlReply {
        let domains = request.domains.compactMap { try? DomainName($0) }
        guard domains.count == request.domains.count else {
            return ControlReply(succeeded: false, lines: ["not a domain name"])
        }
        switch request.command {
        case .status: return await status()
        case .forget: return await PolicyCommands(keeper: keeper) { self.forgetHosts() }.forget(domains)
        case .refresh: return await PolicyCommands(keeper: keeper) { self.forgetHosts() }.refresh(domains)
        }
    }
}

/// What the milter asks, answered by the gate.
private struct GateJudge: RecipientJudge {
    let gate: Gate
    /// Nil where nobody asks: each message costs a lock.
    let hops: ObservedNextHops?
    let ownReports: OwnReports

    func awaitsReport(_ recipient: EnvelopeAddress) -> Bool { ownReports.contains(recipient) }
    func cached(_ hops: [NextHop]) -> Judgement? { gate.cached(hops) }
    func resolve(_ hops: [NextHop]) async -> Judgement { await gate.resolve(hops) }
    func decideNow(_ hops: [NextHop], because ending: WaitEnding) -> Judgement {
        gate.decideNow(hops, because: ending)
    }
    func note(_ disposition: Disposition) {
        hops?.note(disposition)
        gate.note(disposition)
    }
}

extension Settings {
    fileprivate func asksNetworkOtherwise(than old: Settings) -> Bool {
        dns != old.dns || dnsTimeout != old.dnsTimeout || discovery != old.discovery || probe != old.probe
            || caFile != old.caFile
    }
}
