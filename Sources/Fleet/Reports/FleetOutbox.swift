// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import PostgreSQL
import Reporting
import TLSRPT

/// The deliveries of the fleet's reports. Each has one owner at a time among all machines, by a lease that ends by the
/// database's clock.
///
/// A delivery that was marked as being sent is never sent again by itself. The mark is in two places before the last octet
/// goes: in the database, and in the store of the machine that sends. For the database may go back: it is restored from a
/// backup, or a standby takes over that lacks the last transactions. Then:
///
/// - Each machine, after each new connection and before it claims anything, says what it has sent in the last days (`offer`).
/// - Nothing is claimed for ``Limits/quiet`` once the database is seen to be another server, or one that was started since,
///   or to have fewer marks than a machine has seen: so that all machines can say so first.
///
/// What remains possible: a machine that has sent, and is down or cut off while the database goes back and for as long as the
/// quiet lasts, cannot say so, and what it sent may be sent again by another one. So may what the last seconds before held,
/// if somebody puts rows of seconds ago back by hand into a server that runs on. And where two servers take writes at once,
/// each for a part of the machines and for longer than a claim lasts, both parts send.
package final class FleetOutbox: ReportOutbox {
    package struct Limits: Sendable, Hashable {
        /// How long nothing is claimed after the database may have gone back: machines look for work each half minute.
        package var quiet = Duration.seconds(300)
        /// How long a machine remembers what it has sent: as old as a backup may be that is put back.
        package var memory = Duration.seconds(14 * 86_400)

        package init() {}
    }

    struct Key: Hashable, Sendable {
        let day: UTCDay
        let domain: DomainName
        let destination: ReportDestination

        init(_ delivery: Delivery) {
            (day, domain, destination) = (delivery.day, delivery.domain, delivery.destination)
        }

        /// Of the first three parameters of a statement.
        static let condition = "day = $1 AND domain = $2 AND destination = $3"
        var values: [PostgresValue] { [.day(day), .text(domain.ascii), .text(destination.description)] }
    }

    struct State {
        /// The connection and the epoch for which was said what this machine has sent.
        var offered: (connection: Int, epoch: String)?
        /// Nil until the memory was asked.
        var highest: Int64?
        /// Rounds of what is claimed, and what of it is marked.
        var rounds: [Key: Int64] = [:]
        var marked: Set<Key> = []
    }

    let database: FleetDatabase
    let memory: any SendingMemory
    let limits: Limits
    let logger: Logger
    let state = Locked(State())

    package init(
        _ database: FleetDatabase, memory: any SendingMemory, limits: Limits = Limits(), logger: Logger
    ) {
        self.database = database
        self.memory = memory
        self.limits = limits
        self.logger = logger
    }

    package func report(of delivery: Delivery) async throws -> CompressedReport? {
        let row = try await database.perform { session throws(PostgresError) in
            try session.run(
                """
                SELECT file_name, organization, contact, report_id, successes, failures, body FROM sts.report
                WHERE day = $1 AND domain = $2 AND body IS NOT NULL
                """, [.day(delivery.day), .text(delivery.domain.ascii)]
            ).first
        }
        guard let row, let name = row[0], let fileName = ReportFileName(name), let body = row.octets(6) else {
            return nil
        }
        let totals = row.integer(4).flatMap { successes in
            row.integer(5).map { Tally(successes: Int(successes), failures: Int($0)) }
        }
        return CompressedReport(
            policyDomain: delivery.domain, submitter: fileName.sender, organizationName: row[1] ?? "",
            contactInfo: row[2] ?? "", reportID: row[3] ?? "", day: delivery.day, fileName: fileName, body: body,
            totals: totals)
    }

    // MARK: Marking

    /// Here first, then in the database: where the second fails, nothing was sent, and here it says so.
    package func markSending(
        _ delivery: Delivery, by owner: DeliveryOwner, at time: UTCTime
    ) async throws -> Bool {
        let key = Key(delivery)
        guard let round = state.withLock({ $0.rounds[key] }) else { return false }
        func sending(_ outcome: KeptSending.Outcome) -> KeptSending {
            KeptSending(
                day: key.day, domain: key.domain, destination: key.destination, round: round, owner: owner.name,
                attempts: delivery.attempts, markedAt: time, outcome: outcome)
        }
        try await memory.keep(sending(.underWay))
        let number: Int64?
        do {
            number = try await mark(key, round, owner)
        } catch {
            try? await memory.keep(sending(.withdrawn))
            throw error
        }
        guard let number else {
            try? await memory.forget(sending(.underWay))
            return false
        }
        state.withLock { state in
            state.marked.insert(key)
            state.highest = max(state.highest ?? 0, number)
        }
        return true
    }

    /// - Returns: the number of the mark; nil if the delivery is not the owner's.
    private func mark(_ key: Key, _ round: Int64, _ owner: DeliveryOwner) async throws(FleetError) -> Int64? {
        try await database.transaction { session throws(PostgresError) in
            let number = try session.run("UPDATE sts.sender SET marks = marks + 1 RETURNING marks").first?.integer(0)
            let isOurs = try !session.run(
                """
                UPDATE sts.delivery SET state = 'sending', claimed_until = now() + make_interval(secs => $6)
                WHERE \(Key.condition) AND claimed_by = $4 AND round = $5 AND claimed_until > now()
                AND state IN ('waiting', 'deferred') RETURNING day
                """, key.values + [.text(owner.name), .integer(round), .seconds(owner.lease)]
            ).isEmpty
            return isOurs ? number : nil
        }
    }

    // MARK: Concluding

    package func conclude(
        _ delivery: Delivery, as conclusion: DeliveryConclusion?, by owner: DeliveryOwner, at time: UTCTime
    ) async throws {
        let key = Key(delivery)
        let (round, wasMarked) = state.withLock { ($0.rounds.removeValue(forKey: key), $0.marked.remove(key) != nil) }
        guard let round else { return }
        func sending(_ outcome: KeptSending.Outcome) -> KeptSending {
            KeptSending(
                day: key.day, domain: key.domain, destination: key.destination, round: round, owner: owner.name,
                attempts: delivery.attempts, markedAt: time, outcome: outcome)
        }
        // What the database was not told is said again.
        var isTold = false
        defer { if !isTold { state.withLock { $0.offered = nil } } }
        guard let conclusion else {
            try await giveBack(key, round, owner, attempts: delivery.attempts, wasMarked: wasMarked)
            isTold = true
            if !wasMarked { try await memory.forget(sending(.withdrawn)) }
            return
        }
        // What came of it is known here alone until the database has it.
        if wasMarked { try? await memory.keep(sending(.concluded(conclusion))) }
        let isWritten = try await write(conclusion, of: delivery, round, owner, at: time)
        isTold = isWritten
        // The next attempt may be another machine's.
        if wasMarked, isWritten, !conclusion.state.isFinal { try await memory.forget(sending(.concluded(conclusion))) }
        try await keepHighest()
    }

    /// For no attempt. Whether the mark was written may not be known; that nothing was sent is.
    private func giveBack(
        _ key: Key, _ round: Int64, _ owner: DeliveryOwner, attempts: Int, wasMarked: Bool
    ) async throws(FleetError) {
        // What was marked becomes uncertain at the next look.
        let isSent = wasMarked ? "true" : "false"
        try await database.perform { session throws(PostgresError) in
            _ = try session.run(
                """
                UPDATE sts.delivery SET claimed_until = '-infinity', attempts = $6,
                    state = CASE WHEN \(isSent) OR state NOT IN ('sending', 'uncertain') THEN state
                        WHEN $6 = 0 THEN 'waiting' ELSE 'deferred' END
                WHERE \(Key.condition) AND claimed_by = $4 AND round = $5
                """, key.values + [.text(owner.name), .integer(round), .integer(Int64(attempts))])
        }
    }

    /// Also past the lease: the owner knows what nobody else can know.
    private func write(
        _ conclusion: DeliveryConclusion, of delivery: Delivery, _ round: Int64, _ owner: DeliveryOwner,
        at time: UTCTime
    ) async throws(FleetError) -> Bool {
        let key = Key(delivery)
        return try await database.transaction { session throws(PostgresError) in
            let isOurs = try !session.run(
                """
                UPDATE sts.delivery SET state = $6, attempts = $7, next_try = now() + make_interval(secs => $8), text = $9,
                    claimed_until = '-infinity'
                WHERE \(Key.condition) AND claimed_by = $4 AND round = $5 RETURNING day
                """,
                key.values + [
                    .text(owner.name), .integer(round), .text(conclusion.state.rawValue),
                    .integer(Int64(delivery.attempts + 1)), .seconds(conclusion.nextTry - time), .text(conclusion.text),
                ]
            ).isEmpty
            guard isOurs else { return false }
            try Self.note(conclusion, of: key, session)
            try FleetDailyCounts.dropBodies(of: key.day, [key.domain.ascii], session)
            return true
        }
    }

    /// Remembers refusals: a destination that refuses on several days is left alone for a time.
    private static func note(
        _ conclusion: DeliveryConclusion, of key: Key, _ session: PostgresSession
    ) throws(PostgresError) {
        let destination = PostgresValue.text(key.destination.description)
        switch conclusion.state {
        case .accepted: try session.run("DELETE FROM sts.refusal WHERE destination = $1", [destination])
        case .refused:
            try session.run(
                "INSERT INTO sts.refusal (destination, day) VALUES ($1, \(FleetDailyCounts.today)) ON CONFLICT DO NOTHING",
                [destination])
            let days = try session.run("SELECT count(*) FROM sts.refusal WHERE destination = $1", [destination])
            guard days.first?.integer(0) ?? 0 >= Int64(SuppressionRule.refusalDays) else { return }
            try session.run(
                """
                INSERT INTO sts.suppression (destination, until, text) VALUES ($1, now() + make_interval(secs => $2), $3)
                ON CONFLICT (destination) DO UPDATE SET until = excluded.until, text = excluded.text
                """, [destination, .seconds(SuppressionRule.duration), .text(conclusion.text)])
            // Once it is tried again, three more days of refusals count, not one.
            try session.run("DELETE FROM sts.refusal WHERE destination = $1", [destination])
            try session.run(
                """
                UPDATE sts.delivery SET state = 'suppressed', text = $2
                WHERE destination = $1 AND state IN ('waiting', 'deferred') AND claimed_until <= now()
                """, [destination, .text(conclusion.text)])
        case .waiting, .sending, .deferred, .uncertain, .expired, .suppressed: return
        }
    }

    // MARK: Marks that were seen

    func highest() async throws -> Int64 {
        if let known = state.withLock({ $0.highest }) { return known }
        let kept = try await memory.highestMark()
        return state.withLock { state in
            state.highest = max(state.highest ?? 0, kept)
            return state.highest ?? 0
        }
    }

    /// So that it outlasts a restart.
    func keepHighest() async throws {
        guard let highest = state.withLock({ $0.highest }), try await memory.highestMark() < highest else { return }
        try await memory.noteMark(highest)
    }
}
