// SPDX-License-Identifier: Apache-2.0
import SQLite

/// The tables, and how an older file becomes a newer one. A published migration is never changed, only followed.
enum Schema {
    /// Marks the file as ours: `STS1`.
    static let applicationID: Int32 = 0x5354_5331

    static func migrate(_ pool: DatabasePool, path: String) throws {
        let (isOurs, isCurrent) = try pool.read { db in
            let isOurs = try Int32.fetchOne(db, sql: "PRAGMA application_id") == applicationID
            guard try isOurs || isEmpty(db) else {
                throw StoreError(.foreign, path: path, text: "it holds other tables")
            }
            let (applied, known) = (try applied(in: db), Set(migrations.map(\.name)))
            guard applied.isSubset(of: known) else {
                throw StoreError(.newerSchema, path: path, text: "it knows migrations that this version does not")
            }
            return (isOurs, applied == known)
        }
        // Then there is nothing to write, and no writer to wait for.
        if isOurs, isCurrent { return }
        try pool.writeWithoutTransaction { db in
            if !isOurs {
                // Before the first table: a file whose making broke off there would look like another program's.
                try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            }
            for (name, migration) in migrations {
                // Looked up in the transaction, since another process may be doing the same.
                try db.inTransaction(.write) { db in
                    try db.execute(sql: migrationTable)
                    guard try !applied(in: db).contains(name) else { return }
                    try migration(db)
                    try db.execute(sql: "INSERT INTO migration (name) VALUES (?)", arguments: [name])
                }
            }
        }
    }

