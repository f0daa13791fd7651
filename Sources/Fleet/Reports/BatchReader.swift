// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import Reporting

/// Which batches of a day there are, in a form that is quick to compare: their number, and a sum over their keys.
struct BatchesRead: Sendable, Hashable {
    /// Of one key. Small enough that the keys of a day have a sum.
    static let hash = "hashtextextended(node, number) & 4294967295"

    var count: Int64 = 0
    var sum: Int64 = 0

    init() {}

    /// Those in the database now.
    init(_ day: UTCDay, _ session: PostgresSession) throws(PostgresError) {
        let row = try session.run(
            "SELECT count(*), coalesce(sum(\(Self.hash)), 0)::bigint FROM sts.batch WHERE day = $1 AND NOT skipped",
            [.day(day)]
        ).first
        count = row?.integer(0) ?? 0
        sum = row?.integer(1) ?? 0
    }
}

/// Reads the batches of a day, some at a time, and adds them up.
struct BatchReader: Sendable {
    /// Batches of one statement, and octets past which it takes no further one.
    static let maxBatches = 200
    static let maxOctets = 4 << 20
    /// Octets of one batch.
    static let maxBatchOctets = 16 << 20
    /// Lines that are added in one go.
    static let maxLines = 2000

    private struct Batch: Sendable {
        let node: String
        let number: Int64
        let lines: Int64
        let hash: Int64
        /// Nil if it is too long.
        let body: [UInt8]?
    }

    private let database: FleetDatabase
    private let sums: any DaySums

    init(_ database: FleetDatabase, _ sums: any DaySums) {
        self.database = database
        self.sums = sums
    }

    /// - Parameter renew: is called between pieces.
    /// - Returns: what was read, all of it added up.
    func read(_ day: UTCDay, renew: @Sendable () async throws -> Void) async throws -> BatchesRead {
        try await sums.begin()
        var read = BatchesRead()
        var last = (node: "", number: Int64.min)
        while true {
            let piece = try await piece(of: day, after: last)
            guard let end = piece.last else { return read }
            for batch in piece {
                try await add(batch, on: day)
                read.count += 1
                read.sum += batch.hash
            }
            last = (end.node, end.number)
            try Task.checkCancellation()
            try await renew()
        }
    }

    private func piece(of day: UTCDay, after last: (node: String, number: Int64)) async throws(FleetError) -> [Batch] {
        try await database.perform(within: .seconds(60)) { session throws(PostgresError) in
            try session.run(
                """
                SELECT node, number, lines, hash, CASE WHEN octets <= \(Self.maxBatchOctets) THEN body END FROM (
                    SELECT *, sum(octets) OVER (ORDER BY node, number) - octets AS before FROM (
                        SELECT node, number, lines, \(BatchesRead.hash) AS hash, body, octet_length(body) AS octets
                        FROM sts.batch WHERE day = $1 AND NOT skipped AND (node, number) > ($2, $3)
                        ORDER BY node, number LIMIT \(Self.maxBatches)
                    ) next
                ) piece WHERE before < \(Self.maxOctets) ORDER BY node, number
                """, [.day(day), .text(last.node), .integer(last.number)]
            ).map { row in
                Batch(
                    node: row[0] ?? "", number: row.integer(1) ?? 0, lines: row.integer(2) ?? 0,
                    hash: row.integer(3) ?? 0, body: row.octets(4))
            }
        }
    }

    private func add(_ batch: Batch, on day: UTCDay) async throws {
        func unreadable(_ why: String) -> FleetDayError {
            .unreadable(day, node: batch.node, number: batch.number, why: why)
        }
        guard let body = batch.body else { throw unreadable("more than \(Self.maxBatchOctets) octets") }
        var count: Int64 = 0
        var lines = CountBatchLines(body)
        while true {
            let next: [CountsLine]
            do throws(CountsFileError) { next = try lines.next(Self.maxLines) } catch {
                throw unreadable("line \(error.line): \(error.text)")
            }
            if next.isEmpty { break }
            count += Int64(next.count)
            try await sums.add(next, on: day)
        }
        guard count == batch.lines else { throw unreadable("\(count) lines instead of \(batch.lines)") }
    }
}
