// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Reporting
import SQLite
import TLSRPT

extension Store: DailyCounts {
    package func openDays(before day: UTCDay) async throws(StoreError) -> [UTCDay] {
        try await read { db in
            // The reports of a day that was exported are another machine's to make, those of a shared day the fleet's.
            let done = Set(
                try Int64.fetchAll(
                    db,
                    sql: """
                        SELECT day FROM report_day WHERE ended_at IS NOT NULL
                        UNION SELECT day FROM exported_day UNION SELECT day FROM shared_day
                        """))
            let imported = try Int64.fetchAll(db, sql: "SELECT DISTINCT day FROM imported_day WHERE is_complete = 1")
            let counted = Set(try Self.days(in: db)).union(imported.map(UTCDay.init(daysSinceEpoch:)))
            return counted.filter { $0 < day && !done.contains($0.daysSinceEpoch) }.sorted()
        }
    }

    package func begin(_ day: UTCDay, at time: UTCTime) async throws -> UTCTime {
        let began: Result<UTCTime, DayElsewhere> = try await write { db in
            if let elsewhere = try Self.whereReported(day, in: db) { return .failure(elsewhere) }
            try db.execute(
                sql: "INSERT OR IGNORE INTO report_day (day, began_at) VALUES (?, ?)",
                arguments: [day.daysSinceEpoch, time.secondsSinceEpoch])
            let began = try Int64.fetchOne(
                db, sql: "SELECT began_at FROM report_day WHERE day = ?", arguments: [day.daysSinceEpoch])
            return .success(began.map(UTCTime.init(secondsSinceEpoch:)) ?? time)
        }
        return try began.get()
    }

    /// Who else makes the reports of the day; nil if nobody does.
    static func whereReported(_ day: UTCDay, in db: Database) throws -> DayElsewhere? {
        for (table, elsewhere) in [("exported_day", DayElsewhere.exported(day)), ("shared_day", .shared(day))] {
            let find = try db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE day = ?)")
            if try Bool.fetchOne(find, arguments: [day.daysSinceEpoch]) == true { return elsewhere }
        }
        return nil
    }

    package func unsettled(on day: UTCDay, in range: DomainRange) async throws(StoreError) -> ResultsPiece {
        try await piece(of: day, range, .unsettled)
    }

    package func end(_ day: UTCDay, at time: UTCTime) async throws(StoreError) {
        try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO report_day (day, began_at, ended_at) VALUES (?1, ?2, ?2)
                    ON CONFLICT DO UPDATE SET ended_at = excluded.ended_at
                    """,
                arguments: [day.daysSinceEpoch, time.secondsSinceEpoch])
        }
    }

    @discardableResult
    package func settle(
        _ reports: [ReportDecision], at time: UTCTime
    ) async throws(StoreError) -> [DomainName: Int] {
        try await write { db in
            var excess: [DomainName: Int] = [:]
            for report in reports {
                switch report.outcome {
                case .absent: try Self.dropCounts(of: report, in: db)
                case .none(let cause, let text):
                    try Self.insert(report, state: cause.rawValue, text: text, packed: nil, at: time, in: db)
                case .planned(let packed, let deliveries):
                    try Self.insert(report, state: Self.planned, text: "", packed: packed, at: time, in: db)
                    // Another process was first: its deliveries stand.
                    guard db.changesCount > 0 else { continue }
                    let id = db.lastInsertedRowID
                    let source = report.domain.registrable
                    for delivery in deliveries {
                        let isSent = try Self.insert(delivery, of: id, (source, report.day), at: time, in: db)
                        if !isSent { excess[source, default: 0] += 1 }
                    }
                    try Self.dropBody(ofReport: id, in: db)
                }
            }
            return excess
        }
    }

    /// The state of a report that has deliveries.
    static let planned = "planned"

    /// Drops the counts of a domain that wants no report, but for what was held back here: `impact` tells of it.
    private static func dropCounts(of report: ReportDecision, in db: Database) throws {
        for table in ["imported_failure", "imported_tally"] {
            let delete = try db.cachedStatement(sql: "DELETE FROM \(table) WHERE day = ? AND domain = ?")
            try delete.execute(arguments: [report.day.daysSinceEpoch, report.domain.ascii])
        }
        for table in ["failure", "tally"] {
            let delete = try db.cachedStatement(
                sql: """
                    DELETE FROM \(table) WHERE day = ?1 AND domain = ?2 AND policy NOT IN (
                        SELECT t.policy FROM tally t JOIN applied_policy p ON p.id = t.policy
                        WHERE t.day = ?1 AND t.domain = ?2 AND t.failures > 0 AND \(mayHold))
                    """)
            try delete.execute(arguments: [report.day.daysSinceEpoch, report.domain.ascii])
        }
    }

    private static func insert(
        _ report: ReportDecision, state: String, text: String, packed: CompressedReport?, at time: UTCTime,
        in db: Database
    ) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO report (
                    day, domain, state, text, settled_at, report_id, file_name, organization, contact, body,
                    successes, failures
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(arguments: [
            report.day.daysSinceEpoch, report.domain.ascii, state, text, time.secondsSinceEpoch,
            packed?.reportID ?? "", packed?.fileName.description ?? "", packed?.organizationName ?? "",
            packed?.contactInfo ?? "", packed.map { Array($0.body) }, packed?.totals?.successes,
            packed?.totals?.failures,
        ])
    }

    /// - Parameter share: whose reports of which day it is one of.
    /// - Returns: false if it is past the bounds of the day, and suppressed.
    private static func insert(
        _ delivery: PlannedDelivery, of report: Int64, _ share: (source: DomainName, day: UTCDay), at time: UTCTime,
        in db: Database
    ) throws -> Bool {
        let destination = delivery.destination.description
        let refused = try String.fetchOne(
            db.cachedStatement(sql: "SELECT text FROM suppression WHERE destination = ? AND until > ?"),
            arguments: [destination, time.secondsSinceEpoch])
        let (before, excess) =
            refused == nil ? try count(delivery.destination, from: share.source, on: share.day, in: db) : (0, nil)
        let suppressed = refused ?? excess
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO delivery (report, destination, host, state, next_try, text, source, site, turn)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(arguments: [
            report, destination, delivery.destination.host,
            (suppressed == nil ? Delivery.State.waiting : .suppressed).rawValue,
            delivery.notBefore.secondsSinceEpoch, suppressed ?? "", share.source.ascii, delivery.destination.site,
            DeliveryShares.turn(after: before),
        ])
        return excess == nil
    }

    /// Lets go of a report's octets once no destination can want them.
    static func dropBody(ofReport id: Int64, in db: Database) throws {
        let update = try db.cachedStatement(
            sql: """
                UPDATE report SET body = NULL WHERE id = ?1 AND NOT EXISTS (
                    SELECT 1 FROM delivery WHERE report = ?1 AND state NOT IN ('accepted', 'suppressed'))
                """)
        try update.execute(arguments: [id])
    }
}
