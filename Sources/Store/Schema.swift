// SPDX-License-Identifier: Apache-2.0
import GRDB

/// The tables, and how an older file becomes a newer one. A published migration is never changed, only followed.
enum Schema {
    /// Marks the file as ours: `STS1`.
    static let applicationID: Int32 = 0x5354_5331

    static func migrate(_ pool: DatabasePool, path: String) throws {
        let migrator = migrator
        try pool.read { db in
            let isOurs = try Int32.fetchOne(db, sql: "PRAGMA application_id") == applicationID
            guard try isOurs || isEmpty(db) else {
                throw StoreError(.foreign, path: path, text: "it holds other tables")
            }
            guard try !migrator.hasBeenSuperseded(db) else {
                throw StoreError(.newerSchema, path: path, text: "it knows migrations that this version does not")
            }
        }
        try migrator.migrate(pool)
    }

    private static func isEmpty(_ db: Database) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            try db.execute(sql: policies)
            try db.execute(sql: ledger)
        }
        migrator.registerMigration("2") { db in try db.execute(sql: uses) }
        migrator.registerMigration("3") { db in try db.execute(sql: intake) }
        return migrator
    }

    /// Times are seconds since 1970; the body is a blob, since it may hold any octet.
    private static let policies = """
        CREATE TABLE policy (
            domain TEXT NOT NULL PRIMARY KEY,
            id TEXT NOT NULL,
            mode TEXT NOT NULL,
            fetched_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        """

    /// When mail last asked for a policy, apart from the policy: it changes more often, and is lost without harm.
    private static let uses = """
        CREATE TABLE policy_use (
            domain TEXT NOT NULL PRIMARY KEY,
            last_used INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// How far each log was read, written in one transaction with the counts of what was read.
    private static let intake = """
        CREATE TABLE intake_mark (
            source TEXT NOT NULL PRIMARY KEY,
            state BLOB NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT;
        """

    /// Days are days since 1970-01-01, lists are JSON arrays, and an absent text is the empty text.
    ///
    /// `domain` is the one that gets the report, `policy_domain` the one that has the policy, such as an MX host with
    /// TLSA records. `digest` only makes equal policies quick to find: the lists themselves decide.
    private static let ledger = """
        CREATE TABLE applied_policy (
            id INTEGER NOT NULL PRIMARY KEY,
            type TEXT NOT NULL,
            policy_domain TEXT NOT NULL,
            digest INTEGER NOT NULL,
            strings TEXT NOT NULL,
            mx_hosts TEXT NOT NULL
        ) STRICT;
        CREATE INDEX applied_policy_digest ON applied_policy (digest, policy_domain);

        CREATE TABLE tally (
            day INTEGER NOT NULL,
            domain TEXT NOT NULL,
            policy INTEGER NOT NULL REFERENCES applied_policy (id),
            successes INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            PRIMARY KEY (day, domain, policy)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tally_policy ON tally (policy);

        CREATE TABLE failure (
            day INTEGER NOT NULL,
            domain TEXT NOT NULL,
            policy INTEGER NOT NULL,
            type TEXT NOT NULL,
            sending_ip TEXT NOT NULL,
            mx_host TEXT NOT NULL,
            mx_helo TEXT NOT NULL,
            mx_ip TEXT NOT NULL,
            reason TEXT NOT NULL,
            info TEXT NOT NULL,
            sessions INTEGER NOT NULL,
            PRIMARY KEY (day, domain, policy, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info),
            FOREIGN KEY (day, domain, policy) REFERENCES tally (day, domain, policy)
        ) STRICT, WITHOUT ROWID;
        """
}
