// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import Reporting
import TLSRPT

extension FleetOutbox {
    /// Why a delivery is uncertain that some machine began and none ended.
    private static let lostText = "the machine that sent it did not say what came of it"
    /// Deliveries of one look.
    private static let maxLook = 100
    /// Which server it is, and since when it runs; and which table, should it be made anew from a backup.
    static let incarnation =
        "(extract(epoch FROM pg_postmaster_start_time())::text || ' ' || 'sts.sender'::regclass::oid::text)"

    private enum Look: Sendable {
        case claimed(Claim, [Int64])
        /// Nothing to do, or nothing that may be done yet.
        case nothing
        /// It must be said first what this machine has sent.
        case offerFirst(connection: Int, epoch: String)
        /// The database has gone back, or may have.
        case gone(back: Bool)
    }

    package func claim(_ order: DeliveryOrder, for owner: DeliveryOwner, at time: UTCTime) async throws -> Claim {
        let highest = try await highest()
        // Once for what is to be said first, and once more for what was said by then.
        for _ in 0..<3 {
            let (look, marks) = try await look(order, owner, at: time, highest)
            state.withLock { $0.highest = max($0.highest ?? 0, marks) }
            switch look {
            case .claimed(let claim, let rounds):
                state.withLock { state in
                    for (delivery, round) in zip(claim.deliveries, rounds) { state.rounds[Key(delivery)] = round }
                }
                try await keepHighest()
                return claim
            case .nothing: return Claim(deliveries: [], lost: [])
            case .offerFirst(let connection, let epoch):
                try await offer(at: database.time ?? time)
                state.withLock { $0.offered = (connection, epoch) }
            case .gone(let isBack):
                logger.warning(
                    "the fleet's database is another one or has gone back, its reports wait until all machines have said what they sent",
                    metadata: ["seconds": "\(limits.quiet.components.seconds)", "marks_lost": "\(isBack)"])
            }
        }
        return Claim(deliveries: [], lost: [])
    }

    /// - Returns: also the number of marks that the database has.
    private func look(
        _ order: DeliveryOrder, _ owner: DeliveryOwner, at time: UTCTime, _ highest: Int64
    ) async throws(FleetError) -> (Look, marks: Int64) {
        let offered = state.withLock { $0.offered }
        let quiet = limits.quiet
        return try await database.transaction { [database] session throws(PostgresError) -> (Look, marks: Int64) in
            let row = try session.run(
                """
                SELECT marks, epoch, incarnation = \(Self.incarnation), quiet_until > now()
                FROM sts.sender
                """
            ).first
            guard let row, let marks = row.integer(0), let epoch = row[1] else {
                throw PostgresError(.schema, "sts.sender has no row")
            }
            if !row.isTrue(2) || marks < highest {
                try Self.beginEpoch(highest, quiet: quiet, session)
                return (.gone(back: marks < highest), max(marks, highest))
            }
            let connection = database.connections
            guard let offered, offered.connection == connection, offered.epoch == epoch else {
                return (.offerFirst(connection: connection, epoch: epoch), marks)
            }
            guard !row.isTrue(3), try Self.hasWork(order, session) else { return (.nothing, marks) }
            // One machine at a time chooses, so that shares are those of the whole fleet.
            let isQuiet = try session.run(
                "SELECT quiet_until > now() OR epoch <> $1 FROM sts.sender FOR UPDATE", [.text(epoch)]
            ).first?.isTrue(0)
            guard isQuiet == false else { return (.nothing, marks) }
            let lost = try Self.giveUpLost(session)
            let due = try Self.due(order, at: database.time ?? time, session)
            for one in due { try Self.take(one.delivery, for: owner, session) }
            return (.claimed(Claim(deliveries: due.map(\.delivery), lost: lost), due.map(\.round)), marks)
        }
    }

    /// From now on machines say anew what they have sent, and for a time nothing is claimed.
    private static func beginEpoch(
        _ highest: Int64, quiet: Duration, _ session: PostgresSession
    ) throws(PostgresError) {
        try session.run(
            """
            UPDATE sts.sender SET incarnation = \(incarnation), epoch = gen_random_uuid()::text,
                marks = greatest(marks, $1) + 1, quiet_until = greatest(quiet_until, now() + make_interval(secs => $2))
            WHERE incarnation <> \(incarnation) OR marks < $1
            """, [.integer(highest), .seconds(quiet)])
    }

    private static func hasWork(_ order: DeliveryOrder, _ session: PostgresSession) throws(PostgresError) -> Bool {
        try session.run(
            """
            SELECT EXISTS (
                SELECT 1 FROM sts.delivery WHERE state IN ('waiting', 'deferred') AND claimed_until <= now()
                AND (next_try <= now() OR ($1 AND state = 'waiting'))
            ) OR EXISTS (SELECT 1 FROM sts.delivery WHERE state = 'sending' AND claimed_until <= now())
            """, [.text("\(order.ignoresSpread)")]
        ).first?.isTrue(0) ?? false
    }

