// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import EventLog
import Fleet
import Milter
import PolicyMap
import Reporting
import Settings
import Status
import Store

/// Gathers what an administrator is told: `StatusReport`.
final class StatusReporter: Sendable {
    /// Held domains that are named.
    private static let mostHeld = 200
    /// Policies in trouble that are named.
    private static let mostTroubles = 200
    /// What takes a walk over all policies, or a question to the store, is told again as it was for so many times as long
    /// as it took: whoever asks all the time has it done for a hundredth of the time. And not for longer than this.
    static let countsStand = 100
    static let longestStand = Duration.seconds(60)
    /// The states of reports that metrics have.
    static let reportStates = Delivery.State.allCases.map(\.rawValue)
    /// Days of reports that are counted.
    static let reportDays: Int64 = 7

    /// What is dear to gather.
    struct Counts: Sendable {
        var census = PolicyCensus()
        var failing: [FailingRenewal] = []
        var reports = ReportState()
        /// Why the store did not answer.
        var problem: String?
    }

    let settings: SettingsInForce
    let store: Store
    private let table: PolicyTable
    let network: Network
    let overrides: ConfiguredOverrides
    let policyCache: PolicyCache
    let policyExchange: PolicyExchange?
    let gate: Gate
    private let held: HeldMail
    private let intake: DeliveryIntake
    let milter: MilterServer
    let map: PolicyMapServer?
    let ledger: Ledger
    let log: LogSink
    let pause: Pause
    let watch: OwnDomainWatch
    let mapUse: MapUse?
    private let fleet: FleetWork?
    private let heard: LastHeard
    let clock: SteadyClock
    let startedAt: UTCTime
    private let known = Locked<(counts: Counts, until: ContinuousClock.Instant)?>(nil)
    /// Apart from `known`: only metrics ask for it.
    let knownReceived = Locked<(counts: ReceivedCounts, until: ContinuousClock.Instant)?>(nil)

    init(
        settings: SettingsInForce, store: Store, table: PolicyTable, network: Network,
        overrides: ConfiguredOverrides, policyCache: PolicyCache, policyExchange: PolicyExchange?, gate: Gate,
        held: HeldMail, intake: DeliveryIntake, milter: MilterServer, map: PolicyMapServer?, pause: Pause,
        watch: OwnDomainWatch, mapUse: MapUse?, fleet: FleetWork?, ledger: Ledger, log: LogSink, clock: SteadyClock
    ) {
        self.settings = settings
        self.store = store
        self.table = table
        self.network = network
        self.overrides = overrides
        self.policyCache = policyCache
        self.policyExchange = policyExchange
        self.gate = gate
        self.held = held
        self.intake = intake
        self.milter = milter
        self.map = map
        self.pause = pause
        self.watch = watch
        self.mapUse = mapUse
        self.fleet = fleet
        self.ledger = ledger
        self.log = log
        self.clock = clock
        startedAt = clock.now
        heard = LastHeard(clock: clock, [{ milter.messages }, { map?.requests ?? 0 }])
    }

    /// Keeps an eye on what must be seen when it happens, until the task is cancelled.
    func run() async { await heard.run() }

    func report() async -> StatusReport {
        let settings = settings.value
        // Before the look whether it serves, which is a connection as well.
        let connections = milter.connections
        let isServing = await onBlockingThread { [milter] in milter.isServing() }
        let counts = await counts()
        let times = heard.times
        var report = StatusReport(
            version: Settings.version, at: Stamp(clock.now), startedAt: Stamp(startedAt), isServing: isServing,
            enforcement: settings.gate.enforcement.rawValue,
            milter: Listener(
                socket: "\(settings.milter.socket)", connections: connections,
                lastHeard: times[0].map { Stamp($0) }),
            policyMap: settings.policyMap.flatMap { policyMap in
                map.map {
                    Listener(
                        socket: "\(policyMap.socket)", connections: $0.connections,
                        lastHeard: times[1].map { Stamp($0) })
                }
            },
            dnssec: DNSSECReport(isValidated: network.dnssec == .validated, text: network.dnssec.text),
            store: storeReport(counts))
        report.pausedUntil = pause.until.map { Stamp($0) }
        report.isDryRun = settings.isDryRun
        let reload = self.settings.lastReload
        (report.reloadProblem, report.waitingForRestart) = (reload.failure, reload.waiting)
        report.silentResolver = network.silence.map {
            SilentResolver(name: printable($0.resolver, limit: 100), seconds: $0.time.components.seconds)
        }
        (report.held, report.heldMore) = heldDomains()
        report.policies = policies(counts)
        report.intake = intake.sources(at: clock.now)
        report.reports = reports(counts, settings)
        report.fleet = await fleet?.report()
        let guarding = mapUse?.statements ?? []
        report.notes = guarding.map(\.text) + overrides.status + watch.status
        report.lights =
            Lights(
                report, isAnchorWanted: network.dnssec != .unwanted, guarding: guarding, own: watch.seen
            ).all
        return report
    }

