// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL

/// What the fleet's database knows of the machines and of the days, for an administrator. Texts are safe to print.
package struct FleetSurvey: Sendable, Hashable, Codable {
    package struct Machine: Sendable, Hashable, Codable {
        package let host: String
        /// The identity of its store.
        package let node: String
        /// Of its program.
        package let version: String
        /// Since its last word, by the database's clock.
        package let silentSeconds: Int64
        /// The last day of which the database has all that it counted; nil if there is none.
        package let closedThrough: String?
        /// Batches that waited there when it last spoke.
        package let batchesWaiting: Int64
        /// By how many seconds its clock was ahead of the database's when it last spoke; negative if it was behind.
        package let clockAheadSeconds: Int64
    }

    package struct Day: Sendable, Hashable, Codable {
        package let day: String
        /// What has come of it.
        package let batches: Int64
        package let sessions: Int64
        /// The machine that makes the day's reports now.
        package let owner: String?
        /// For how long it may, without a word.
        package let leaseSeconds: Int64?
        /// Whether the reports are made.
        package let isEnded: Bool
        /// Whether they should have been made a day ago.
        package let isLate: Bool
        /// For how long counts that came late are waited for, to be added up together.
        package let restSeconds: Int64?
        /// Machines that have not sent all they counted.
        package let awaits: [String]
        /// Why they cannot be made.
        package let trouble: String?
    }

    /// Days that are told of, the latest first.
    private static let mostDays = 14
    private static let limit = Duration.seconds(20)

    package let version: Int
    /// By name.
    package let machines: [Machine]
    /// Settings that have to be the same on all machines, and are not.
    package let differences: [FleetSettingDifference]
    package let days: [Day]

    /// Deliveries of reports, by the word for their state.
    package let deliveries: [String: Int64]
    /// For how long nothing is sent, since the database may have gone back; 0 mostly.
    package let quietSeconds: Int64

    /// Removes a machine that is gone for good, so that no day waits for it.
    /// - Parameter name: of the host, or the identity of its store.
    /// - Returns: how many were removed; those that were heard of within five minutes stay.
    package static func remove(_ name: String, from server: FleetServer) async throws(FleetError) -> Int {
        try await server.perform(within: limit) { session throws(PostgresError) in
            try session.run(
                """
                DELETE FROM sts.node WHERE (host = $1 OR node = $1) AND seen < now() - interval '5 minutes' RETURNING node
                """, [.text(name)]
            ).count
        }
    }

    /// Asks the database, as nobody in particular.
    package static func read(_ server: FleetServer) async throws(FleetError) -> FleetSurvey {
        try await server.perform(within: limit) { session throws(PostgresError) in try read(session) }
    }

    private static func read(_ session: PostgresSession) throws(PostgresError) -> FleetSurvey {
        let version = try session.run("SELECT version FROM sts.version").first?.integer(0) ?? 0
        let rows = try session.run(
            """
            SELECT host, node, program, extract(epoch FROM now() - seen)::bigint, closed_through, waiting, clock_ahead,
                seen > now() - make_interval(secs => $1), settings FROM sts.node
            ORDER BY host, node
            """, [.seconds(FleetDailyCounts.living)])
        let differences = FleetSettingDifference.all(
            rows.filter { $0.isTrue(7) }.map { (printable($0[0] ?? ""), FleetSettingValues(text: $0[8] ?? "")) })
        let machines = rows.map { row in
            Machine(
                host: printable(row[0] ?? ""), node: printable(row[1] ?? ""), version: printable(row[2] ?? ""),
                silentSeconds: row.integer(3) ?? 0,
                closedThrough: row.integer(4).flatMap { $0 > 0 ? "\(UTCDay(daysSinceEpoch: $0))" : nil },
                batchesWaiting: row.integer(5) ?? 0, clockAheadSeconds: row.integer(6) ?? 0)
        }
        let days = try session.run(
            """
            SELECT d.day, coalesce(c.batches, 0)::bigint, coalesce(c.sessions, 0)::bigint, d.owner,
                CASE WHEN d.until > now() THEN extract(epoch FROM d.until - now())::bigint END, d.ended IS NOT NULL,
                d.trouble, d.ended IS NULL AND d.day < \(FleetDailyCounts.today) - 1 AND d.rests_until < now() - interval '1 hour',
                d.began IS NULL AND d.ended IS NULL,
                CASE WHEN d.rests_until > now() THEN extract(epoch FROM d.rests_until - now())::bigint END
            FROM (SELECT * FROM sts.day ORDER BY day DESC LIMIT $1) d LEFT JOIN (
                SELECT day, sum(batches) AS batches, sum(sessions) AS sessions FROM sts.counted GROUP BY day
            ) c ON c.day = d.day ORDER BY d.day DESC
            """, [.integer(Int64(mostDays))]
        ).map { row in
            let lease = row.integer(4)
            let owner = FleetDailyCounts.host(ofOwner: row[3])
            let day = "\(UTCDay(daysSinceEpoch: row.integer(0) ?? 0))"
            // In the form of RFC 3339 days are in the order of their texts.
            let awaits = machines.filter { $0.closedThrough ?? "" < day }.map(\.host)
            return Day(
                day: day, batches: row.integer(1) ?? 0,
                sessions: row.integer(2) ?? 0, owner: lease == nil ? nil : owner, leaseSeconds: lease,
                isEnded: row[5] == "t", isLate: row[7] == "t", restSeconds: row[5] == "t" ? nil : row.integer(9),
                awaits: row[8] == "t" ? awaits : [],
                trouble: row[6].flatMap { $0.isEmpty ? nil : printable($0, limit: 500) })
        }
        var deliveries: [String: Int64] = [:]
        for row in try session.run("SELECT state, count(*) FROM sts.delivery GROUP BY state") {
            deliveries[printable(row[0] ?? "")] = row.integer(1) ?? 0
        }
        let quiet = try session.run(
            "SELECT extract(epoch FROM quiet_until - now())::bigint FROM sts.sender WHERE quiet_until > now()"
        ).first?.integer(0)
        return FleetSurvey(
            version: Int(version), machines: machines, differences: differences, days: days, deliveries: deliveries,
            quietSeconds: quiet ?? 0)
    }
}
