// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Reporting
import SQLite

/// A stored policy without its text.
package struct PolicyListing: Sendable, Hashable {
    package let domain: String
    package let mode: String
    package let fetchedAt: UTCTime
    package let expiresAt: UTCTime
}

extension Store {
    /// Stored policies in the order of their domains, those that have ended included.
    /// - Parameters:
    ///   - text: what their names hold, in lower case; the empty text is in all.
    ///   - after: the last domain of the piece before.
    package func listing(
        holding text: String, after: String, limit: Int
    ) async throws(StoreError) -> [PolicyListing] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT domain, mode, fetched_at, expires_at FROM policy
                    WHERE domain > ? AND (?2 = '' OR instr(domain, ?2) > 0) ORDER BY domain LIMIT ?3
                    """, arguments: [after, text, limit]
            ).map { row in
                PolicyListing(
                    domain: printable(row[0] as String, limit: 253), mode: printable(row[1] as String, limit: 20),
                    fetchedAt: UTCTime(secondsSinceEpoch: row[2]), expiresAt: UTCTime(secondsSinceEpoch: row[3]))
            }
        }
    }

    /// Sessions of a domain on each of these days, the days without any left out.
    package func sessions(
        of domain: DomainName, on days: [UTCDay]
    ) async throws(StoreError) -> [UTCDay: (successes: Int, failures: Int)] {
        try await read { db in
            // By each day, since the table is in the order of the days.
            let statement = try db.cachedStatement(
                sql: "SELECT sum(successes), sum(failures) FROM tally WHERE day = ? AND domain = ?")
            var sessions: [UTCDay: (successes: Int, failures: Int)] = [:]
            for day in days {
                let row = try Row.fetchOne(statement, arguments: [day.daysSinceEpoch, domain.ascii])
                guard let row, let successes: Int = row[0], let failures: Int = row[1] else { continue }
                sessions[day] = (successes, failures)
            }
            return sessions
        }
    }

    /// What became of the reports since a day, failures first and then the latest.
    package func latestReports(
        since first: UTCDay, limit: Int
    ) async throws(StoreError) -> [ReportLine] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT r.day, r.domain, coalesce(d.state, r.state), d.destination, coalesce(d.attempts, 0), d.next_try,
                        coalesce(d.text, r.text)
                    FROM report r LEFT JOIN delivery d ON d.report = r.id WHERE r.day >= ?
                    ORDER BY coalesce(d.state, r.state) IN ('refused', 'expired', 'uncertain', 'invalid', 'unavailable') DESC,
                        r.day DESC, r.domain, d.id LIMIT ?
                    """, arguments: [first.daysSinceEpoch, limit]
            ).map(Self.reportLine)
        }
    }

    static func reportLine(_ row: Row) -> ReportLine {
        let state: String = row[2]
        let delivery = Delivery.State(rawValue: state)
        let next = delivery.map(\.isFinal) ?? true ? nil : row[5] as Int64?
        return ReportLine(
            day: UTCDay(daysSinceEpoch: row[0]), domain: printable(row[1] as String, limit: 253), state: state,
            destination: row[3], attempts: row[4], nextTry: next.map(UTCTime.init(secondsSinceEpoch:)), text: row[6])
    }
}
