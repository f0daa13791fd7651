// SPDX-License-Identifier: Apache-2.0
import Basics
import Fleet
import Logging
import Reporting
import Settings
import Status
import Store

/// What the daemon does for the fleet, beside its work as a sender of its own. None of it is waited for by mail.
final class FleetWork: Sendable {
    /// How long reports under way may take at the end.
    private static let reportTime = Duration.seconds(5)
    /// How long the database may take at the end.
    private static let finishTime = Duration.seconds(3)

    let database: FleetDatabase
    private let reports: FleetReports
    private let store: Store
    private let counts: CountSharing
    /// Why this machine takes no part.
    private let refusal = Locked<String?>(nil)
    private let clock: any WallClock
    private let logger: Logger

    /// - Parameters:
    ///   - shared: the settings that have to be the same on all machines.
    ///   - countedThrough: see `CountSharing`.
    init(
        _ settings: FleetSettings, reports: ReportSettings, shared: FleetSettingValues, host: DomainName, store: Store,
        records: any ReportRecordSource, carrier: any ReportCarrier, clock: any WallClock, logger: Logger,
        countedThrough: @escaping @Sendable () async -> UTCTime?,
        noteAddresses: @escaping @Sendable (Set<String>) -> Void
    ) async throws {
        let member = FleetMember(try await store.node().node, host: host)
        database = try FleetDatabase(settings.server, as: member, clock: clock)
        counts = CountSharing(
            store, by: database, as: member, settings: shared, clock: clock, logger: logger,
            countedThrough: countedThrough)
        self.store = store
        self.clock = clock
        self.logger = logger
        self.reports = FleetReports(
            settings, reports, host: host, database: database, store: store, records: records, carrier: carrier,
            clock: FleetClock(database, else: clock), logger: logger, noteAddresses: noteAddresses)
    }

    /// Takes new settings.
    func apply(_ new: Settings) {
        reports.apply(new.reports)
        counts.apply(FleetSettingValues(new.sharedByFleet))
    }

    /// Goes on until the task is cancelled.
    func run() async {
        guard await isOfThisMachine() else { return await untilCancelled() }
        let reporting = Task { [reports] in await reports.run() }
        let counting = Task { [counts] in await counts.run() }
        await untilCancelled()
        reporting.cancel()
        counting.cancel()
        // What is past the point of no return is to be written to the database; if it is not, the store has it. A database
        // that is silent is not waited for.
        _ = await reporting.hasEnded(within: Self.reportTime)
    }

    /// Sends what was counted last, if that does not take long; otherwise the next start does.
    func finish() async {
        if case .working = database.health {
            let work = Task { await counts.finish() }
            _ = await work.hasEnded(within: Self.finishTime)
        }
        database.close()
    }

    /// What an administrator sees of it.
    func report() async -> FleetReport {
        var report = FleetReport()
        if let refusal = refusal.withLock({ $0 }) {
            report.isWorking = false
            report.problem = printable(refusal, limit: 300)
        } else if case .failing(let since, let error) = database.health {
            report.isWorking = false
            report.problem = printable("\(error)", limit: 300)
            report.since = Stamp(since)
        }
        report.clockAheadSeconds = database.clockAhead.flatMap { abs($0) > CountSharing.clockTolerance ? $0 : nil }
        // A store that cannot be read says so in its own place.
        if let backlog = try? await store.backlog() {
            report.batchesWaiting = backlog.batches
            report.oldestWaiting = backlog.oldest.map { "\($0)" }
        }
        return report
    }

    /// A store of another machine would take part under that one's identity.
    private func isOfThisMachine() async -> Bool {
        do {
            guard try await store.node().isElsewhere else { return true }
            refusal.withLock { $0 = "\(FleetError.otherMachine), then restart" }
        } catch {
            refusal.withLock { $0 = "\(error)" }
        }
        logger.error(
            "this machine takes no part in the fleet", metadata: ["cause": "\(refusal.withLock { $0 } ?? "")"])
        return false
    }
}

extension FleetMember {
    init(_ node: StoreNode, host: DomainName) {
        self.init(
            node: node.id, machine: MachineIdentity.read(), host: host.ascii, program: Settings.version)
    }
}
