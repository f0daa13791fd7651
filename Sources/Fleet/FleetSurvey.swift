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
    }

    package struct Day: Sendable, Hashable, Codable {
        package let day: String
        package let batches: Int64
        package let sessions: Int64
        /// The machine that makes the day's reports now.
        package let owner: String?
        /// For how long it may, without a word.
        package let leaseSeconds: Int64?
        /// Whether the reports are made.
        package let isEnded: Bool
        /// Why they cannot be made.
        package let trouble: String?
    }

    /// Days that are told of, the latest first.
    private static let mostDays = 14
    private static let limit = Duration.seconds(20)

    package let version: Int
    /// By name.
    package let machines: [Machine]
    package let days: [Day]

    /// Asks the database, as nobody in particular.
    package static func read(_ server: FleetServer) async throws(FleetError) -> FleetSurvey {
        let result: Result<FleetSurvey, FleetError>
        do throws(PostgresError) {
            let connection = try PostgresConnection(server.text)
            defer { connection.close() }
            result = try await connection.perform(within: limit) { session throws(PostgresError) in
                if let refusal = try FleetSchema.refusal(session) { return .failure(refusal) }
                return .success(try read(session))
            }
        } catch {
            throw .database(error)
        }
        return try result.get()
    }

    private static func read(_ session: PostgresSession) throws(PostgresError) -> FleetSurvey {
        let version = try session.run("SELECT version FROM sts.version").first?.integer(0) ?? 0
        let machines = try session.run(
            """
            SELECT host, node, program, extract(epoch FROM now() - seen)::bigint, closed_through, waiting FROM sts.node
            ORDER BY host, node
            """
        ).map { row in
            Machine(
                host: printable(row[0] ?? ""), node: printable(row[1] ?? ""), version: printable(row[2] ?? ""),
                silentSeconds: row.integer(3) ?? 0,
                closedThrough: row.integer(4).flatMap { $0 > 0 ? "\(UTCDay(daysSinceEpoch: $0))" : nil },
                batchesWaiting: row.integer(5) ?? 0)
        }
        let days = try session.run(
            """
            SELECT d.day, count(b.number), coalesce(sum(b.sessions), 0), d.owner,
                CASE WHEN d.until > now() THEN extract(epoch FROM d.until - now())::bigint END, d.ended IS NOT NULL,
                d.trouble
            FROM (SELECT * FROM sts.day ORDER BY day DESC LIMIT $1) d LEFT JOIN sts.batch b ON b.day = d.day
            GROUP BY d.day, d.owner, d.until, d.ended, d.trouble ORDER BY d.day DESC
            """, [.integer(Int64(mostDays))]
        ).map { row in
            let lease = row.integer(4)
            // A host, and what tells its daemon from others.
            let owner = row[3]?.split(separator: " ").first.map { printable(String($0)) }
            return Day(
                day: "\(UTCDay(daysSinceEpoch: row.integer(0) ?? 0))", batches: row.integer(1) ?? 0,
                sessions: row.integer(2) ?? 0, owner: lease == nil ? nil : owner, leaseSeconds: lease,
                isEnded: row[5] == "t", trouble: row[6].flatMap { $0.isEmpty ? nil : printable($0, limit: 500) })
        }
        return FleetSurvey(version: Int(version), machines: machines, days: days)
    }
}
