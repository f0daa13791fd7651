// SPDX-License-Identifier: Apache-2.0
import PostgreSQL

/// The tables of the fleet's database, all in the schema `sts`, and how older ones become newer ones. A published migration is
/// never changed, only followed.
package enum FleetSchema {
    /// What `fleet migrate` makes, and the least that this program can use.
    package static let version = migrations.count
    /// The oldest program, by its ``version``, that the tables still take: it grows when a column that such a program needs goes.
    static let oldest = 1

    private static let migrations = [[nodes, counts, policies, reports]]

    /// Numbers of advisory locks, each for one thing; the same for all machines.
    enum Lock {
        static let migration = 5_572_061
        static let prune = 5_572_062
        static let policies = 5_572_063
    }

    private static let nodes = """
        CREATE SCHEMA sts;

        -- One row. Machines of different versions take part at once: from `oldest` on.
        CREATE TABLE sts.version (version int NOT NULL, oldest int NOT NULL, migrated_at timestamptz NOT NULL);

        -- One row a store. `session` is drawn at each start of a daemon, at `began`: two that live under one identity show by
        -- it. `closed_through` is the last day (since 1970-01-01) of which all that the machine counted is in `batch`.
        -- `clock_ahead` is by how many seconds its clock is ahead of the database's; `settings` are those that have to be the
        -- same on all machines, as a JSON object of texts, empty where it makes no reports.
        CREATE TABLE sts.node (
            node text PRIMARY KEY,
            machine text NOT NULL,
            host text NOT NULL,
            program text NOT NULL,
            version int NOT NULL,
            session text NOT NULL,
            began timestamptz NOT NULL,
            first_seen timestamptz NOT NULL DEFAULT now(),
            seen timestamptz NOT NULL,
            closed_through int NOT NULL DEFAULT 0,
            waiting bigint NOT NULL DEFAULT 0,
            clock_ahead bigint NOT NULL DEFAULT 0,
            settings text NOT NULL DEFAULT ''
        );
        """

    /// How long the tables may take to be changed.
    private static let limit = Duration.seconds(60)

    /// Makes the tables, or brings them up to date; for the owner of the database. Several may do it at once.
    /// - Parameter role: gets what a daemon needs, and no more.
    /// - Returns: the version of before; nil if there were no tables.
    package static func migrate(_ server: FleetServer, role: String?) async throws(FleetError) -> Int? {
        do throws(PostgresError) {
            let connection = try PostgresConnection(server.text)
            defer { connection.close() }
            return try await connection.perform(within: limit) { session throws(PostgresError) in
                try migrate(session, role: role)
            }
        } catch {
            throw .database(error)
        }
    }

    /// The same on a connection.
    static func migrate(_ session: PostgresSession, role: String?) throws(PostgresError) -> Int? {
        try session.transaction { session throws(PostgresError) in
            try session.run("SELECT pg_advisory_xact_lock(\(Lock.migration))")
            let isThere = try session.run("SELECT to_regclass('sts.version') IS NOT NULL").first?[0] == "t"
            let found =
                isThere ? try session.run("SELECT version FROM sts.version").first?.integer(0).map(Int.init) : nil
            for migration in migrations.dropFirst(found ?? 0) {
                for text in migration { for statement in statements(text) { try session.run(statement) } }
            }
            if found ?? 0 < version {
                try session.run("DELETE FROM sts.version")
                try session.run(
                    "INSERT INTO sts.version VALUES ($1, $2, now())",
                    [.integer(Int64(version)), .integer(Int64(oldest))])
            }
            // Later tables are for those, too, who could use the earlier ones.
            let known = try session.run(
                """
                SELECT DISTINCT grantee FROM information_schema.role_table_grants
                WHERE table_schema = 'sts' AND table_name = 'node' AND privilege_type = 'UPDATE'
                AND grantee <> current_user AND grantee <> 'PUBLIC'
                """
            ).compactMap { $0[0] }
            for role in Set(known + [role].compactMap { $0 }) { try grant(to: role, session) }
            return found
        }
    }

    /// A daemon reads and writes rows; it makes, changes and drops no tables.
    private static func grant(to role: String, _ session: PostgresSession) throws(PostgresError) {
        let name = try session.run("SELECT quote_ident($1)", [.text(role)]).first?[0] ?? ""
        try session.run("GRANT USAGE ON SCHEMA sts TO \(name)")
        try session.run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sts TO \(name)")
        try session.run("GRANT USAGE ON ALL SEQUENCES IN SCHEMA sts TO \(name)")
        try session.run("REVOKE INSERT, UPDATE, DELETE ON sts.version FROM \(name)")
    }

    /// The protocol takes one statement at a time where there may be parameters.
    private static func statements(_ text: String) -> [String] {
        text.split(separator: ";\n").map { String($0) }.filter { !$0.allSatisfy(\.isWhitespace) }
    }

    /// Why this program cannot use the tables; nil if it can.
    static func refusal(_ session: PostgresSession) throws(PostgresError) -> FleetError? {
        guard try session.run("SELECT to_regclass('sts.version') IS NOT NULL").first?[0] == "t",
            let row = try session.run("SELECT version, oldest FROM sts.version").first,
            let found = row.integer(0), let oldest = row.integer(1)
        else { return .notMigrated(found: nil) }
        if oldest > version { return .tooOld(needed: Int(oldest)) }
        return found < version ? .notMigrated(found: Int(found)) : nil
    }
}
