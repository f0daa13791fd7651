// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import SQLite
import TLSRPT

extension Store {
    /// Deliveries that are due and free, in the order of their turns, to nobody more than the shares allow.
    static func due(_ order: DeliveryOrder, at time: UTCTime, in db: Database) throws -> [Delivery] {
        var shares = DeliveryShares(order)
        let claimed = try Row.fetchCursor(
            db.cachedStatement(
                sql: "SELECT source, site, host FROM delivery WHERE claimed_until > ? AND claimed_until > 0"),
            arguments: [time.secondsSinceEpoch])
        while let row = try claimed.next() { shares.begin(place(row, 0)) }
        var due: [Delivery] = []
        var taken: Set<Int64> = []
        for turn in DeliveryShares.turns {
            // Whoever has come to the end of a share may have thousands of rows left: the look is made anew without them.
            while due.count < order.limit, try !look(order, turn, time, &shares, &due, &taken, in: db) {}
        }
        return due
    }

    /// Takes what there is of a turn.
    /// - Returns: false if the look ended since somebody has come to the end of a share.
    private static func look(
        _ order: DeliveryOrder, _ turn: Int, _ time: UTCTime, _ shares: inout DeliveryShares, _ due: inout [Delivery],
        _ taken: inout Set<Int64>, in db: Database
    ) throws -> Bool {
        let (sources, sites) = (shares.fullSources, shares.fullSites)
        let select = try db.cachedStatement(
            sql: """
                SELECT \(deliveryColumns)
                WHERE d.state IN ('waiting', 'deferred') AND d.turn = ? AND d.claimed_until <= ?
                AND (d.next_try <= ? OR (? AND d.state = 'waiting'))
                AND (? IS NULL OR r.day = ?) AND (? IS NULL OR r.domain = ?)
                AND d.source NOT IN (\(marks(sources.count))) AND d.site NOT IN (\(marks(sites.count)))
                ORDER BY d.next_try, d.id
                """)
        let now = time.secondsSinceEpoch
        let (day, domain) = (order.day?.daysSinceEpoch, order.domain?.ascii)
        var arguments: StatementArguments = [turn, now, now, order.ignoresSpread, day, day, domain, domain]
        arguments += StatementArguments(sources)
        arguments += StatementArguments(sites)
        let rows = try Row.fetchCursor(select, arguments: arguments)
        while due.count < order.limit, let row = try rows.next() {
            guard !taken.contains(row[0]) else { continue }
            let place = place(row, 8)
            guard shares.admits(place) else {
                if shares.fullSources != sources || shares.fullSites != sites { return false }
                continue
            }
            guard let delivery = delivery(row) else { continue }
            shares.begin(place)
            taken.insert(delivery.id)
            due.append(delivery)
        }
        return true
    }

    private static func marks(_ count: Int) -> String { Array(repeating: "?", count: count).joined(separator: ", ") }

    /// - Parameter first: the column of the source; the site follows, and the host stands before them or behind.
    private static func place(_ row: Row, _ first: Int) -> DeliveryPlace {
        DeliveryPlace(source: row[first], site: row[first + 1], host: row["host"])
    }

    /// Counts one more delivery of the day.
    /// - Returns: how many its source had before, and a text if it is past a bound and must not be sent.
    static func count(
        _ destination: ReportDestination, from source: DomainName, on day: UTCDay, in db: Database
    ) throws -> (before: Int, excess: String?) {
        let select = try db.cachedStatement(
            sql: "SELECT count FROM report_share WHERE day = ? AND source = ? AND target = ?")
        func count(_ target: String) throws -> Int {
            try Int.fetchOne(select, arguments: [day.daysSinceEpoch, source.ascii, target]) ?? 0
        }
        let targets = DeliveryBound.targets(of: destination)
        for (key, most) in targets where try count(key) >= most {
            let place = key == targets[0].key ? "this destination" : destination.site
            return (0, "not sent: \(place) gets at most \(most) reports a day for names of \(source)")
        }
        let before = try count("")
        let add = try db.cachedStatement(
            sql: """
                INSERT INTO report_share (day, source, target, count) VALUES (?, ?, ?, 1)
                ON CONFLICT DO UPDATE SET count = count + 1
                """)
        for target in targets.map(\.key) + [""] {
            try add.execute(arguments: [day.daysSinceEpoch, source.ascii, target])
        }
        return (before, nil)
    }
}
