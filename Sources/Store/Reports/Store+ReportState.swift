// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import SQLite

/// How it stands with the reports of the last days.
package struct ReportState: Sendable, Hashable {
    /// Deliveries, and domains without a report, by the word for their state.
    package var counts: [String: Int] = [:]
    /// Deliveries that could be tried now.
    package var due = 0
    /// When the next delivery is tried.
    package var nextTry: UTCTime?
    /// When the last day was finished.
    package var lastRun: UTCTime?
    /// Destinations that are left alone, since they refused too often.
    package var suppressed = 0
    /// What failed last, the latest first.
    package var failures: [ReportLine] = []

    package init() {}
}

extension Store {
    /// Failures that are named.
    private static let mostFailures = 50

    /// - Parameter first: the first day that is counted; what is due is counted of all.
    package func reportState(since first: UTCDay, at time: UTCTime) async throws(StoreError) -> ReportState {
        try await read { db in
            var state = ReportState()
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT coalesce(d.state, r.state), count(*) FROM report r LEFT JOIN delivery d ON d.report = r.id
                    WHERE r.day >= ? GROUP BY 1
                    """, arguments: [first.daysSinceEpoch])
            for row in rows { state.counts[row[0]] = row[1] }
            let open = try Row.fetchOne(
                db,
                sql: """
                    SELECT coalesce(sum(next_try <= ?1), 0), min(next_try) FROM delivery
                    WHERE state IN ('waiting', 'deferred')
                    """, arguments: [time.secondsSinceEpoch])
            state.due = open?[0] ?? 0
            state.nextTry = (open?[1] as Int64?).map(UTCTime.init(secondsSinceEpoch:))
            state.lastRun = try Int64.fetchOne(db, sql: "SELECT max(ended_at) FROM report_day").map(
                UTCTime.init(secondsSinceEpoch:))
            state.suppressed =
                try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM suppression WHERE until > ?", arguments: [time.secondsSinceEpoch])
                ?? 0
            state.failures = try Self.failures(since: first, in: db)
            return state
        }
    }

    private static func failures(since first: UTCDay, in db: Database) throws -> [ReportLine] {
        let states = Delivery.State.allCases.filter(\.isFailure).map(\.rawValue)
        let words = states.map { "'\($0)'" }.joined(separator: ", ")
        return try Row.fetchAll(
            db,
            sql: """
                SELECT r.day, r.domain, d.state, d.destination, d.attempts, d.text
                FROM delivery d JOIN report r ON r.id = d.report
                WHERE r.day >= ? AND d.state IN (\(words)) ORDER BY r.day DESC, r.domain, d.id LIMIT ?
                """, arguments: [first.daysSinceEpoch, mostFailures]
        ).map { row in
            ReportLine(
                day: UTCDay(daysSinceEpoch: row[0]), domain: printable(row[1] as String, limit: 253), state: row[2],
                destination: row[3], attempts: row[4], nextTry: nil, text: row[5])
        }
    }
}
