// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import Reporting

/// The days of the fleet, what was counted on them by all machines, and what became of it.
///
/// A day is one machine's at a time, by a lease of its row, whose fence grows with each owner. Each transaction that writes
/// locks the row first and looks whether owner and fence are still ours: a machine that stood still past its lease, and
/// comes back while another is at work, writes nothing.
///
/// The owner adds up all batches of the day in `DaySums` of its own, by which nothing is lost when it goes: the next owner
/// adds them up anew. What was decided is in the database.
package final class FleetDailyCounts: DailyCounts {
    /// How long a day stays ours without a word: longer than the pause between two pieces of work on it.
    package static let lease = Duration.seconds(600)
    /// Machines that were seen within this time are waited for; so are those that had sent all of the days just before, which
    /// were there until the database went away.
    package static let living = Duration.seconds(2 * 86_400)
    /// How long the database has to answer this machine before a day is made without others: after an outage they come one by
    /// one.
    package static let usualSteadiness = Duration.seconds(900)
    /// Before a day is added up once more that late counts have opened; twice as long with each further time, up to 64 times.
    /// Batches are kept for a week, so that a machine that is always late has a day added up eight times at most.
    package static let firstRest = Duration.seconds(3600)
    private static let mostDoublings = 6
    /// Of a day's row: late counts have opened it.
    static let rest = """
        openings = openings + 1,
        rests_until = now() + make_interval(secs => \(firstRest.components.seconds) * (1 << least(openings, \(mostDoublings))))
        """
    /// Machines that are named.
    private static let maxNamed = 20
    /// The day of now.
    static let today = "(extract(epoch FROM now())::bigint / 86400)"

    struct Held: Sendable, Hashable {
        let day: UTCDay
        let fence: Int64
    }

    private struct State {
        var held: Held?
        /// What is in the sums, and of which lease.
        var read: (held: Held, batches: BatchesRead)?
    }

    let database: FleetDatabase
    let sums: any DaySums
    /// Unlike that of any other process.
    let owner: String
    private let wait: Duration
    private let steadiness: Duration
    private let state = Locked(State())

    /// - Parameters:
    ///   - host: this machine's name, for who asks who has a day.
    ///   - wait: how long after its end a day waits for machines.
    package init(
        _ database: FleetDatabase, sums: any DaySums, host: String, wait: Duration,
        steadiness: Duration = usualSteadiness
    ) {
        self.database = database
        self.sums = sums
        self.wait = wait
        self.steadiness = steadiness
        owner = host + " " + String(UInt64.random(in: 0...UInt64.max), radix: 16)
    }

    /// The name of the machine whose process is the owner of a day, safe to print; nil if nobody is.
    static func host(ofOwner owner: String?) -> String? {
        owner?.split(separator: " ").first.map { printable(String($0), limit: 253) }
    }

    // MARK: Days

    /// The days before today, by the database's clock, that are not ended, that nobody else works on, and of which no late
    /// counts are waited for.
    package func openDays(before day: UTCDay) async throws -> [UTCDay] {
        let owner = owner
        return try await database.perform { session throws(PostgresError) in
            try session.run(
                """
                SELECT day FROM sts.day WHERE ended IS NULL AND day < \(Self.today) AND (owner = $1 OR until < now())
                AND rests_until <= now() AND EXISTS (SELECT 1 FROM sts.batch b WHERE b.day = sts.day.day) ORDER BY day
                """, [.text(owner)]
            ).compactMap { $0.day(0) }
        }
    }

    /// - Parameter time: now, where the database's clock is not known.
    package func readiness(of day: UTCDay, at time: UTCTime) async throws(FleetError) -> DayReadiness {
        let (missing, left) = try await missing(on: day)
        guard !missing.isEmpty else { return .complete }
        let remaining = left > .zero ? left : steadiness - database.steadyFor
        return remaining > .zero ? .waiting(missing, until: (database.time ?? time) + remaining) : .overdue(missing)
    }

    /// The hosts that have not sent all of the day and are waited for, and for how long by the database's clock; none if work
    /// on the reports has begun.
    private func missing(on day: UTCDay) async throws(FleetError) -> (hosts: [String], left: Duration) {
        let wait = wait
        return try await database.perform { session throws(PostgresError) in
            let row = try session.run(
                """
                SELECT began IS NOT NULL, ((day + 1)::bigint * 86400 + $2::bigint - extract(epoch FROM now()))::bigint
                FROM sts.day WHERE day = $1
                """, [.day(day), .seconds(wait)]
            ).first
            guard let row, !row.isTrue(0) else { return ([], .zero) }
            let hosts = try session.run(
                """
                SELECT host FROM sts.node WHERE closed_through < $1
                AND (seen > now() - make_interval(secs => $2) OR closed_through >= $1 - 2)
                ORDER BY host, node LIMIT \(Self.maxNamed)
                """, [.day(day), .seconds(Self.living)]
            ).compactMap { $0[0].map { printable($0, limit: 253) } }
            return (hosts, .seconds(row.integer(1) ?? 0))
        }
    }

    // MARK: The lease

    /// Takes the day, or stays its owner, and adds up its counts where that is not done.
    package func begin(_ day: UTCDay, at time: UTCTime) async throws -> UTCTime {
        let (owner, now) = (owner, Self.today)
        let row = try await database.transaction { session throws(PostgresError) in
            try session.run(
                """
                UPDATE sts.day SET owner = $2, until = now() + make_interval(secs => $3),
                    fence = fence + (owner <> $2)::int, began = coalesce(began, now())
                WHERE day = $1 AND ended IS NULL AND day < \(now) AND (owner = $2 OR until < now())
                RETURNING fence, extract(epoch FROM now() - began)::bigint
                """, [.day(day), .text(owner), .seconds(Self.lease)]
            ).first
        }
        guard let row, let fence = row.integer(0) else { throw FleetDayError.notOurs(day) }
        let held = Held(day: day, fence: fence)
        state.withLock { $0.held = held }
        try await addUp(held)
        return (database.time ?? time).after(seconds: -(row.integer(1) ?? 0))
    }

    /// What is in the sums stays if the lease is the same and no batch has come since.
    private func addUp(_ held: Held) async throws {
        let read = state.withLock { $0.read }
        if let read, read.held == held {
            let now = try await database.perform { session throws(PostgresError) in try BatchesRead(held.day, session) }
            if now == read.batches { return }
        }
        state.withLock { $0.read = nil }
        do {
            let batches = try await BatchReader(database, sums).read(held.day) { try await self.renew(held) }
            try await note("", held)
            state.withLock { $0.read = (held, batches) }
        } catch let error as FleetDayError {
            if case .unreadable = error { try await note("\(error)", held) }
            throw error
        }
    }

    /// Says in the day's row why it does not go on.
    private func note(_ trouble: String, _ held: Held) async throws {
        let owner = owner
        try await database.perform { session throws(PostgresError) in
            _ = try session.run(
                "UPDATE sts.day SET trouble = $4 WHERE day = $1 AND owner = $2 AND fence = $3",
                [.day(held.day), .text(owner), .integer(held.fence), .text(trouble)])
        }
    }

    /// Keeps the day for as long again.
    private func renew(_ held: Held, for length: Duration = lease) async throws {
        let owner = owner
        let isOurs = try await database.perform { session throws(PostgresError) in
            try !session.run(
                """
                UPDATE sts.day SET until = now() + make_interval(secs => $4)
                WHERE day = $1 AND owner = $2 AND fence = $3 RETURNING day
                """, [.day(held.day), .text(owner), .integer(held.fence), .seconds(length)]
            ).isEmpty
        }
        guard isOurs else { throw lost(held) }
    }

    /// Keeps the day although nothing is done for it until later, so that nobody else does at once what we would do then.
    package func rest(_ day: UTCDay, for pause: Duration) async throws {
        guard let held = state.withLock({ $0.held }), held.day == day else { return }
        try await renew(held, for: pause + Self.lease)
    }

    /// Leaves the day to others, who may be able to do what we are not.
    package func giveBack(_ day: UTCDay) async throws {
        guard let held = state.withLock({ $0.held }), held.day == day else { return }
        state.withLock { state in
            state.held = nil
            state.read = nil
        }
        let owner = owner
        try await database.perform { session throws(PostgresError) in
            _ = try session.run(
                "UPDATE sts.day SET until = now(), owner = '' WHERE day = $1 AND owner = $2 AND fence = $3",
                [.day(held.day), .text(owner), .integer(held.fence)])
        }
    }

    /// Gives back what is ours, so that nobody waits for the end of the lease.
    package func close() async {
        state.withLock { state in
            state.held = nil
            state.read = nil
        }
        sums.end()
        let owner = owner
        // Without it the lease runs out by itself.
        _ = try? await database.perform(within: .seconds(2)) { session throws(PostgresError) in
            _ = try session.run("UPDATE sts.day SET until = now() WHERE owner = $1 AND until > now()", [.text(owner)])
        }
    }

    func held(_ day: UTCDay) throws(FleetDayError) -> Held {
        guard let held = state.withLock({ $0.held }), held.day == day else { throw .lost(day) }
        return held
    }

    func lost(_ held: Held) -> FleetDayError {
        state.withLock { state in
            if state.held == held { state.held = nil }
            state.read = nil
        }
        return .lost(held.day)
    }

    /// Locks the day's row until the transaction ends.
    /// - Returns: whether the day is ours.
    static func lock(_ held: Held, _ owner: String, _ session: PostgresSession) throws(PostgresError) -> Bool {
        try session.run(
            "SELECT owner = $2 AND fence = $3 AND ended IS NULL FROM sts.day WHERE day = $1 FOR UPDATE",
            [.day(held.day), .text(owner), .integer(held.fence)]
        ).first?.isTrue(0) ?? false
    }

    // MARK: Work on a day

    package func unsettled(on day: UTCDay, in range: DomainRange) async throws -> ResultsPiece {
        let held = try held(day)
        try await renew(held)
        let piece = try await sums.piece(of: day, in: range)
        let names = piece.results.map(\.domain.ascii)
        let settled = try await database.perform { session throws(PostgresError) in
            Set(
                try session.run(
                    "SELECT domain FROM sts.report WHERE day = $1 AND domain = ANY($2::text[])",
                    [.day(day), .texts(names)]
                ).compactMap { $0[0] })
        }
        return ResultsPiece(results: piece.results.filter { !settled.contains($0.domain.ascii) }, last: piece.last)
    }

    /// Ends the day, if the batches that are there now are those that were added up: a machine writes a batch under a lock of
    /// the day's row, so that it comes before the look, or after the end, which it takes back. If there are others, the day
    /// rests as one that they have opened: they may come faster than a large day can be added up.
    package func end(_ day: UTCDay, at time: UTCTime) async throws {
        let held = try held(day)
        guard let read = state.withLock({ $0.read }), read.held == held else { throw lost(held) }
        let owner = owner
        enum Outcome: Sendable { case ended, lost, more }
        let outcome = try await database.transaction { session throws(PostgresError) -> Outcome in
            guard try Self.lock(held, owner, session) else { return .lost }
            guard try BatchesRead(day, session) == read.batches else {
                try session.run("UPDATE sts.day SET until = now(), \(Self.rest) WHERE day = $1", [.day(day)])
                return .more
            }
            try session.run("UPDATE sts.day SET ended = now(), until = now() WHERE day = $1", [.day(day)])
            return .ended
        }
        if outcome == .lost { throw lost(held) }
        state.withLock { state in
            state.held = nil
            state.read = nil
        }
        sums.end()
        if outcome == .more { throw FleetDayError.moreCounts(day) }
    }

    /// What stands in the ids of reports, the same for all machines.
    package func token() async throws(FleetError) -> String {
        try await database.perform { session throws(PostgresError) in
            let token = try session.run("SELECT token FROM sts.sender").first?[0] ?? ""
            guard !token.isEmpty, token.utf8.allSatisfy(Self.isLetterOrDigit) else {
                throw PostgresError(.schema, "sts.sender has no token")
            }
            return token
        }
    }

    private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        (0x30...0x39).contains(octet) || (0x61...0x7A).contains(octet)
    }
}
