// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import Reporting
import TLSRPT

extension FleetDailyCounts {
    /// The state of a report that has deliveries.
    static let planned = "planned"
    /// Some hundred reports with their octets.
    private static let settleLimit = Duration.seconds(60)

    /// What another owner has settled stays as it is. Domains without a record leave no row: they are many, and looked up
    /// again by the next owner.
    @discardableResult
    package func settle(_ reports: [ReportDecision], at time: UTCTime) async throws -> [DomainName: Int] {
        guard let day = reports.first?.day else { return [:] }
        let (held, owner) = (try held(day), owner)
        let excess = try await database.transaction(within: Self.settleLimit) {
            [database] session throws(PostgresError) -> [DomainName: Int]? in
            guard try Self.lock(held, owner, session) else { return nil }
            var inserted: [(ReportDecision, [PlannedDelivery])] = []
            for report in reports {
                guard try Self.insert(report, session), case .planned(_, let deliveries) = report.outcome else {
                    continue
                }
                inserted.append((report, deliveries))
            }
            return try Self.plan(inserted, of: day, at: database.time ?? time, session)
        }
        guard let excess else { throw lost(held) }
        let absent = reports.filter { $0.outcome == .absent }.map(\.domain)
        if !absent.isEmpty { try await sums.drop(absent, of: day) }
        return excess
    }

    /// - Returns: whether it is new.
    private static func insert(_ report: ReportDecision, _ session: PostgresSession) throws(PostgresError) -> Bool {
        let (state, text, packed): (String, String, CompressedReport?)
        switch report.outcome {
        case .absent: return false
        case .none(let cause, let why): (state, text, packed) = (cause.rawValue, why, nil)
        case .planned(let report, _): (state, text, packed) = (planned, "", report)
        }
        func number(_ number: Int?) -> PostgresValue { number.map { .integer(Int64($0)) } ?? .null }
        return try !session.run(
            """
            INSERT INTO sts.report (
                day, domain, state, text, report_id, file_name, organization, contact, body, successes, failures
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING day
            """,
            [
                .day(report.day), .text(report.domain.ascii), .text(state), .text(text), .text(packed?.reportID ?? ""),
                .text(packed?.fileName.description ?? ""), .text(packed?.organizationName ?? ""),
                .text(packed?.contactInfo ?? ""), packed.map { .octets($0.body) } ?? .null,
                number(packed?.totals?.successes), number(packed?.totals?.failures),
            ]
        ).isEmpty
    }

    /// A row of `delivery` to be.
    private struct NewDelivery: Encodable {
        let domain, destination, host, state, text, source, site: String
        let turn: Int
        /// Seconds from now, so that no clock but the database's counts.
        let inSeconds: Int64

        enum CodingKeys: String, CodingKey {
            case domain, destination, host, state, text, source, site, turn
            case inSeconds = "in_seconds"
        }
    }

    /// Writes the deliveries, those past the bounds of the day as suppressed.
    /// - Returns: how many are past them, by registrable policy domain.
    private static func plan(
        _ reports: [(decision: ReportDecision, deliveries: [PlannedDelivery])], of day: UTCDay, at time: UTCTime,
        _ session: PostgresSession
    ) throws(PostgresError) -> [DomainName: Int] {
        guard !reports.isEmpty else { return [:] }
        let destinations = Set(reports.flatMap { $0.deliveries.map(\.destination.description) })
        var refused: [String: String] = [:]
        for row in try session.run(
            "SELECT destination, text FROM sts.suppression WHERE until > now() AND destination = ANY($1::text[])",
            [.texts(destinations)])
        { refused[row[0] ?? ""] = row[1] ?? "" }
        var shares = try DayShares(reports, of: day, session)
        var excess: [DomainName: Int] = [:]
        var rows: [NewDelivery] = []
        for (decision, deliveries) in reports {
            let source = decision.domain.registrable
            for delivery in deliveries {
                let destination = delivery.destination.description
                let (before, past) =
                    refused[destination] == nil ? shares.count(delivery.destination, from: source) : (0, nil)
                if past != nil { excess[source, default: 0] += 1 }
                let suppressed = refused[destination] ?? past
                rows.append(
                    NewDelivery(
                        domain: decision.domain.ascii, destination: destination, host: delivery.destination.host,
                        state: (suppressed == nil ? Delivery.State.waiting : .suppressed).rawValue,
                        text: suppressed ?? "",
                        source: source.ascii, site: delivery.destination.site, turn: DeliveryShares.turn(after: before),
                        inSeconds: (delivery.notBefore - time).components.seconds))
            }
        }
        // One that is there already is what a machine said of it that the database had forgotten.
        try session.run(
            """
            INSERT INTO sts.delivery (day, domain, destination, host, state, next_try, text, source, site, turn)
            SELECT $1::int, domain, destination, host, state, now() + make_interval(secs => in_seconds), text, source, site, turn
            FROM jsonb_to_recordset($2::jsonb) AS new (
                domain text, destination text, host text, state text, text text, source text, site text, turn int,
                in_seconds bigint)
            ON CONFLICT DO NOTHING
            """, [.day(day), .rows(rows)])
        try shares.write(session)
        try dropBodies(of: day, reports.map(\.decision.domain.ascii), session)
        return excess
    }