    /// What is dear to gather, as it was a moment ago at most.
    func counts() async -> Counts {
        let start = ContinuousClock.now
        if let known = known.withLock({ $0 }), start < known.until { return known.counts }
        var counts = Counts()
        counts.census = table.census(at: clock.now)
        counts.failing = policyCache.failingRenewals
        do throws(StoreError) {
            counts.reports = try await store.reportState(
                since: clock.now.day.advanced(by: -Self.reportDays), at: clock.now)
        } catch { counts.problem = printable("\(error)", limit: 300) }
        let end = ContinuousClock.now
        known.withLock { [counts] in $0 = (counts, end + min((end - start) * Self.countsStand, Self.longestStand)) }
        return counts
    }

    /// Of those whose mail was held back of late, the ones whose mail would still be.
    private func heldDomains() -> (named: [HeldDomain], more: Int) {
        let held = held.entries.filter { gate.remembered($0.entry.hop).verdict?.letsMailGo != true }
        let named = held.prefix(Self.mostHeld).map { Self.describe($0.domain, $0.entry) }
        return (named, held.count - named.count)
    }

    /// Of one domain; nil if its mail is not held.
    func heldDomain(_ domain: DomainName) -> HeldDomain? {
        guard let entry = held.entry(of: domain), gate.remembered(entry.hop).verdict?.letsMailGo != true else {
            return nil
        }
        return Self.describe(domain, entry)
    }

    private static func describe(_ domain: DomainName, _ entry: HeldMail.Entry) -> HeldDomain {
        HeldDomain(
            domain: domain.ascii, host: entry.cause.host?.ascii, resultType: entry.cause.type?.rawValue,
            reason: printable(entry.cause.text, limit: 300), since: Stamp(entry.since), lastTry: Stamp(entry.lastTry),
            messages: entry.messages, deliveries: entry.deliveries, whatToDo: entry.cause.remedy(for: domain))
    }

    private func policies(_ counts: Counts) -> PolicyReport {
        var report = PolicyReport()
        report.count = table.count
        report.enforce = counts.census.enforce
        report.testing = counts.census.testing
        report.none = counts.census.none
        report.ended = counts.census.ended
        report.oldestFetch = counts.census.oldestFetch.map { Stamp($0) }
        report.unsaved = policyCache.unsavedCount
        report.nearExpiry = counts.failing.prefix(Self.mostTroubles).map {
            PolicyTrouble(
                domain: $0.domain.ascii, end: Stamp($0.life.expiresAt), failures: $0.failures,
                cause: printable($0.cause, limit: 300))
        }
        report.lost = policyCache.ranOutPolicies.prefix(Self.mostTroubles).map {
            PolicyTrouble(domain: $0.domain.ascii, end: Stamp($0.at))
        }
        return report
    }

    private func reports(_ counts: Counts, _ settings: Settings) -> ReportsReport {
        var report = ReportsReport()
        report.isDaily = settings.reports.isDaily
        report.isExported = settings.reports.schedule == .export
        report.obstacle = settings.reports.isDaily ? settings.reports.obstacle : nil
        report.counts = counts.reports.counts
        report.due = counts.reports.due
        report.nextTry = counts.reports.nextTry.map { Stamp($0) }
        report.lastRun = counts.reports.lastRun.map { Stamp($0) }
        report.suppressed = counts.reports.suppressed
        report.failures = counts.reports.failures.map {
            ReportFailure(
                day: "\($0.day)", domain: $0.domain, state: $0.state,
                destination: printable($0.destination ?? "", limit: 300), text: printable($0.text, limit: 300))
        }
        return report
    }

    private func storeReport(_ counts: Counts) -> StoreReport {
        let health = store.health
        return StoreReport(
            path: printable(store.path), octets: store.octets, lastWrite: health.lastWrite.map { Stamp($0) },
            problem: health.problem, readProblem: counts.problem)
    }
}

extension Verdict {
    /// Whether mail is not held back upon it, whatever the settings say.
    fileprivate var letsMailGo: Bool {
        switch self {
        case .notJudged, .noPolicy, .modeNone, .conforming, .testing, .provenLately: true
        case .violating, .unknown, .unproven: false
        }
    }
}
