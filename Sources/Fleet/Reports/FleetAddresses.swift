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
    private static let maxRows = 50_000

    private struct State {
        /// Up to when reports were looked for, by the database's clock.
        var since = "-infinity"
        /// The last day on which each gets one.
        var days: [String: Int64] = [:]
    }

    private let database: FleetDatabase
    private let state = Locked(State())

    package init(_ database: FleetDatabase) { self.database = database }

    /// Reads those that are new, and gives all.
    package func refresh() async throws(FleetError) -> Set<String> {
        let since = state.withLock { $0.since }
        let (until, rows) = try await database.perform { session throws(PostgresError) in
            let now = try session.run(
                "SELECT (now() - make_interval(secs => $1))::text, \(FleetBook.today)", [.seconds(Self.overlap)]
            ).first
            let rows = try session.run(
                """
                SELECT max(d.day), d.destination FROM sts.report r
                JOIN sts.delivery d ON d.day = r.day AND d.domain = r.domain
                WHERE r.settled > greatest($1::timestamptz, now() - make_interval(days => $2))
                AND d.destination LIKE 'mailto:%' GROUP BY d.destination LIMIT \(Self.maxRows)
                """, [.text(since), .integer(Self.reach)])
            return (now, rows)
        }
        return state.withLock { state in
            if let text = until?[0] { state.since = text }
            for row in rows {
                guard let day = row.integer(0),
                    case .mail(let mailbox)? = row[1].flatMap({ try? ReportDestination($0) })
                else { continue }
                state.days[mailbox.description] = max(day, state.days[mailbox.description] ?? day)
            }
            if let today = until?.integer(1) { state.days = state.days.filter { $0.value >= today - Self.reach } }
            return Set(state.days.keys)
        }
    }
}