    /// Lets go of reports' octets once no destination can want them.
    static func dropBodies(
        of day: UTCDay, _ domains: [String], _ session: PostgresSession
    ) throws(PostgresError) {
        try session.run(
            """
            UPDATE sts.report r SET body = NULL WHERE day = $1 AND domain = ANY($2::text[]) AND body IS NOT NULL
            AND NOT EXISTS (
                SELECT 1 FROM sts.delivery d WHERE d.day = r.day AND d.domain = r.domain
                AND d.state NOT IN ('accepted', 'suppressed'))
            """, [.day(day), .texts(domains)])
    }
}

/// How many deliveries of a day the names below each registrable domain have to each target; the empty target is all of them.
private struct DayShares {
    private struct Key: Hashable {
        let source, target: String
    }

    private struct Row: Encodable {
        let source, target: String
        let count: Int64
    }

    private let day: UTCDay
    private var counts: [Key: Int] = [:]
    private var changed: Set<Key> = []

    init(
        _ reports: [(decision: ReportDecision, deliveries: [PlannedDelivery])], of day: UTCDay,
        _ session: PostgresSession
    ) throws(PostgresError) {
        self.day = day
        let sources = Set(reports.map { $0.decision.domain.registrable.ascii })
        var targets = Set(
            reports.flatMap { $0.deliveries.flatMap { DeliveryBound.targets(of: $0.destination).map(\.key) } })
        targets.insert("")
        for row in try session.run(
            """
            SELECT source, target, count FROM sts.report_share
            WHERE day = $1 AND source = ANY($2::text[]) AND target = ANY($3::text[])
            """, [.day(day), .texts(sources), .texts(targets)])
        { counts[Key(source: row[0] ?? "", target: row[1] ?? "")] = row.integer(2).map(Int.init) }
    }

    /// Counts one more delivery.
    /// - Returns: how many its source had before, and a text if it is past a bound and must not be sent.
    mutating func count(
        _ destination: ReportDestination, from source: DomainName
    ) -> (before: Int, excess: String?) {
        let targets = DeliveryBound.targets(of: destination)
        let source = source.ascii
        for (key, most) in targets where counts[Key(source: source, target: key)] ?? 0 >= most {
            let place = key == targets[0].key ? "this destination" : destination.site
            return (0, "not sent: \(place) gets at most \(most) reports a day for names of \(source)")
        }
        let before = counts[Key(source: source, target: "")] ?? 0
        for target in targets.map(\.key) + [""] {
            let key = Key(source: source, target: target)
            counts[key, default: 0] += 1
            changed.insert(key)
        }
        return (before, nil)
    }

    /// Who has the day's row is the only one who writes them.
    func write(_ session: PostgresSession) throws(PostgresError) {
        let rows = changed.map { Row(source: $0.source, target: $0.target, count: Int64(counts[$0] ?? 0)) }
        try session.run(
            """
            INSERT INTO sts.report_share (day, source, target, count)
            SELECT $1::int, source, target, count
            FROM jsonb_to_recordset($2::jsonb) AS new (source text, target text, count int)
            ON CONFLICT (day, source, target) DO UPDATE SET count = excluded.count
            """, [.day(day), .rows(rows)])
    }
}