    static func isEmpty(_ db: Database) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
    }

    /// Which migrations a file has had.
    private static let migrationTable = "CREATE TABLE IF NOT EXISTS migration (name TEXT NOT NULL PRIMARY KEY) STRICT"

    private static func applied(in db: Database) throws -> Set<String> {
        let find = "SELECT count(*) FROM sqlite_schema WHERE name = 'migration'"
        guard try Int.fetchOne(db, sql: find) == 1 else { return [] }
        return try Set(String.fetchAll(db, sql: "SELECT name FROM migration"))
    }

    private static let migrations: [(name: String, apply: @Sendable (Database) throws -> Void)] = [
        (
            "1",
            { db in
                try db.execute(sql: policies)
                try db.execute(sql: ledger)
            }
        ),
        ("2", { try $0.execute(sql: uses) }),
        ("3", { try $0.execute(sql: intake) }),
        ("4", { try $0.execute(sql: reports) }),
        (
            "5-report-shares",
            { db in
                try db.execute(sql: shares)
                try Store.fillShares(in: db)
            }
        ),
        // Rows of before have none: nothing is known of them.
        ("6-policy-checksum", { try $0.execute(sql: "ALTER TABLE policy ADD COLUMN checksum INTEGER") }),
        // Reports of before have none: their mails leave them out.
        (
            "7-report-totals",
            { db in
                try db.execute(sql: "ALTER TABLE report ADD COLUMN successes INTEGER")
                try db.execute(sql: "ALTER TABLE report ADD COLUMN failures INTEGER")
            }
        ),
        // By the name first: a batch is written in the order of the names, and the digests of its policies lie anywhere.
        (
            "8-policy-order",
            { db in
                try db.execute(sql: "DROP INDEX applied_policy_digest")
                try db.execute(sql: "CREATE INDEX applied_policy_name ON applied_policy (policy_domain, digest)")
            }
        ),
        ("9-received-reports", { try $0.execute(sql: received) }),
        ("10-explanations", { try $0.execute(sql: explanations) }),
        ("11-merged-counts", { try $0.execute(sql: merged) }),
        ("12-count-batches", { try $0.execute(sql: batches) }),
        ("13-fleet-deliveries", { try $0.execute(sql: Store.fleetDeliveries) }),
        ("14-forgotten-policies", { try $0.execute(sql: Store.forgottenPolicies) }),
    ]

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

    /// `report_share` counts the deliveries of a day that the names below a registrable domain have to a target; the empty
    /// target is all of them. `turn` is ``DeliveryShares/turn(after:)``.
    private static let shares = """
        CREATE TABLE report_share (
            day INTEGER NOT NULL,
            source TEXT NOT NULL,
            target TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (day, source, target)
        ) STRICT, WITHOUT ROWID;

        ALTER TABLE delivery ADD COLUMN source TEXT NOT NULL DEFAULT '';
        ALTER TABLE delivery ADD COLUMN site TEXT NOT NULL DEFAULT '';
        ALTER TABLE delivery ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX delivery_turn ON delivery (turn, next_try) WHERE state IN ('waiting', 'deferred');
        CREATE INDEX delivery_claimed ON delivery (claimed_until) WHERE claimed_until > 0;
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

    /// What became of what was counted. `report` has a row a domain whose report of the day is settled, and the report's
    /// octets until every destination has them; `state` is `planned`, or why there is no report.
    ///
    /// A delivery with `claimed_until` in the future belongs to the process `claimed_by`. `host` is that of the
    /// destination, for the limit of deliveries at a time.
    private static let reports = """
        CREATE TABLE report_day (
            day INTEGER NOT NULL PRIMARY KEY,
            began_at INTEGER NOT NULL,
            ended_at INTEGER
        ) STRICT;

        CREATE TABLE report (
            id INTEGER NOT NULL PRIMARY KEY,
            day INTEGER NOT NULL,
            domain TEXT NOT NULL,
            state TEXT NOT NULL,
            text TEXT NOT NULL,
            settled_at INTEGER NOT NULL,
            report_id TEXT NOT NULL,
            file_name TEXT NOT NULL,
            organization TEXT NOT NULL,
            contact TEXT NOT NULL,
            body BLOB,
            UNIQUE (day, domain)
        ) STRICT;

        CREATE TABLE delivery (
            id INTEGER NOT NULL PRIMARY KEY,
            report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
            destination TEXT NOT NULL,
            host TEXT NOT NULL,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            first_attempt INTEGER,
            next_try INTEGER NOT NULL,
            claimed_by TEXT NOT NULL DEFAULT '',
            claimed_until INTEGER NOT NULL DEFAULT 0,
            text TEXT NOT NULL DEFAULT '',
            UNIQUE (report, destination)
        ) STRICT;
        CREATE INDEX delivery_due ON delivery (next_try) WHERE state IN ('waiting', 'deferred', 'sending');

        CREATE TABLE refusal (
            destination TEXT NOT NULL,
            day INTEGER NOT NULL,
            PRIMARY KEY (destination, day)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE suppression (
            destination TEXT NOT NULL PRIMARY KEY,
            until INTEGER NOT NULL,
            text TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// What others report of domains of the operator's own; texts are theirs. `day` is that of its middle.
    ///
    /// Some senders give all reports of a day one id, or none: `content` is a hash of the domains that a report is about, and
    /// of all that it says if it has no id.
    private static let received = """
        CREATE TABLE received_report (
            id INTEGER NOT NULL PRIMARY KEY,
            reporter TEXT NOT NULL,
            report_id TEXT NOT NULL,
            first_second INTEGER NOT NULL,
            last_second INTEGER NOT NULL,
            content INTEGER NOT NULL,
            day INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            UNIQUE (reporter, report_id, first_second, last_second, content)
        ) STRICT;
        CREATE INDEX received_report_day ON received_report (day);

        CREATE TABLE received_tally (
            report INTEGER NOT NULL REFERENCES received_report (id) ON DELETE CASCADE,
            domain TEXT NOT NULL,
            successes INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            PRIMARY KEY (report, domain)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX received_tally_domain ON received_tally (domain);

        CREATE TABLE received_failure (
            report INTEGER NOT NULL REFERENCES received_report (id) ON DELETE CASCADE,
            domain TEXT NOT NULL,
            type TEXT NOT NULL,
            mx_host TEXT NOT NULL,
            sending_ip TEXT NOT NULL,
            reason TEXT NOT NULL,
            sessions INTEGER NOT NULL,
            PRIMARY KEY (report, domain, type, mx_host, sending_ip, reason)
        ) STRICT, WITHOUT ROWID;
        """

    /// What the milter decided about a message, and what the MTA's log said of its deliveries, by queue id: JSON that only who
    /// explains it reads. In the order in which it came.
    private static let explanations = """
        CREATE TABLE explanation (
            id INTEGER NOT NULL PRIMARY KEY,
            queue_id TEXT NOT NULL,
            time INTEGER NOT NULL,
            origin TEXT NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        CREATE INDEX explanation_queue_id ON explanation (queue_id);
        """

    /// Whose counts these are, which days are left to another machine, and what other machines have counted.
    ///
    /// `imported_day` has a row a day and machine; until `is_complete` its counts are nobody's. They lie by the domain, as
    /// those of this machine do, so that both are read side by side. `number` tells the exports of one day apart.
    private static let merged = """
        CREATE TABLE node (
            id TEXT NOT NULL PRIMARY KEY,
            machine TEXT NOT NULL,
            first_day INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO node (id, machine, first_day) VALUES (lower(hex(randomblob(16))), '', 0);

        CREATE TABLE exported_day (
            day INTEGER NOT NULL PRIMARY KEY,
            number INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE imported_day (
            id INTEGER NOT NULL PRIMARY KEY,
            day INTEGER NOT NULL,
            node TEXT NOT NULL,
            machine TEXT NOT NULL,
            host TEXT NOT NULL,
            number INTEGER NOT NULL,
            imported_at INTEGER NOT NULL,
            sessions INTEGER NOT NULL,
            digest INTEGER NOT NULL,
            is_complete INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX imported_day_node ON imported_day (day, node) WHERE is_complete = 1;

        CREATE TABLE imported_tally (
            day INTEGER NOT NULL,
            domain TEXT NOT NULL,
            policy INTEGER NOT NULL REFERENCES applied_policy (id),
            import INTEGER NOT NULL,
            successes INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            PRIMARY KEY (day, domain, policy, import)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX imported_tally_policy ON imported_tally (policy);

        CREATE TABLE imported_failure (
            day INTEGER NOT NULL,
            domain TEXT NOT NULL,
            policy INTEGER NOT NULL,
            import INTEGER NOT NULL,
            type TEXT NOT NULL,
            sending_ip TEXT NOT NULL,
            mx_host TEXT NOT NULL,
            mx_helo TEXT NOT NULL,
            mx_ip TEXT NOT NULL,
            reason TEXT NOT NULL,
            info TEXT NOT NULL,
            sessions INTEGER NOT NULL,
            PRIMARY KEY (day, domain, policy, import, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info),
            FOREIGN KEY (day, domain, policy, import) REFERENCES imported_tally (day, domain, policy, import)
        ) STRICT, WITHOUT ROWID;
        """

    /// What is shared with a fleet: how much of each count is in batches, the batches with when the database had them, and the
    /// days whose reports are the fleet's. A number is never used again, also that of a batch that is gone.
    private static let batches = """
        ALTER TABLE tally ADD COLUMN shared_successes INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tally ADD COLUMN shared_failures INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE failure ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;

        CREATE TABLE count_batch (
            number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            day INTEGER NOT NULL,
            lines INTEGER NOT NULL,
            sessions INTEGER NOT NULL,
            body BLOB NOT NULL,
            shipped_at INTEGER
        ) STRICT;
        CREATE INDEX count_batch_waiting ON count_batch (number, day) WHERE shipped_at IS NULL;
        CREATE INDEX count_batch_shipped ON count_batch (shipped_at) WHERE shipped_at IS NOT NULL;

        CREATE TABLE shared_day (
            day INTEGER NOT NULL PRIMARY KEY
        ) STRICT;
        """
}
