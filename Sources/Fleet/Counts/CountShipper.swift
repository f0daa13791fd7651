// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import Reporting
import TLSRPT

/// Brings this machine's batches to the fleet's database, each once.
///
/// A batch is kept here until the database has had it for some days. One that was sent without an answer is sent again: its
/// number tells that it is there already. After each new connection the database is asked which of the kept it has, so that
/// one that was put back from a backup, or a standby that lacks the last transactions, gets the others again.
package actor CountShipper {
    /// How long a batch is kept that the database has had: the longest time by which it may go back.
    package static let keptFor = Duration.seconds(3 * 86_400)
    /// Octets of batches in one transaction.
    static let transactionOctets = 4 << 20

    private let database: FleetDatabase
    private let batches: any CountBatches
    private let member: FleetMember
    private let clock: any WallClock
    /// The connection in which the kept batches were last compared.
    private var comparedOn = 0

    package init(
        _ batches: any CountBatches, to database: FleetDatabase, as member: FleetMember, clock: any WallClock
    ) {
        self.batches = batches
        self.database = database
        self.member = member
        self.clock = clock
    }

    /// Sends all that waits.
    /// - Returns: how many were sent.
    /// - Throws: ``FleetError``, or what the store says. What was not sent waits on.
    @discardableResult
    package func ship() async throws -> Int {
        var count = 0
        try await compare()
        while true {
            let (node, waiting) = try await batches.waiting(limitOctets: Self.transactionOctets)
            guard node == member.node else { throw FleetError.otherStore }
            guard !waiting.isEmpty else { break }
            try await send(waiting)
            try await batches.noteShipped(waiting.map(\.number), at: clock.now)
            count += waiting.count
        }
        try await batches.dropShipped(before: clock.now - Self.keptFor)
        return count
    }

    /// Has those wait again that the database lacks.
    private func compare() async throws {
        // Makes a connection if there is none.
        try await database.perform { session throws(PostgresError) in _ = try session.run("SELECT 1") }
        let connection = database.connections
        guard connection != comparedOn else { return }
        let (kept, newest) = try await batches.shipped()
        let first = kept.first ?? newest + 1
        let node = member.node
        let there = try await database.perform { session throws(PostgresError) in
            let last = try session.run(
                "SELECT coalesce(max(number), 0) FROM sts.batch WHERE node = $1", [.text(node)]
            ).first?.integer(0)
            var numbers: Set<Int64> = []
            var next = first
            // A piece at a time, as an answer is bounded.
            while true {
                let piece = try session.run(
                    "SELECT number FROM sts.batch WHERE node = $1 AND number >= $2 ORDER BY number LIMIT 10000",
                    [.text(node), .integer(next)]
                ).compactMap { $0.integer(0) }
                numbers.formUnion(piece)
                guard piece.count == 10_000, let end = piece.last else { return (last: last ?? 0, numbers: numbers) }
                next = end + 1
            }
        }
        guard there.last <= newest else { throw FleetError.storeIsOlder }
        try await batches.noteLacking(kept.filter { !there.numbers.contains($0) })
        comparedOn = connection
    }

    private func send(_ waiting: [CountBatch]) async throws {
        let node = member.node
        let refusal: FleetError? = try await database.transaction { [database] session throws(PostgresError) in
            if let refusal = try database.confirm(session) { return refusal }
            for (day, batches) in Dictionary(grouping: waiting, by: \.day).sorted(by: { $0.key < $1.key }) {
                try Self.lock(day, session)
                var new: [CountBatch] = []
                for batch in batches {
                    switch try Self.insert(batch, of: node, session) {
                    case .new: new.append(batch)
                    case .there: continue
                    case .another: return .storeIsOlder
                    }
                }
                try Self.count(new, of: node, on: day, session)
            }
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Nobody ends the day before the transaction ends; a day that was ended goes on, for what comes now is counted late.
    private static func lock(_ day: UTCDay, _ session: PostgresSession) throws(PostgresError) {
        let number = PostgresValue.integer(day.daysSinceEpoch)
        try session.run("INSERT INTO sts.day (day) VALUES ($1) ON CONFLICT DO NOTHING", [number])
        // First of all: two that both hold a share lock would wait for each other.
        let open = "UPDATE sts.day SET ended = NULL, \(FleetDailyCounts.rest) WHERE day = $1 AND ended IS NOT NULL"
        try session.run(open, [number])
        let row = try session.run("SELECT ended FROM sts.day WHERE day = $1 FOR SHARE", [number]).first
        // It was ended between the two.
        if row?[0] != nil { try session.run(open, [number]) }
    }

    private enum Insertion { case new, there, another }

    /// - Returns: whether the database had the batch, or another one of that number.
    private static func insert(
        _ batch: CountBatch, of node: String, _ session: PostgresSession
    ) throws(PostgresError) -> Insertion {
        let key: [PostgresValue] = [.text(node), .integer(batch.number), .octets(batch.body)]
        let inserted = try session.run(
            """
            INSERT INTO sts.batch (node, number, body, day, lines, sessions) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT DO NOTHING RETURNING number
            """,
            key + [
                .integer(batch.day.daysSinceEpoch), .integer(Int64(batch.lines)), .integer(Int64(batch.sessions)),
            ])
        guard inserted.isEmpty else { return .new }
        let isThere = try !session.run(
            "SELECT 1 FROM sts.batch WHERE node = $1 AND number = $2 AND body = $3", key
        ).isEmpty
        return isThere ? .there : .another
    }

    /// Adds to what has come of the day.
    private static func count(
        _ batches: [CountBatch], of node: String, on day: UTCDay, _ session: PostgresSession
    ) throws(PostgresError) {
        guard !batches.isEmpty else { return }
        try session.run(
            """
            INSERT INTO sts.counted AS c (day, node, batches, sessions) VALUES ($1, $2, $3, $4)
            ON CONFLICT (day, node) DO UPDATE SET
                batches = c.batches + excluded.batches, sessions = c.sessions + excluded.sessions
            """,
            [
                .day(day), .text(node), .integer(Int64(batches.count)),
                .integer(Int64(batches.reduce(0) { saturatingSum($0, $1.sessions) })),
            ])
    }
}
