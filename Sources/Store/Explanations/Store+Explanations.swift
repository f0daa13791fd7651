// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import SQLite

/// Something that is known of a message, for who asks for it by its queue id.
package struct ExplanationRow: Sendable, Hashable {
    package enum Origin: String, Sendable, Hashable, CaseIterable {
        /// What the milter decided.
        case milter
        /// What the MTA's log said of a delivery.
        case intake
    }

    package let queueID: String
    package let time: UTCTime
    package let origin: Origin
    /// At most ``ExplanationBounds/bodyOctets``.
    package let body: [UInt8]

    package init(queueID: String, time: UTCTime, origin: Origin, body: [UInt8]) {
        self.queueID = queueID
        self.time = time
        self.origin = origin
        self.body = body
    }
}

/// What is kept to explain messages: it must not fill a disk.
package enum ExplanationBounds {
    package static let rows = 100_000
    package static let octets = 64 << 20
    package static let bodyOctets = 16 << 10
    /// Rows of one queue id that are told: some MTAs give an id again within minutes.
    package static let rowsOfOneID = 500
    /// Of a table that is full so much stays, so that not each write has to remove some.
    static let kept = (rows: 90_000, octets: 56 << 20)
}

/// How much may still be kept before the table is full.
package struct ExplanationBudget: Sendable, Hashable {
    package var rows: Int
    package var octets: Int

    package init(rows: Int, octets: Int) {
        self.rows = rows
        self.octets = octets
    }

    package var isUsedUp: Bool { rows < 0 || octets < 0 }

    package mutating func take(_ row: ExplanationRow) {
        rows -= 1
        octets -= row.body.count
    }
}

extension Store {
    /// Keeps the rows. A row of the log that is there already is not kept twice: a log is read again after a crash.
    package func keep(_ rows: [ExplanationRow]) async throws(StoreError) {
        try await write { db in
            let insert = try BatchStatement(
                db,
                """
                INSERT INTO explanation (queue_id, time, origin, body) SELECT ?1, ?2, ?3, ?4
                WHERE ?3 = 'milter' OR NOT EXISTS (
                    SELECT 1 FROM explanation WHERE queue_id = ?1 AND origin = ?3 AND body = ?4)
                """)
            for row in rows where row.body.count <= ExplanationBounds.bodyOctets {
                try insert.bind(1, row.queueID)
                try insert.bind(2, row.time.secondsSinceEpoch)
                try insert.bind(3, row.origin.rawValue)
                try insert.bind(4, row.body)
                try insert.run()
            }
        }
    }

    /// Lets go of what is older than that, and of the oldest where the table is full. It goes through all of the table.
    /// - Returns: how much may be kept before it is full.
    @discardableResult
    package func trimExplanations(before time: UTCTime) async throws(StoreError) -> ExplanationBudget {
        try await write { db in
            try db.execute(
                sql: "DELETE FROM explanation WHERE time < ?", arguments: [time.secondsSinceEpoch])
            let held = try Row.fetchOne(db, sql: "SELECT count(*), ifnull(sum(length(body)), 0) FROM explanation")
            let budget = ExplanationBudget(
                rows: ExplanationBounds.rows - (held?[0] ?? 0), octets: ExplanationBounds.octets - (held?[1] ?? 0))
            guard budget.isUsedUp else { return budget }
            // The newest that have room.
            try db.execute(
                sql: """
                    DELETE FROM explanation WHERE id <= ifnull((
                        SELECT id FROM (
                            SELECT id, row_number() OVER newest AS place, sum(length(body)) OVER newest AS octets
                            FROM explanation WINDOW newest AS (ORDER BY id DESC))
                        WHERE place > ? OR octets > ? ORDER BY id DESC LIMIT 1), 0)
                    """,
                arguments: [ExplanationBounds.kept.rows, ExplanationBounds.kept.octets])
            return ExplanationBudget(
                rows: ExplanationBounds.rows - ExplanationBounds.kept.rows,
                octets: ExplanationBounds.octets - ExplanationBounds.kept.octets)
        }
    }

    /// What is known of messages with this queue id, in the order in which it came.
    package func explanations(of queueID: String) async throws(StoreError) -> [ExplanationRow] {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT time, origin, body FROM explanation WHERE queue_id = ?
                    ORDER BY id LIMIT \(ExplanationBounds.rowsOfOneID)
                    """, arguments: [queueID])
            return rows.compactMap { row in
                guard let origin = ExplanationRow.Origin(rawValue: row[1]) else { return nil }
                let body: [UInt8] = row[2]
                return ExplanationRow(
                    queueID: queueID, time: UTCTime(secondsSinceEpoch: row[0]), origin: origin, body: [UInt8](body))
            }
        }
    }
}
