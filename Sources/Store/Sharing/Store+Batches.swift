// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Logging
import Reporting
import SQLite
import TLSRPT

/// Each row of counts says how much of it is in batches. A batch is made of the rest, in the transaction that says so: what
/// was counted together with the place in a log is in one batch, whenever the program ends.
extension Store: CountBatches {
    @discardableResult
    package func seal(at time: UTCTime, isThorough: Bool) async throws(StoreError) -> Int {
        let today = time.day
        let days = try await read { db in try Self.days(in: db) }
            .filter { $0 <= today && (isThorough || $0 >= today.advanced(by: -1)) }
        var made = 0
        for day in days {
            var next: String? = ""
            while let after = next {
                let (isMade, last) = try await write { [logger] db in
                    try Self.sealPiece(of: day, after: after, logger: logger, in: db)
                }
                if isMade { made += 1 }
                next = last
            }
        }
        return made
    }

    /// Makes a batch of the next domains of a day.
    /// - Returns: whether there was anything; and behind which domain the next piece begins.
    private static func sealPiece(
        of day: UTCDay, after: String, logger: Logger, in db: Database
    ) throws -> (isMade: Bool, last: String?) {
        guard try isShareable(day, in: db) else { return (false, nil) }
        let piece = try PieceReader(
            day: day, range: DomainRange(after: after), selection: .unshared, logger: logger
        ).read(db)
        let lines = piece.results.flatMap { results in
            results.policies.map { CountsLine(domain: results.domain, result: $0) }
        }
        guard !lines.isEmpty else { return (false, piece.last) }
        try db.execute(
            sql: """
                INSERT INTO count_batch (day, lines, sessions, body) VALUES (?, ?, ?, ?)
                """,
            arguments: [
                day.daysSinceEpoch, lines.count, lines.reduce(0) { saturatingSum($0, $1.result.tally.sessions) },
                try CountBatch.body(of: lines),
            ])
        try db.execute(
            sql: "INSERT OR IGNORE INTO shared_day (day) VALUES (?)", arguments: [day.daysSinceEpoch])
        let range: StatementArguments = [day.daysSinceEpoch, after, piece.last]
        let condition = "WHERE day = ?1 AND domain > ?2 AND (?3 IS NULL OR domain <= ?3)"
        try db.execute(
            sql: """
                UPDATE tally SET shared_successes = successes, shared_failures = failures \(condition)
                AND (successes <> shared_successes OR failures <> shared_failures)
                """, arguments: range)
        try db.execute(
            sql: "UPDATE failure SET shared = sessions \(condition) AND sessions <> shared", arguments: range)
        return (true, piece.last)
    }

    /// Whether the fleet makes the day's reports: not if they are begun here, or another machine's counts of the day came here
    /// by a file, or this one's went to another.
    private static func isShareable(_ day: UTCDay, in db: Database) throws -> Bool {
        guard try node(in: db).firstDay <= day else { return false }
        return try Bool.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM shared_day WHERE day = ?1)
                        OR NOT EXISTS (SELECT 1 FROM report_day WHERE day = ?1)
                        AND NOT EXISTS (SELECT 1 FROM exported_day WHERE day = ?1)
                        AND NOT EXISTS (SELECT 1 FROM imported_day WHERE day = ?1 AND is_complete = 1)
                    """),
            arguments: [day.daysSinceEpoch]) ?? false
    }

    package func waiting(limitOctets: Int) async throws(StoreError) -> (node: String, batches: [CountBatch]) {
        try await read { db in
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT number, day, lines, sessions, body FROM count_batch WHERE shipped_at IS NULL
                        ORDER BY number
                        """))
            var batches: [CountBatch] = []
            var octets = 0
            while octets < limitOctets, let row = try rows.next() {
                let body: [UInt8] = row[4]
                octets += body.count
                batches.append(
                    CountBatch(
                        number: row[0], day: UTCDay(daysSinceEpoch: row[1]), lines: row[2], sessions: row[3],
                        body: Array(body)))
            }
            return (try Self.node(in: db).id, batches)
        }
    }

    package func noteShipped(_ numbers: [Int64], at time: UTCTime) async throws(StoreError) {
        try await setShipped(numbers, at: time)
    }

    package func noteLacking(_ numbers: [Int64]) async throws(StoreError) { try await setShipped(numbers, at: nil) }

    private func setShipped(_ numbers: [Int64], at time: UTCTime?) async throws(StoreError) {
        guard !numbers.isEmpty else { return }
        try await write { db in
            let update = try db.cachedStatement(sql: "UPDATE count_batch SET shipped_at = ? WHERE number = ?")
            for number in numbers { try update.execute(arguments: [time?.secondsSinceEpoch, number]) }
        }
    }

    package func shipped() async throws(StoreError) -> (kept: [Int64], newest: Int64) {
        try await read { db in
            let kept = try Int64.fetchAll(
                db, sql: "SELECT number FROM count_batch WHERE shipped_at IS NOT NULL ORDER BY number")
            let newest = try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'count_batch'")
            return (kept, newest ?? 0)
        }
    }

    package func dropShipped(before time: UTCTime) async throws(StoreError) {
        let isAny = try await read { db in
            try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM count_batch WHERE shipped_at < ?)",
                arguments: [time.secondsSinceEpoch]) ?? false
        }
        guard isAny else { return }
        try await write { db in
            try db.execute(
                sql: "DELETE FROM count_batch WHERE shipped_at < ?", arguments: [time.secondsSinceEpoch])
        }
    }

    package func backlog() async throws(StoreError) -> CountBacklog {
        try await read { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT count(*), min(day) FROM count_batch WHERE shipped_at IS NULL")
            return CountBacklog(
                batches: row?[0] ?? 0, oldest: (row?[1] as Int64?).map(UTCDay.init(daysSinceEpoch:)))
        }
    }

    /// Whether a day's reports are this machine's to make although it is in a fleet: they are begun here, or another machine's
    /// counts of the day came by a file.
    package func reportsItself(_ day: UTCDay) async throws(StoreError) -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM report_day WHERE day = ?1)
                        OR EXISTS (SELECT 1 FROM imported_day WHERE day = ?1 AND is_complete = 1)
                    """,
                arguments: [day.daysSinceEpoch]) ?? false
        }
    }
}
