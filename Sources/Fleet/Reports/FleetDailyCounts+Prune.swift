// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL

extension FleetDailyCounts {
    /// How long the batches of a day that has ended are kept: a machine whose shipping was not confirmed may offer one again.
    package static let batchesKept = Duration.seconds(7 * 86_400)
    /// Rows of one statement.
    private static let pieceCount = 5000

    /// Lets go of what is older than the retention. One machine at a time does it; the others leave it to that one.
    /// - Parameter days: days that are kept.
    package func prune(keeping days: Int64) async throws {
        let old = "day < \(Self.today) - \(days)"
        let ended = """
            received < now() - make_interval(secs => \(Self.batchesKept.components.seconds))
            AND day IN (SELECT day FROM sts.day WHERE ended IS NOT NULL)
            """
        let tables = [
            ("batch", old), ("batch", ended), ("delivery", old), ("report", old), ("report_share", old),
            ("refusal", old),
            ("suppression", "until < now()"), ("counted", old), ("day", old),
        ]
        for (table, condition) in tables {
            while try await delete(from: table, condition) == Self.pieceCount { try Task.checkCancellation() }
        }
    }

    /// - Returns: how many rows went.
    private func delete(from table: String, _ condition: String) async throws(FleetError) -> Int {
        try await database.transaction { session throws(PostgresError) in
            let isAlone =
                try session.run("SELECT pg_try_advisory_xact_lock(\(FleetSchema.Lock.prune))").first?.isTrue(0) ?? false
            guard isAlone else { return 0 }
            return try session.run(
                """
                DELETE FROM sts.\(table) WHERE ctid = ANY(ARRAY(
                    SELECT ctid FROM sts.\(table) WHERE \(condition) LIMIT \(Self.pieceCount)))
                RETURNING 1
                """
            ).count
        }
    }
}
