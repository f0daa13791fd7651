// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Reporting
import SQLite
import TLSRPT

extension Store: ReportOutbox {
    /// Why a delivery is uncertain that somebody began and nobody ended.
    private static let lostText = "the program ended in the middle of the delivery"

    static let deliveryColumns = """
        d.id, r.day, r.domain, d.destination, d.host, d.state, d.attempts, d.first_attempt, d.source, d.site
        FROM delivery d JOIN report r ON r.id = d.report
        """

    package func claim(
        _ order: DeliveryOrder, for owner: DeliveryOwner, at time: UTCTime
    ) async throws(StoreError) -> Claim {
        // Most looks find nothing: they take no lock.
        guard try await read({ db in try Self.hasWork(order, at: time, in: db) }) else {
            return Claim(deliveries: [], lost: [])
        }
        return try await write { db in
            let lost = try Self.giveUpLost(at: time, in: db)
            let due = try Self.due(order, at: time, in: db)
            let update = try db.cachedStatement(
                sql: """
                    UPDATE delivery SET claimed_by = ?, claimed_until = ?, first_attempt = coalesce(first_attempt, ?)
                    WHERE id = ?
                    """)
            for delivery in due {
                try update.execute(arguments: [
                    owner.name, (time + owner.lease).secondsSinceEpoch, time.secondsSinceEpoch, delivery.id,
                ])
            }
            return Claim(deliveries: due, lost: lost)
        }
    }

    private static func hasWork(_ order: DeliveryOrder, at time: UTCTime, in db: Database) throws -> Bool {
        try Int.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT 1 FROM delivery WHERE state IN ('waiting', 'deferred', 'sending') AND claimed_until <= ?1
                    AND (next_try <= ?1 OR (?2 AND state = 'waiting') OR state = 'sending') LIMIT 1
                    """),
            arguments: [time.secondsSinceEpoch, order.ignoresSpread]) != nil
    }

    /// Deliveries under way whose owner is gone may have been accepted.
    private static func giveUpLost(at time: UTCTime, in db: Database) throws -> [Delivery] {
        let lost = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT \(deliveryColumns) WHERE d.state = 'sending' AND d.claimed_until <= ?"),
            arguments: [time.secondsSinceEpoch]
        ).compactMap(delivery)
        for delivery in lost {
            try db.execute(
                sql: "UPDATE delivery SET state = 'uncertain', attempts = attempts + 1, text = ? WHERE id = ?",
                arguments: [lostText, delivery.id])
        }
        return lost
    }

    static func delivery(_ row: Row) -> Delivery? {
        guard let domain = try? DomainName(row[2] as String), let state = Delivery.State(rawValue: row[5]),
            let destination = try? ReportDestination(row[3] as String)
        else { return nil }
        return Delivery(
            id: row[0], day: UTCDay(daysSinceEpoch: row[1]), domain: domain, destination: destination, state: state,
            attempts: row[6], firstAttempt: (row[7] as Int64?).map(UTCTime.init(secondsSinceEpoch:)))
    }

    package func report(of delivery: Delivery) async throws(StoreError) -> CompressedReport? {
        try await read { db in
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT r.file_name, r.organization, r.contact, r.report_id, r.body, r.successes, r.failures
                        FROM report r JOIN delivery d ON d.report = r.id WHERE d.id = ?
                        """),
                arguments: [delivery.id])
            guard let row, let fileName = ReportFileName(row[0] as String), let body: [UInt8] = row[4] else {
                return nil
            }
            let (successes, failures): (Int?, Int?) = (row[5], row[6])
            return CompressedReport(
                policyDomain: delivery.domain, submitter: fileName.sender, organizationName: row[1],
                contactInfo: row[2], reportID: row[3], day: delivery.day, fileName: fileName, body: Array(body),
                totals: successes.flatMap { successes in failures.map { Tally(successes: successes, failures: $0) } })
        }
    }

    package func markSending(
        _ delivery: Delivery, by owner: DeliveryOwner, at time: UTCTime
    ) async throws(StoreError) -> Bool {
        try await write { db in
            let update = try db.cachedStatement(
                sql: """
                    UPDATE delivery SET state = 'sending', claimed_until = ?
                    WHERE id = ? AND claimed_by = ? AND claimed_until > ? AND state IN ('waiting', 'deferred')
                    """)
            try update.execute(arguments: [
                (time + owner.lease).secondsSinceEpoch, delivery.id, owner.name, time.secondsSinceEpoch,
            ])
            return db.changesCount > 0
        }
    }

    package func conclude(
        _ delivery: Delivery, as conclusion: DeliveryConclusion?, by owner: DeliveryOwner, at time: UTCTime
    ) async throws(StoreError) {
        try await write { db in
            guard let conclusion else {
                try db.execute(
                    sql: "UPDATE delivery SET claimed_until = 0 WHERE id = ? AND claimed_by = ?",
                    arguments: [delivery.id, owner.name])
                return
            }
            // Also past the lease: the owner knows what nobody else can know.
            let update = try db.cachedStatement(
                sql: """
                    UPDATE delivery SET state = ?, attempts = ?, next_try = ?, text = ?, claimed_until = 0
                    WHERE id = ? AND claimed_by = ?
                    """)
            try update.execute(arguments: [
                conclusion.state.rawValue, delivery.attempts + 1, conclusion.nextTry.secondsSinceEpoch,
                conclusion.text, delivery.id, owner.name,
            ])
            guard db.changesCount > 0 else { return }
            try Self.note(conclusion, of: delivery, at: time, in: db)
            let report = try Int64.fetchOne(
                db, sql: "SELECT report FROM delivery WHERE id = ?", arguments: [delivery.id])
            if let report { try Self.dropBody(ofReport: report, in: db) }
        }
    }

    /// Remembers refusals: a destination that refuses on several days is left alone for a time.
    private static func note(
        _ conclusion: DeliveryConclusion, of delivery: Delivery, at time: UTCTime, in db: Database
    ) throws {
        let destination = delivery.destination.description
        switch conclusion.state {
        case .accepted:
            try db.execute(sql: "DELETE FROM refusal WHERE destination = ?", arguments: [destination])
        case .refused:
            try db.execute(
                sql: "INSERT OR IGNORE INTO refusal (destination, day) VALUES (?, ?)",
                arguments: [destination, time.day.daysSinceEpoch])
            let days = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM refusal WHERE destination = ?", arguments: [destination])
            guard days ?? 0 >= SuppressionRule.refusalDays else { return }
            try suppress(destination, at: time, conclusion.text, in: db)
        case .waiting, .sending, .deferred, .uncertain, .expired, .suppressed: return
        }
    }

    private static func suppress(_ destination: String, at time: UTCTime, _ text: String, in db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO suppression (destination, until, text) VALUES (?, ?, ?)",
            arguments: [destination, (time + SuppressionRule.duration).secondsSinceEpoch, text])
        // Once it is tried again, three more days of refusals count, not one.
        try db.execute(sql: "DELETE FROM refusal WHERE destination = ?", arguments: [destination])
        try db.execute(
            sql: """
                UPDATE delivery SET state = 'suppressed', text = ?
                WHERE destination = ? AND state IN ('waiting', 'deferred') AND claimed_until <= ?
                """,
            arguments: [text, destination, time.secondsSinceEpoch])
    }
}
