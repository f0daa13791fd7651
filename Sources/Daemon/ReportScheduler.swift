// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Logging
import Reporting
import Settings
import Store

/// Makes the reports of finished days and sends them, as long as the daemon runs.
final class ReportScheduler: Sendable {
    /// Days ahead of today of which no counts are believed. No log that was read makes such; a clock that was wrong once
    /// does, and one that is set back for a while must not lose what was counted before.
    private static let farAhead: Int64 = 400
    /// Days for which counts of other machines may be waited for.
    private static let longestWait: Int64 = 2

    private let settings: Locked<ReportSettings>
    /// Whether a fleet makes the reports of what this machine counts.
    private let isInFleet: Bool
    private let store: Store
    private let records: any ReportRecordSource
    private let sender: ReportSender
    private let copies: ReportCopies
    private let clock: any WallClock
    private let logger: Logger
    private let startedAt: UTCTime
    private let agenda = Locked(DayAgenda())

    init(
        settings: ReportSettings, isInFleet: Bool = false, store: Store, records: any ReportRecordSource,
        carrier: any ReportCarrier, clock: any WallClock, logger: Logger
    ) {
        self.settings = Locked(settings)
        self.isInFleet = isInFleet
        self.store = store
        self.records = records
        self.clock = clock
        self.logger = logger
        startedAt = clock.now
        copies = ReportCopies(to: settings.copyPlace, carrier: carrier, logger: logger)
        sender = ReportSender(
            outbox: store, carrier: carrier, copier: copies, clock: clock, logger: logger, owner: UUID().uuidString)
    }

    /// Takes new settings; reports that are frozen stay as they are.
    func apply(_ new: ReportSettings) {
        settings.withLock { $0 = new }
        copies.apply(new.copyPlace)
    }

    /// Goes on until the task is cancelled; deliveries under way are then brought to their end.
    func run() async {
        let (isDaily, obstacle) = settings.withLock { ($0.isDaily, $0.obstacle) }
        if isDaily, let obstacle { logger.warning("\(obstacle)") }
        await noteMachine()
        await ReportRounds.run(build: buildDue, send: sendDue, prune: prune)
    }

    /// Builds the days whose time has come. A day that fails holds up no other.
    func buildDue() async {
        let settings = settings.withLock { $0 }
        guard settings.isDaily, settings.obstacle == nil else { return }
        let schedule = ReportSchedule(source: settings.reporting.source, startedAt: startedAt)
        let builder = ReportBuilder(
            counts: store, records: records, settings: settings.reporting, clock: clock, logger: logger)
        do {
            let oldest = settings.oldestDay(at: clock.now)
            for day in try await store.openDays(before: clock.now.day) where day >= oldest {
                // All others are the fleet's, also those of which it has nothing yet.
                if isInFleet, try await !store.reportsItself(day) { continue }
                guard agenda.withLock({ $0.isDue(day, schedule, at: clock.now) }), !Task.isCancelled else { continue }
                let readiness = try await store.readiness(
                    of: day, importing: settings.importFrom, until: settings.importEnd(of: day), at: clock.now)
                guard mayBuild(day, readiness) else { continue }
                agenda.withLock { $0.putOff(day, until: clock.now + ReportSchedule.retryPause) }
                await build(day, builder)
            }
        } catch {
            logger.warning("counts for reports cannot be read", metadata: ["cause": "\(error)"])
        }
    }

    /// Whether the counts of all machines are there, or have been waited for long enough; says for whom it waits.
    private func mayBuild(_ day: UTCDay, _ readiness: DayReadiness) -> Bool {
        switch readiness {
        case .complete: return true
        case .overdue(let machines):
            logger.warning(
                "the reports of a day are made without the counts of some machines",
                metadata: ["day": "\(day)", "machines": "\(machines.joined(separator: " "))"])
            return true
        case .waiting(let machines, let end):
            if agenda.withLock({ $0.isFirstWait(day) }) {
                logger.notice(
                    "the reports of a day wait for the counts of other machines",
                    metadata: [
                        "day": "\(day)", "machines": "\(machines.joined(separator: " "))", "until": "\(end)",
                    ])
            }
            return false
        }
    }

    /// Counts of two machines with one identity would take each other's place.
    private func noteMachine() async {
        do {
            guard try await store.node().isElsewhere else { return }
            logger.warning(
                "the store was made on another machine",
                metadata: ["cure": "if its counts are exported: sts-milter report export --moved, or --copied"])
        } catch {
            logger.warning("counts for reports cannot be read", metadata: ["cause": "\(error)"])
        }
    }

    private func build(_ day: UTCDay, _ builder: ReportBuilder) async {
        do {
            let summary = try await builder.build(day)
            logger.notice("reports made", metadata: summary.metadata(of: day))
        } catch is CancellationError {
            // The next start goes on where this one ends.
        } catch {
            logger.warning(
                "the reports of a day could not all be made", metadata: ["day": "\(day)", "cause": "\(error)"])
        }
    }

    /// Sends what is due.
    func sendDue() async {
        // What was made before the counts were exported still goes out.
        guard settings.withLock({ $0.schedule != .off }) else { return }
        do { try await sender.send(DeliveryOrder()) } catch {
            logger.warning("reports cannot be sent", metadata: ["cause": "\(error)"])
        }
    }

    /// Lets go of what is older than the retention.
    func prune() async {
        let days = settings.withLock { $0.retention.wholeDays }
        agenda.withLock { $0.prune(at: clock.now, keeping: Self.longestWait) }
        let today = clock.now.day
        do {
            try await store.prune(before: today.advanced(by: -days), after: today.advanced(by: Self.farAhead))
        } catch {
            logger.warning("old counts cannot be removed", metadata: ["cause": "\(error)"])
        }
    }
}