    /// Deliveries under way whose owner is gone may have been accepted.
    private static func giveUpLost(_ session: PostgresSession) throws(PostgresError) -> [Delivery] {
        try session.run(
            """
            UPDATE sts.delivery SET state = 'uncertain', attempts = attempts + 1, text = $1
            WHERE state = 'sending' AND claimed_until <= now()
            RETURNING day, domain, destination, 'sending', attempts - 1
            """, [.text(lostText)]
        ).compactMap { delivery($0, firstAttempt: nil) }
    }

    private static func take(
        _ delivery: Delivery, for owner: DeliveryOwner, _ session: PostgresSession
    ) throws(PostgresError) {
        try session.run(
            """
            UPDATE sts.delivery SET claimed_by = $4, claimed_until = now() + make_interval(secs => $5),
                first_attempt = coalesce(first_attempt, now())
            WHERE \(Key.condition)
            """, Key(delivery).values + [.text(owner.name), .seconds(owner.lease)])
    }

    // MARK: Shares

    private struct Due {
        let delivery: Delivery
        let round: Int64
    }

    /// Deliveries that are due and free, in the order of their turns, to nobody more than the shares allow.
    private static func due(
        _ order: DeliveryOrder, at time: UTCTime, _ session: PostgresSession
    ) throws(PostgresError) -> [Due] {
        var shares = DeliveryShares(order)
        for row in try session.run("SELECT source, site, host FROM sts.delivery WHERE claimed_until > now()") {
            shares.begin(place(row, 0))
        }
        var due: [Due] = []
        var taken: Set<Key> = []
        for turn in DeliveryShares.turns {
            // Whoever has come to the end of a share may have thousands of rows left: each look is made without them.
            while due.count < order.limit, try !look(order, turn, time, &shares, &due, &taken, session) {}
        }
        return due
    }

    /// Takes what there is of a turn.
    /// - Returns: whether nothing is left of it that could be taken.
    private static func look(
        _ order: DeliveryOrder, _ turn: Int, _ time: UTCTime, _ shares: inout DeliveryShares, _ due: inout [Due],
        _ taken: inout Set<Key>, _ session: PostgresSession
    ) throws(PostgresError) -> Bool {
        let before = taken.count
        let rows = try session.run(
            """
            SELECT day, domain, destination, state, attempts, extract(epoch FROM now() - first_attempt)::bigint, round,
                source, site, host
            FROM sts.delivery
            WHERE state IN ('waiting', 'deferred') AND turn = $1 AND claimed_until <= now()
            AND (next_try <= now() OR ($2 AND state = 'waiting'))
            AND ($3::int IS NULL OR day = $3::int) AND ($4::text IS NULL OR domain = $4::text)
            AND source <> ALL($5::text[]) AND site <> ALL($6::text[]) AND host <> ALL($7::text[])
            AND (day, domain, destination) NOT IN (
                SELECT day, domain, destination FROM jsonb_to_recordset($8::jsonb)
                AS taken (day int, domain text, destination text))
            ORDER BY next_try, day, domain, destination LIMIT \(maxLook)
            """,
            [
                .integer(Int64(turn)), .text("\(order.ignoresSpread)"), order.day.map(PostgresValue.day) ?? .null,
                order.domain.map { .text($0.ascii) } ?? .null, .texts(shares.fullSources), .texts(shares.fullSites),
                .texts(shares.fullHosts), .rows(taken.map(TakenRow.init)),
            ])
        for row in rows where due.count < order.limit {
            let place = place(row, 7)
            guard shares.admits(place) else { continue }
            let first = row.integer(5).map { time.after(seconds: -$0) }
            // What cannot be read is nobody's to send, and must not be looked at again.
            guard let delivery = delivery(row, firstAttempt: first), taken.insert(Key(delivery)).inserted else {
                continue
            }
            shares.begin(place)
            due.append(Due(delivery: delivery, round: row.integer(6) ?? 0))
        }
        // Rows that were passed over have come to the end of a share, and are not in the next look.
        return rows.count < maxLook || taken.count == before
    }

    private struct TakenRow: Encodable {
        let day: Int64
        let domain, destination: String

        init(_ key: Key) {
            (day, domain, destination) = (key.day.daysSinceEpoch, key.domain.ascii, key.destination.description)
        }
    }

    /// - Parameter first: the column of the source; site and host follow.
    private static func place(_ row: PostgresRow, _ first: Int) -> DeliveryPlace {
        DeliveryPlace(source: row[first] ?? "", site: row[first + 1] ?? "", host: row[first + 2] ?? "")
    }

    /// By the columns day, domain, destination, state, attempts.
    private static func delivery(_ row: PostgresRow, firstAttempt: UTCTime?) -> Delivery? {
        guard let day = row.day(0), let domain = row[1].flatMap({ try? DomainName($0) }),
            let destination = row[2].flatMap({ try? ReportDestination($0) }),
            let state = row[3].flatMap(Delivery.State.init(rawValue:))
        else { return nil }
        // A delivery of the fleet is known by what it is.
        return Delivery(
            id: 0, day: day, domain: domain, destination: destination, state: state,
            attempts: row.integer(4).map(Int.init) ?? 0, firstAttempt: firstAttempt)
    }
}
