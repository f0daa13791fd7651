// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import Reporting

/// What commands ask of the fleet's reports, on a connection of their own: they are no member of the fleet.
package struct FleetReportList: Sendable {
    private static let limit = Duration.seconds(30)
    /// Lines of one statement.
    private static let pieceCount = 5000

    private let server: FleetServer

    package init(_ server: FleetServer) { self.server = server }

    /// What became of the reports, by day and domain.
    /// - Parameter failuresOnly: leaves out what went well and what is still on its way.
    package func lines(
        of day: UTCDay?, for domain: DomainName?, failuresOnly: Bool, at time: UTCTime,
        _ tell: (ReportLine) -> Void
    ) async throws {
        var last = (day: Int64.min, domain: "", destination: "")
        while true {
            let (after, only) = (last, (day: day, domain: domain))
            let rows = try await server.perform(within: Self.limit) { session throws(PostgresError) in
                try session.run(
                    """
                    SELECT r.day, r.domain, coalesce(d.state, r.state), d.destination, coalesce(d.attempts, 0),
                        extract(epoch FROM d.next_try - now())::bigint, coalesce(d.text, r.text)
                    FROM sts.report r LEFT JOIN sts.delivery d ON d.day = r.day AND d.domain = r.domain
                    WHERE ($1::int IS NULL OR r.day = $1::int) AND ($2::text IS NULL OR r.domain = $2::text)
                    AND (r.day, r.domain, coalesce(d.destination, '')) > ($3::bigint, $4::text, $5::text)
                    ORDER BY r.day, r.domain, coalesce(d.destination, '') LIMIT \(Self.pieceCount)
                    """,
                    [
                        only.day.map(PostgresValue.day) ?? .null, only.domain.map { .text($0.ascii) } ?? .null,
                        .integer(after.day), .text(after.domain), .text(after.destination),
                    ])
            }
            for row in rows {
                guard let line = Self.line(row, at: time), line.isFailure || !failuresOnly else { continue }
                tell(line)
            }
            guard rows.count == Self.pieceCount, let end = rows.last else { return }
            last = (end.integer(0) ?? 0, end[1] ?? "", end[3] ?? "")
        }
    }

    private static func line(_ row: PostgresRow, at time: UTCTime) -> ReportLine? {
        guard let day = row.day(0), let state = row[2] else { return nil }
        let next =
            Delivery.State(rawValue: state)?.isFinal == false ? row.integer(5).map { time.after(seconds: $0) } : nil
        return ReportLine(
            day: day, domain: printable(row[1] ?? "", limit: 253), state: state, destination: row[3],
            attempts: row.integer(4).map(Int.init) ?? 0, nextTry: next, text: row[6] ?? "")
    }

    /// The destinations that are left alone.
    package func suppressions(at time: UTCTime) async throws(FleetError) -> [Suppression] {
        try await server.perform(within: Self.limit) { session throws(PostgresError) in
            try session.run(
                """
                SELECT destination, extract(epoch FROM until - now())::bigint, text FROM sts.suppression WHERE until > now()
                ORDER BY destination
                """
            ).map { row in
                Suppression(
                    destination: row[0] ?? "", until: time.after(seconds: row.integer(1) ?? 0), text: row[2] ?? "")
            }
        }
    }

    /// Lets reports go to a destination again.
    /// - Returns: whether it was left alone until now.
    package func unsuppress(_ destination: String) async throws(FleetError) -> Bool {
        try await server.perform(within: Self.limit) { session throws(PostgresError) in
            try session.transaction { session throws(PostgresError) in
                try session.run("DELETE FROM sts.refusal WHERE destination = $1", [.text(destination)])
                return try !session.run(
                    "DELETE FROM sts.suppression WHERE destination = $1 RETURNING destination", [.text(destination)]
                ).isEmpty
            }
        }
    }

    /// How far the day's reports are.
    package func work(on day: UTCDay) async throws(FleetError) -> FleetDayWork {
        try await server.perform(within: Self.limit) { session throws(PostgresError) in
            let row = try session.run(
                "SELECT CASE WHEN until > now() THEN owner END, ended IS NOT NULL FROM sts.day WHERE day = $1",
                [.day(day)]
            ).first
            guard let row else { return .none }
            if row.isTrue(1) { return .ended }
            return FleetDailyCounts.host(ofOwner: row[0]).map { .owned($0) } ?? .open
        }
    }

    /// Makes everything that was not accepted due anew, as the operator wants it: also what may have been accepted, and what
    /// had no report. Deliveries under way are left alone. The fleet's daemons send it.
    package func reopen(_ day: UTCDay, _ domain: DomainName?) async throws(FleetError) -> FleetReopening {
        try await server.perform(within: Self.limit) { session throws(PostgresError) in
            try session.transaction { session throws(PostgresError) in
                let which: [PostgresValue] = [.day(day), domain.map { .text($0.ascii) } ?? .null]
                // Before any delivery, as whoever settles does.
                let row = try session.run(
                    "SELECT CASE WHEN until > now() THEN owner END FROM sts.day WHERE day = $1 FOR UPDATE", [.day(day)]
                ).first
                let count = try session.run(
                    """
                    UPDATE sts.delivery d SET state = 'waiting', attempts = 0, first_attempt = NULL, next_try = now(), text = '',
                        claimed_by = '', round = round + 1
                    FROM sts.report r WHERE r.day = d.day AND r.domain = d.domain AND r.body IS NOT NULL
                    AND d.day = $1 AND ($2::text IS NULL OR d.domain = $2::text) AND d.state <> 'accepted'
                    AND d.claimed_until <= now() RETURNING 1
                    """, which
                ).count
                // These have no octets to send again: they are looked up and built as if for the first time.
                try session.run(
                    """
                    DELETE FROM sts.report WHERE day = $1 AND ($2::text IS NULL OR domain = $2::text)
                    AND state <> '\(FleetDailyCounts.planned)'
                    """, which)
                try session.run(
                    "UPDATE sts.day SET ended = NULL, rests_until = '-infinity' WHERE day = $1", [.day(day)])
                let underWay = try session.run(
                    """
                    SELECT count(*) FROM sts.delivery WHERE day = $1 AND ($2::text IS NULL OR domain = $2::text)
                    AND claimed_until > now()
                    """, which
                ).first?.integer(0)
                return FleetReopening(
                    due: count, underWay: Int(underWay ?? 0),
                    owner: row.flatMap { FleetDailyCounts.host(ofOwner: $0[0]) })
            }
        }
    }
}

extension ReportLine {
    fileprivate var isFailure: Bool {
        Delivery.State(rawValue: state)?.isFailure ?? NoReport(rawValue: state)?.isFailure ?? false
    }
}

/// How far the reports of a day of the fleet are.
package enum FleetDayWork: Sendable, Hashable {
    /// No counts of it have come.
    case none
    /// This host makes them.
    case owned(String)
    case ended
    case open
}

/// What became of deliveries that were to be made anew.
package struct FleetReopening: Sendable, Hashable {
    package let due: Int
    /// Under way, and left alone.
    package let underWay: Int
    /// The host that makes the day's reports now.
    package let owner: String?
}
