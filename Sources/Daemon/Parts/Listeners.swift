// SPDX-License-Identifier: Apache-2.0
import Control
import Core
import EventLog
import Logging
import Milter
import NIOPosix
import PolicyMap
import Settings
import StatusPage

/// The sockets: the milter's and the policy map's for the MTA, the commands' and the page's for people.
struct Listeners: Sendable {
    let milter: MilterThread
    let map: PolicyMapServer?
    let control: ControlServer?
    let page: StatusPageServer?
    let reporter: StatusReporter

    /// Takes no socket yet.
    init(
        _ current: SettingsInForce, on policies: PolicyParts, _ judging: JudgingParts, _ deliveries: DeliveryParts,
        _ reporting: ReportingParts, logger: Logger, log: LogSink
    ) {
        let settings = current.value
        let group = MultiThreadedEventLoopGroup.singleton
        let readsLog = settings.intake.readsLog
        let judge = GateJudge(
            gate: judging.gate, hops: readsLog ? deliveries.hops : nil, ownReports: deliveries.ownReports,
            held: judging.held, pause: judging.pause, mapUse: judging.mapUse)
        milter = MilterThread(
            MilterServer(settings: settings.milter, judge: judge, clock: policies.clock, logger: logger, log: log))
        let keys = readsLog ? deliveries.mapKeys : nil
        let resolver: any MapResolver =
            judging.mapUse.map { NotedMapAnswers(resolver: judging.mapResolver, keys: keys, use: $0) }
            ?? judging.mapResolver
        map = settings.policyMap.map {
            PolicyMapServer(settings: $0, resolver: resolver, group: group, logger: logger)
        }
        let reporter = StatusReporter(
            settings: current, store: policies.store, table: policies.table, network: policies.network,
            overrides: policies.overrides, policyCache: policies.cache, policyExchange: policies.exchange,
            gate: judging.gate, held: judging.held, intake: deliveries.intake, milter: milter.server, map: map,
            pause: judging.pause, watch: reporting.watch, mapUse: judging.mapUse, fleet: reporting.fleet,
            ledger: policies.ledger, log: log, clock: policies.clock)
        self.reporter = reporter
        page = settings.statusPage.map {
            StatusPageServer(settings: $0, source: reporter, group: group, logger: logger)
        }
        control = settings.controlSocket.map { ControlServer(path: $0, group: group) }
    }

    /// Answers on all sockets, on the MTA's last. If one cannot be had, none is kept.
    /// - Parameter answer: does what a command asks.
    func start(answer: @escaping @Sendable (ControlRequest) async -> ControlReply) async throws {
        do {
            try await control?.start(answer)
            try await page?.start()
            try await map?.start()
            try milter.start()
        } catch {
            await map?.stop()
            await stopForPeople()
            throw error
        }
    }

    /// Takes new settings.
    func apply(_ settings: Settings) {
        milter.server.apply(settings.milter)
        if let policyMap = settings.policyMap { map?.apply(policyMap) }
    }

    /// Lets verdicts under way come to their end, but not for long.
    /// - Returns: whether they did.
    func stopForMTA() async -> Bool {
        let haveEnded = await milter.stop()
        await map?.stop()
        return haveEnded
    }

    func stopForPeople() async {
        await page?.stop()
        await control?.stop()
    }
}
