// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import TLSRPT

/// Where the fleet's reports go by mail, whoever sends them: the mail that carries one may pass any machine.
package final class FleetAddresses: Sendable {
    /// Days whose reports may still be under way.
    private static let reach: Int64 = 5
    /// How long after its begin a transaction may still add reports.
    private static let overlap = Duration.seconds(300)
    /// Rows of one look.
    package static let maxRows = 50_000

    private struct State {
        /// Up to when reports were looked for, by the database's clock.
        var since = "-infinity"
        /// The last day on which each gets one.
        var days: [String: Int64] = [:]
    }

    private let database: FleetDatabase
    private let pieceCount: Int
    private let state = Locked(State())

    /// - Parameter pieceCount: rows of one look.
    package init(_ database: FleetDatabase, pieceCount: Int = maxRows) {
        self.database = database
        self.pieceCount = pieceCount
    }

    /// Reads those that are new, and gives all.
    package func refresh() async throws(FleetError) -> Set<String> {
        // Before the first piece: what is settled meanwhile is read again next time.
        let now = try await database.perform { session throws(PostgresError) in
            try session.run(
                "SELECT (now() - make_interval(secs => $1))::text, \(FleetDailyCounts.today)", [.seconds(Self.overlap)]
            ).first
        }
        var days: [String: Int64] = [:]
        var last = ""
        while true {
            let rows = try await piece(after: last)
            for row in rows {
                guard let day = row.integer(0),
                    case .mail(let mailbox)? = row[1].flatMap({ try? ReportDestination($0) })
                else { continue }
                days[mailbox.description] = max(day, days[mailbox.description] ?? day)
            }
            guard rows.count == pieceCount, let end = rows.last?[1] else { break }
            last = end
        }
        return state.withLock { state in
            if let text = now?[0] { state.since = text }
            state.days.merge(days, uniquingKeysWith: max)
            if let today = now?.integer(1) { state.days = state.days.filter { $0.value >= today - Self.reach } }
            return Set(state.days.keys)
        }
    }

    private func piece(after last: String) async throws(FleetError) -> [PostgresRow] {
        let (since, count) = (state.withLock { $0.since }, pieceCount)
        return try await database.perform { session throws(PostgresError) in
            try session.run(
                """
                SELECT max(d.day), d.destination FROM sts.report r
                JOIN sts.delivery d ON d.day = r.day AND d.domain = r.domain
                WHERE r.settled > greatest($1::timestamptz, now() - make_interval(days => $2))
                AND d.destination LIKE 'mailto:%' AND d.destination > $3
                GROUP BY d.destination ORDER BY d.destination LIMIT \(count)
                """, [.text(since), .integer(Self.reach), .text(last)])
        }
    }
}
