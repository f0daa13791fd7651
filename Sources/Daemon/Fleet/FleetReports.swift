// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Fleet
import FoundationEssentials
import Logging
import Reporting
import Settings
import Store

/// Makes the fleet's reports of finished days and sends them, together with the other machines: what there is to do is
/// whoever's takes it first. While the database cannot be used nothing is made and nothing sent.
final class FleetReports: Sendable {
    /// Days for which machines may be waited for.
    private static let longestWait: Int64 = 7

    private let settings: Locked<ReportSettings>
    private let counts: FleetDailyCounts
    private let records: any ReportRecordSource
    private let sender: ReportSender
    private let addresses: FleetAddresses
    private let noteAddresses: @Sendable (Set<String>) -> Void
    private let copies: ReportCopies
    private let clock: any WallClock
    private let logger: Logger
    private let agenda = Locked(DayAgenda())
    private enum Work: String, Sendable { case make, send, remove }
    /// What was said to wait for the database.
    private let failing = Locked(OngoingTroubles<Work>())

    /// - Parameter noteAddresses: is told where the reports of all machines go by mail.
    init(
        _ fleet: FleetSettings, _ settings: ReportSettings, host: DomainName, database: FleetDatabase, store: Store,
        records: any ReportRecordSource, carrier: any ReportCarrier, clock: any WallClock, logger: Logger,
        steadiness: Duration = FleetDailyCounts.usualSteadiness,
        noteAddresses: @escaping @Sendable (Set<String>) -> Void
    ) {
        self.settings = Locked(settings)
        self.records = records
        self.noteAddresses = noteAddresses
        addresses = FleetAddresses(database)
        self.clock = clock
        self.logger = logger
        // Beside the store: there is room, and it is the daemon's to write to.
        let sums = ScratchCounts(path: store.path + ".fleet", logger: logger)
        counts = FleetDailyCounts(database, sums: sums, host: host.ascii, wait: fleet.wait, steadiness: steadiness)
        copies = ReportCopies(to: settings.copyPlace, carrier: carrier, logger: logger)
        sender = ReportSender(
            outbox: FleetOutbox(database, memory: store, logger: logger), carrier: carrier, copier: copies,
            clock: clock,
            logger: logger, owner: UUID().uuidString)
    }

    /// Takes new settings; reports that are frozen stay as they are.
    func apply(_ new: ReportSettings) {
        settings.withLock { $0 = new }
        copies.apply(new.copyPlace)
    }

    /// Goes on until the task is cancelled; deliveries under way are then brought to their end.
    func run() async {
        await ReportRounds.run(build: buildDue, send: sendDue, prune: prune)
        await counts.close()
    }

    /// Builds the days whose time has come and that are nobody else's.
    func buildDue() async {
        let settings = settings.withLock { $0 }
        guard settings.isDaily, settings.obstacle == nil else { return }
        do {
            // First of all: by the answer the time of the fleet is known.
            let open = try await counts.openDays(before: clock.now.day)
            let oldest = settings.oldestDay(at: clock.now)
            let days = open.filter { $0 >= oldest }
            var reporting = settings.reporting
            if !days.isEmpty { reporting.token = try await counts.token() }
            let builder = ReportBuilder(
                counts: counts, records: records, settings: reporting, clock: clock, logger: logger)
            // Not all fleets ask their resolvers at midnight.
            let schedule = ReportSchedule(source: reporting.token ?? "")
            for day in days where agenda.withLock({ $0.isDue(day, schedule, at: clock.now) }) {
                guard !Task.isCancelled else { continue }
                // Whom this day waits for, the later ones would miss as well.
                guard let missing = try await missing(day) else { break }
                try await build(day, builder, without: missing)
            }
            noteDone(.make)
        } catch {
            note(error, in: .make)
        }
    }

    /// The machines without whose counts the day is to be made, none mostly; nil while they are waited for.
    private func missing(_ day: UTCDay) async throws -> [String]? {
        switch try await counts.readiness(of: day, at: clock.now) {
        case .complete: return []
        case .overdue(let machines): return machines
        case .waiting(let machines, let end):
            if agenda.withLock({ $0.isFirstWait(day) }) {
                logger.notice(
                    "the fleet's reports of a day wait for the counts of machines",
                    metadata: [
                        "day": "\(day)", "machines": "\(machines.joined(separator: " "))",
                        "until": "\(end)",
                    ])
            }
            return nil
        }
    }

    /// - Throws: what keeps the other days as well from being made.
    private func build(_ day: UTCDay, _ builder: ReportBuilder, without missing: [String]) async throws {
        do {
            let summary = try await builder.build(day)
            if !missing.isEmpty {
                logger.warning(
                    "the fleet's reports of a day are made without the counts of some machines",
                    metadata: ["day": "\(day)", "machines": "\(missing.joined(separator: " "))"])
            }
            logger.notice("the fleet's reports made", metadata: summary.metadata(of: day))
            if summary.pending > 0 { try await rest(day) }
        } catch is CancellationError {
            // Whoever comes next goes on where this ends.
        } catch let error as FleetError {
            throw error
        } catch let error as FleetDayError {
            switch error {
            case .notOurs: break
            // The next look goes on with them.
            case .moreCounts:
                logger.info("more counts have come for a day of the fleet", metadata: ["day": "\(day)"])
            case .lost:
                warn(day, error)
                try await rest(day)
            case .unreadable:
                warn(day, error)
                // A later version can read more.
                try await counts.giveBack(day)
                agenda.withLock { $0.putOff(day, until: clock.now + ReportSchedule.retryPause) }
            }
        } catch {
            warn(day, error)
            agenda.withLock { $0.putOff(day, until: clock.now + ReportSchedule.retryPause) }
        }
    }

    private func warn(_ day: UTCDay, _ error: any Error) {
        logger.warning(
            "the fleet's reports of a day could not all be made here", metadata: ["day": "\(day)", "cause": "\(error)"])
    }

    /// Looks at the day again later; until then it stays ours, if it is.
    private func rest(_ day: UTCDay) async throws {
        agenda.withLock { $0.putOff(day, until: clock.now + ReportSchedule.retryPause) }
        do { try await counts.rest(day, for: ReportSchedule.retryPause) } catch is FleetDayError {
            // It is another machine's now.
        }
    }

    /// Sends what is due.
    func sendDue() async {
        guard settings.withLock({ $0.schedule != .off }) else { return }
        do {
            noteAddresses(try await addresses.refresh())
            try await sender.send(DeliveryOrder())
            noteDone(.send)
        } catch {
            note(error, in: .send)
        }
    }

    /// Lets go of what is older than the retention.
    func prune() async {
        let retention = settings.withLock { $0.retention }
        agenda.withLock { $0.prune(at: clock.now, keeping: Self.longestWait) }
        do {
            try await counts.prune(keeping: retention.wholeDays)
            noteDone(.remove)
        } catch {
            note(error, in: .remove)
        }
    }

    private func note(_ error: any Error, in work: Work) {
        if error is CancellationError { return }
        // Two that met in one row: the next look goes on.
        if let error = error as? FleetError, error.isConflict { return }
        guard failing.withLock({ $0.begins(work) }) else { return }
        logger.warning(
            "the fleet's reports wait, its database cannot be used",
            metadata: ["work": "\(work.rawValue)", "cause": "\(error)"])
    }

    private func noteDone(_ work: Work) {
        guard failing.withLock({ $0.ends(work) }) else { return }
        logger.notice(
            "the fleet's database can be used again, its reports go on", metadata: ["work": "\(work.rawValue)"])
    }
}
