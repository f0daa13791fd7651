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

    private enum Warning: RepeatedWarning {
        case failing, store
        var message: Logger.Message {
            switch self {
            case .failing: "the fleet's database cannot be used, counts wait"
            case .store: "counts for the fleet cannot be read from the store or noted there"
            }
        }
    }

    private struct State {
        var sealedAt: UTCTime?
        var thoroughAt: UTCTime?
        /// Up to which moment all was in batches when it was last looked.
        var sealedThrough: UTCTime?
    }

    private let batches: any CountBatches
    private let database: FleetDatabase
    private let member: FleetMember
    private let shipper: CountShipper
    private let countedThrough: @Sendable () async -> UTCTime?
    private let clock: any WallClock
    private let warnings: RateLimitedLog<Warning>
    private let state = Locked(State())

    /// - Parameter countedThrough: up to when all that the MTA said is counted and written; nil while that is not known.
    package init(
        _ batches: any CountBatches, by database: FleetDatabase, as member: FleetMember, clock: any WallClock,
        logger: Logger, countedThrough: @escaping @Sendable () async -> UTCTime?
    ) {
        self.batches = batches
        self.database = database
        self.member = member
        self.countedThrough = countedThrough
        self.clock = clock
        shipper = CountShipper(batches, to: database, as: member, clock: clock)
        warnings = RateLimitedLog(logger: logger)
    }

    /// Goes on until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            await step()
            try? await Task.sleep(for: Self.interval)
        }
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
            if case .database(let error) = error, error.cause == .conflict { return }
            let waiting = try? await batches.backlog()
            warnings.warn(.failing, ["cause": "\(error)", "batches-waiting": "\(waiting?.batches ?? 0)"])
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

    /// Says that this machine lives, what waits here, and which days are whole there.
    private func tell() async throws {
        let backlog = try await batches.backlog()
        // A moment for what is logged late; then the day before is whole, unless some of it waits.
        let whole = state.withLock { $0.sealedThrough }.map { ($0 - Self.grace).day.advanced(by: -1) }
        let closed = whole.map { min($0, backlog.oldest?.advanced(by: -1) ?? $0) }
        let node = member.node
        let refusal: FleetError? = try await database.transaction { [database] session throws(PostgresError) in
            if let refusal = try database.confirm(session) { return refusal }
            try session.run(
                "UPDATE sts.node SET waiting = $2, closed_through = coalesce($3, closed_through) WHERE node = $1",
                [
                    .text(node), .integer(Int64(backlog.batches)),
                    closed.map { .integer($0.daysSinceEpoch) } ?? .null,
                ])
            return nil
        }
        if let refusal { throw refusal }
    }
}
