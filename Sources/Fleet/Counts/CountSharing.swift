// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import PostgreSQL
import Reporting

/// Shares what this machine counts with the fleet, and says up to which day that is all.
package final class CountSharing: Sendable {
    /// Between batches. They are needed once a day, and few large ones cost all machines less than many small ones.
    package static let sealInterval = Duration.seconds(60)
    /// Between two words to the database; a failure is tried again after as long.
    package static let interval = Duration.seconds(15)
    /// Between looks through days of before, of which seldom anything is counted.
    private static let thoroughInterval = Duration.seconds(3600)
    /// How long after its end a day goes on: deliveries are logged some seconds after they ended.
    static let grace = Duration.seconds(300)
    /// By how much a clock may differ from the database's before it is said: less than the pause after the end of a day.
    package static let clockTolerance: Int64 = 60
    /// Machines that are named.
    private static let maxNamed = 20

    private enum Warning: RepeatedWarning {
        case failing, store
        var message: Logger.Message {
            switch self {
            case .failing: "the fleet's database cannot be used, counts wait"
            case .store: "counts for the fleet cannot be read from the store or noted there"
            }
        }
    }

    private enum Trouble: Sendable { case clock }

    private struct State {
        var sealedAt: UTCTime?
        var thoroughAt: UTCTime?
        /// Up to which moment all was in batches when it was last looked.
        var sealedThrough: UTCTime?
        var settings: FleetSettingValues
        var troubles = OngoingTroubles<Trouble>()
        /// What was said of the settings of others: the machines by the setting.
        var differing: [String: [String]] = [:]
    }

    private let batches: any CountBatches
    private let database: FleetDatabase
    private let member: FleetMember
    private let shipper: CountShipper
    private let countedThrough: @Sendable () async -> UTCTime?
    private let clock: any WallClock
    private let warnings: RateLimitedLog<Warning>
    private let logger: Logger
    private let state: Locked<State>

    /// - Parameters:
    ///   - settings: those of this machine that have to be the same on all.
    ///   - countedThrough: up to when all that the MTA said is counted and written; nil while that is not known.
    package init(
        _ batches: any CountBatches, by database: FleetDatabase, as member: FleetMember,
        settings: FleetSettingValues = FleetSettingValues([:]), clock: any WallClock, logger: Logger,
        countedThrough: @escaping @Sendable () async -> UTCTime?
    ) {
        self.logger = logger
        state = Locked(State(settings: settings))
        self.batches = batches
        self.database = database
        self.member = member
        self.countedThrough = countedThrough
        self.clock = clock
        shipper = CountShipper(batches, to: database, as: member, clock: FleetClock(database, else: clock))
        warnings = RateLimitedLog(logger: logger)
    }

    /// Takes new settings.
    package func apply(_ settings: FleetSettingValues) { state.withLock { $0.settings = settings } }

    /// Goes on until the task is cancelled.
    package func run() async {
        await every(Self.interval) { await step() }
    }

    /// Makes batches if it is time, sends what waits, and says so.
    package func step() async {
        do {
            try await seal()
            try await shipper.ship()
            try await tell()
            if warnings.end(.failing) { warnings.logger.notice("the fleet's database is used again") }
        } catch is CancellationError {
            return
        } catch let error as FleetError {
            // Two that met in one row: the next look goes on.
            if error.isConflict { return }
            let waiting = try? await batches.backlog()
            warnings.warn(.failing, ["cause": "\(error)", "batches_waiting": "\(waiting?.batches ?? 0)"])
        } catch {
            warnings.warn(.store, ["cause": "\(error)"])
        }
    }

    /// Sends what was counted since the last batch: on a machine that is stopped for long, nothing of a day waits.
    package func finish() async {
        do {
            try await batches.seal(at: clock.now, isThorough: false)
            try await shipper.ship()
        } catch {
            // It waits for the next start.
        }
    }

    private func seal() async throws {
        let now = clock.now
        let (isDue, isThorough) = state.withLock { state in
            // The clock was set back: what it said before of what is read may lie ahead.
            if let last = state.sealedAt, now < last { state.sealedThrough = nil }
            // Until it is known what was read, the logs may tell of any day.
            let isThorough =
                state.sealedThrough == nil
                || state.thoroughAt.map { now - $0 >= Self.thoroughInterval || now < $0 } ?? true
            let isDue = state.sealedAt.map { now - $0 >= Self.sealInterval || now < $0 } ?? true
            // A day that has ended is closed as soon as may be.
            let isClosing = state.sealedThrough.map { ($0 - Self.grace).day != (now - Self.grace).day } ?? true
            return (isDue || isClosing, isThorough)
        }
        guard isDue || isThorough else { return }
        let through = await countedThrough()
        try await batches.seal(at: now, isThorough: isThorough)
        state.withLock { state in
            state.sealedAt = now
            if isThorough { state.thoroughAt = now }
            if let through { state.sealedThrough = through }
        }
    }

    /// What the database says to a word of this machine.
    private enum Answer: Sendable {
        case refused(FleetError)
        /// Its time, and the machines whose settings are not ours.
        case heard(milliseconds: Int64?, [(host: String, settings: FleetSettingValues)])
    }

    /// Says that this machine lives, what waits here, and which days are whole there; hears whether it is as others are.
    private func tell() async throws {
        let backlog = try await batches.backlog()
        let (through, settings) = state.withLock { ($0.sealedThrough, $0.settings) }
        // A moment for what is logged late; then the day before is whole, unless some of it waits.
        let whole = through.map { ($0 - Self.grace).day.advanced(by: -1) }
        let closed = whole.map { min($0, backlog.oldest?.advanced(by: -1) ?? $0) }
        let (node, text, ahead) = (member.node, settings.text, database.clockAhead ?? 0)
        let answer = try await database.transaction { [database] session throws(PostgresError) -> Answer in
            if let refusal = try database.confirm(session) { return .refused(refusal) }
            // A machine whose clock is ahead has not closed what for all others is not over.
            let time = try session.run(
                """
                UPDATE sts.node SET waiting = $2, clock_ahead = $4, settings = $5, closed_through = least(
                    coalesce($3, closed_through),
                    (extract(epoch FROM now())::bigint - \(Self.grace.components.seconds)) / 86400 - 1)
                WHERE node = $1 RETURNING \(FleetDatabase.timeColumn)
                """,
                [
                    .text(node), .integer(Int64(backlog.batches)), closed.map { .integer($0.daysSinceEpoch) } ?? .null,
                    .integer(ahead), .text(text),
                ]
            ).first?.integer(0)
            let others = try session.run(
                """
                SELECT host, settings FROM sts.node WHERE settings NOT IN ('', $1) AND $1 <> ''
                AND seen > now() - make_interval(secs => $2) ORDER BY host, node LIMIT \(Self.maxNamed)
                """, [.text(text), .seconds(FleetDailyCounts.living)]
            ).map { (printable($0[0] ?? "", limit: 253), FleetSettingValues(text: $0[1] ?? "")) }
            return .heard(milliseconds: time, others)
        }
        switch answer {
        case .refused(let refusal): throw refusal
        case .heard(let milliseconds, let others):
            database.noteTime(milliseconds)
            warnOfClock()
            warn(of: others, settings)
        }
    }

    private func warnOfClock() {
        guard let ahead = database.clockAhead else { return }
        if abs(ahead) > Self.clockTolerance {
            guard state.withLock({ $0.troubles.begins(.clock) }) else { return }
            logger.warning(
                "the clock of this machine differs from that of the fleet's database",
                metadata: ["seconds_ahead": "\(ahead)"])
        } else if state.withLock({ $0.troubles.ends(.clock) }) {
            logger.notice("the clock of this machine is that of the fleet's database again")
        }
    }

    /// Names each setting with the machines that have it otherwise, once until that changes.
    private func warn(of others: [(host: String, settings: FleetSettingValues)], _ settings: FleetSettingValues) {
        var differing: [String: [String]] = [:]
        for other in others {
            for (key, value) in other.settings.values where settings.values[key].map({ $0 != value }) ?? false {
                differing[key, default: []].append(other.host)
            }
        }
        let before = state.withLock { state in
            defer { state.differing = differing }
            return state.differing
        }
        for (key, hosts) in differing.sorted(by: { $0.key < $1.key }) where before[key] != hosts {
            logger.warning(
                "a setting differs between machines of the fleet, and whoever makes a report goes by its own",
                metadata: ["setting": "\(key)", "machines": "\(hosts.joined(separator: " "))"])
        }
        if differing.isEmpty, !before.isEmpty {
            logger.notice("the settings that have to be the same in the fleet are so again")
        }
    }
}
