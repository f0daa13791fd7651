// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import SQLite

extension Store {
    /// What became of the reports, by day and domain.
    /// - Parameter failuresOnly: leaves out what went well and what is still on its way.
    package func reportLines(
        of day: UTCDay?, for domain: DomainName? = nil, failuresOnly: Bool
    ) async throws(StoreError) -> [ReportLine] {
        try await read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT r.day, r.domain, coalesce(d.state, r.state), d.destination, coalesce(d.attempts, 0), d.next_try,
                        coalesce(d.text, r.text)
                    FROM report r LEFT JOIN delivery d ON d.report = r.id
                    WHERE (?1 IS NULL OR r.day = ?1) AND (?2 IS NULL OR r.domain = ?2)
                    ORDER BY r.day, r.domain, d.id
                    """,
                arguments: [day?.daysSinceEpoch, domain?.ascii])
            var lines: [ReportLine] = []
            while let row = try rows.next() {
                let state: String = row[2]
                let delivery = Delivery.State(rawValue: state)
                let isFailure = delivery?.isFailure ?? NoReport(rawValue: state)?.isFailure ?? false
                guard isFailure || !failuresOnly else { continue }
                lines.append(Self.reportLine(row))
            }
            return lines
        }
    }

    /// What is left of the deliveries at `time`.
    package func openDeliveries(
        of day: UTCDay?, for domain: DomainName? = nil, at time: UTCTime
    ) async throws(StoreError) -> OpenDeliveries {
        try await read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT count(*), coalesce(sum(d.claimed_until > ?3), 0),
                        max(CASE WHEN d.claimed_until > ?3 THEN d.claimed_until END),
                        min(CASE WHEN d.claimed_until <= ?3 THEN d.next_try END)
                    FROM delivery d JOIN report r ON r.id = d.report
                    WHERE d.state IN ('waiting', 'deferred', 'sending')
                    AND (?1 IS NULL OR r.day = ?1) AND (?2 IS NULL OR r.domain = ?2)
                    """,
                arguments: [day?.daysSinceEpoch, domain?.ascii, time.secondsSinceEpoch])
            return OpenDeliveries(
                count: row?[0] ?? 0, claimed: row?[1] ?? 0,
                claimedUntil: (row?[2] as Int64?).map(UTCTime.init(secondsSinceEpoch:)),
                nextTry: (row?[3] as Int64?).map(UTCTime.init(secondsSinceEpoch:)))
        }
    }

    /// The destinations that are left alone at `time`.
    package func suppressions(at time: UTCTime) async throws(StoreError) -> [Suppression] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT destination, until, text FROM suppression WHERE until > ? ORDER BY destination",
                arguments: [time.secondsSinceEpoch]
            ).map {
                Suppression(destination: $0[0], until: UTCTime(secondsSinceEpoch: $0[1]), text: $0[2])
            }
        }
    }

    /// Lets reports go to a destination again.
    /// - Returns: whether it was left alone until now.
    package func unsuppress(_ destination: String) async throws(StoreError) -> Bool {
        try await write { db in
            try db.execute(sql: "DELETE FROM refusal WHERE destination = ?", arguments: [destination])
            try db.execute(sql: "DELETE FROM suppression WHERE destination = ?", arguments: [destination])
            return db.changesCount > 0
        }
    }

    /// Makes everything that was not accepted due anew, as the operator wants it: also what may have been accepted, and
    /// what had no report. Deliveries under way are left alone.
    /// - Returns: how many deliveries are due.
    package func reopen(_ day: UTCDay, _ domain: DomainName?, at time: UTCTime) async throws(StoreError) -> Int {
        try await write { db in
            let reports = "SELECT id FROM report WHERE day = ?1 AND (?2 IS NULL OR domain = ?2) AND body IS NOT NULL"
            try db.execute(
                sql: """
                    UPDATE delivery SET state = 'waiting', attempts = 0, first_attempt = NULL, next_try = ?3, text = ''
                    WHERE report IN (\(reports)) AND state <> 'accepted' AND claimed_until <= ?3
                    """,
                arguments: [day.daysSinceEpoch, domain?.ascii, time.secondsSinceEpoch])
            let count = db.changesCount
            // These have no octets to send again: they are looked up and built as if for the first time.
            try db.execute(
                sql: "DELETE FROM report WHERE day = ?1 AND (?2 IS NULL OR domain = ?2) AND state <> ?3",
                arguments: [day.daysSinceEpoch, domain?.ascii, Self.planned])
            try db.execute(
                sql: "UPDATE report_day SET ended_at = NULL WHERE day = ?", arguments: [day.daysSinceEpoch])
            return count
        }
    }
}
