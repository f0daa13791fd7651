// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL

/// The fleet's database, for work in the background. While it cannot be used each call fails soon, and nothing is remembered
/// of it: whoever calls tries again.
package final class FleetDatabase: Sendable {
    package typealias Work<Value> = @Sendable (PostgresSession) throws(PostgresError) -> Value

    /// How long one piece of work may take, the connecting included.
    package static let usualLimit = Duration.seconds(20)

    /// What is known of the database.
    package enum Health: Sendable, Hashable {
        /// Nothing was asked of it yet.
        case untried
        case working
        /// The first failure since it last worked, and the last.
        case failing(since: UTCTime, FleetError)
    }

    private struct State {
        /// Whether the connection of now was looked at.
        var isAdmitted = false
        /// When this daemon was first let in, by the database's clock.
        var began: String?
        var health = Health.untried
        /// Since when the connection of now was let in.
        var steadySince: ContinuousClock.Instant?
        /// Connections so far: what was read from one before may no longer be so.
        var connections = 0
        /// What its clock said last, since 1970, and when it did.
        var told: (time: Duration, at: ContinuousClock.Instant)?
        var clockAhead: Int64?
    }

    private let member: FleetMember
    /// Drawn at each start.
    private let session: String
    private let clock: any WallClock
    private let state: Locked<State>
    private let connection: PostgresConnection

    /// Nothing is connected yet.
    package init(
        _ server: FleetServer, as member: FleetMember, clock: any WallClock
    ) throws(PostgresError) {
        self.member = member
        self.clock = clock
        session = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        let state = Locked(State())
        self.state = state
        connection = try PostgresConnection(server.text) { event in
            state.withLock { state in
                state.isAdmitted = false
                state.steadySince = nil
                if case .connected = event { state.connections += 1 }
            }
        }
    }

    package func close() { connection.close() }

    package var health: Health { state.withLock { $0.health } }
    /// For how long the database has been there without a break.
    package var steadyFor: Duration { state.withLock { $0.steadySince }.map { .now - $0 } ?? .zero }
    /// Grows with each new connection.
    package var connections: Int { state.withLock { $0.connections } }

    /// The time by the database's clock: what it said last, and what has passed since. Nil before its first word.
    ///
    /// Whatever the clock of this machine says or becomes, what all machines have to agree on goes by this one.
    package var time: UTCTime? {
        state.withLock { $0.told }.map { UTCTime(secondsSinceEpoch: ($0.time + (.now - $0.at)).components.seconds) }
    }

    /// By how many seconds this machine's clock was ahead of the database's when that last told the time.
    package var clockAhead: Int64? { state.withLock { $0.clockAhead } }

    /// What ``noteTime(_:)`` takes, as a column of an answer: milliseconds since 1970.
    static let timeColumn = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

    /// Takes note of the time that the database has just told.
    func noteTime(_ milliseconds: Int64?) {
        guard let milliseconds else { return }
        let now = clock.now
        state.withLock { state in
            state.told = (.milliseconds(milliseconds), .now)
            state.clockAhead = now.secondsSinceEpoch - milliseconds / 1000
        }
    }

    /// Runs work in one transaction. After `PostgresError.Cause.late` and `uncertain` it may have been
    /// committed all the same: the work must be such that it can be done again.
    package func transaction<Value: Sendable>(
        within limit: Duration = usualLimit, _ work: @escaping Work<Value>
    ) async throws(FleetError) -> Value {
        try await perform(within: limit) { session throws(PostgresError) in try session.transaction(work) }
    }

    /// Runs work, each statement of which is a transaction of its own.
    package func perform<Value: Sendable>(
        within limit: Duration = usualLimit, _ work: @escaping Work<Value>
    ) async throws(FleetError) -> Value {
        let result: Result<Value, FleetError>
        do throws(PostgresError) {
            result = try await connection.perform(within: limit) { [self] session throws(PostgresError) in
                if !state.withLock({ $0.isAdmitted }) {
                    if let refusal = try admit(session) { return .failure(refusal) }
                    state.withLock { state in
                        state.isAdmitted = true
                        state.steadySince = .now
                    }
                }
                return .success(try work(session))
            }
        } catch {
            result = .failure(.database(error))
        }
        note(result)
        return try result.get()
    }

    private func note<Value>(_ result: Result<Value, FleetError>) {
        let now = clock.now
        state.withLock { state in
            switch (result, state.health) {
            case (.success, _): state.health = .working
            case (.failure(let error), .failing(let since, _)): state.health = .failing(since: since, error)
            case (.failure(let error), _):
                // Two that met in one row, and go on at once.
                if case .database(let error) = error, [.conflict, .duplicate].contains(error.cause) { return }
                state.health = .failing(since: now, error)
            }
        }
    }

    // MARK: Who we are

    /// Looks whether the tables can be used, and says that this machine is here.
    /// - Returns: why it must not go on.
    private func admit(_ session: PostgresSession) throws(PostgresError) -> FleetError? {
        if let refusal = try FleetSchema.refusal(session) { return refusal }
        return try session.transaction { session throws(PostgresError) in
            let row = try session.run(
                "SELECT machine, host, session, began > $2::timestamptz FROM sts.node WHERE node = $1 FOR UPDATE",
                [.text(member.node), state.withLock { $0.began }.map(PostgresValue.text) ?? .null]
            ).first
            if let row {
                let (machine, host) = (row[0] ?? "", row[1] ?? "")
                // An identity that the system does not give tells nothing.
                if machine != member.machine, !machine.isEmpty, !member.machine.isEmpty {
                    return .copied(host: printable(host))
                }
                // The row of an earlier start is ours to take; so is one that a restored database has of a start before it.
                if row[2] != self.session, row[3] == "t" { return .copied(host: printable(host)) }
            }
            let told = try session.run(
                """
                INSERT INTO sts.node (node, machine, host, program, version, session, began, seen)
                VALUES ($1, $2, $3, $4, $5, $6, now(), now())
                ON CONFLICT (node) DO UPDATE SET
                    machine = excluded.machine, host = excluded.host, program = excluded.program,
                    version = excluded.version, session = excluded.session, seen = excluded.seen,
                    began = CASE WHEN node.session = excluded.session THEN node.began ELSE excluded.began END
                RETURNING began, \(Self.timeColumn)
                """,
                [
                    .text(member.node), .text(member.machine), .text(member.host), .text(member.program),
                    .integer(Int64(FleetSchema.version)), .text(self.session),
                ]
            ).first
            state.withLock { $0.began = told?[0] }
            noteTime(told?.integer(1))
            return nil
        }
    }

    /// Says that this machine lives, as a part of a transaction: work that only one daemon may do under an identity.
    /// - Returns: why it must not be done, where another daemon has taken the identity.
    func confirm(_ session: PostgresSession) throws(PostgresError) -> FleetError? {
        let isOurs = try !session.run(
            "UPDATE sts.node SET seen = now() WHERE node = $1 AND session = $2 RETURNING node",
            [.text(member.node), .text(self.session)]
        ).isEmpty
        if isOurs { return nil }
        if let row = try session.run("SELECT host FROM sts.node WHERE node = $1", [.text(member.node)]).first {
            return .copied(host: printable(row[0] ?? ""))
        }
        // Somebody has removed a machine that lives: it says that it is here.
        state.withLock { $0.isAdmitted = false }
        throw PostgresError(.conflict, state: "40001", "the row of this machine is gone")
    }
}
