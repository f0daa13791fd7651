// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// What an empty file gets.
    static let tables = [
        policies, policyUses, forgottenPolicies, counts, countBatches, mergedCounts, intakeMarks, explanations, reports,
        reportShares, fleetDeliveries, receivedReports,
    ]

    /// Times are seconds since 1970; the body is a blob, since it may hold any octet. `checksum` is that of all the others:
    /// ``PackedPolicy/checksum(of:)``.
    private static let policies = """
        CREATE TABLE policy (
            domain TEXT NOT NULL PRIMARY KEY,
            id TEXT NOT NULL,
            mode TEXT NOT NULL,
            fetched_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            body BLOB NOT NULL,
            checksum INTEGER NOT NULL
        ) STRICT;
        """

    /// When mail last asked for a policy, apart from the policy: it changes more often, and is lost without harm.
    private static let policyUses = """
        CREATE TABLE policy_use (
            domain TEXT NOT NULL PRIMARY KEY,
            last_used INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// Policies that an operator had forgotten here and other machines of a fleet were not told yet.
    private static let forgottenPolicies = """
        CREATE TABLE forgotten_policy (
            domain TEXT NOT NULL PRIMARY KEY,
            forgotten_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// Days are days since 1970-01-01, lists are JSON arrays, and an absent text is the empty text.
    ///
    /// `domain` is the one that gets the report, `policy_domain` the one that has the policy, such as an MX host with
    /// TLSA records. `digest` only makes equal policies quick to find: the lists themselves decide. `shared` is how much of a
    /// count is in batches for a fleet.
    private static let counts = """
        CREATE TABLE applied_policy (
            id INTEGER NOT NULL PRIMARY KEY,
            type TEXT NOT NULL,
            policy_domain TEXT NOT NULL,
            digest INTEGER NOT NULL,
            strings TEXT NOT NULL,
            mx_hosts TEXT NOT NULL
        ) STRICT;
        -- By the name first: a batch is written in the order of the names, and the digests of its policies lie anywhere.
        CREATE INDEX applied_policy_name ON applied_policy (policy_domain, digest);

        CREATE TABLE tally (
            day INTEGER NOT NULL,
            domain TEXT NOT NULL,
            policy INTEGER NOT NULL REFERENCES applied_policy (id),
            successes INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            shared_successes INTEGER NOT NULL DEFAULT 0,
            shared_failures INTEGER NOT NULL DEFAULT 0,
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
            shared INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (day, domain, policy, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info),
            FOREIGN KEY (day, domain, policy) REFERENCES tally (day, domain, policy)
        ) STRICT, WITHOUT ROWID;
        """

    /// What is shared with a fleet: the batches of counts with when the database had them, and the days whose reports are the
    /// fleet's. A number is never used again, also that of a batch that is gone.
    private static let countBatches = """
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

    /// Whose counts these are, which days are left to another machine, and what other machines have counted.
    ///
    /// `imported_day` has a row a day and machine; until `is_complete` its counts are nobody's. They lie by the domain, as
    /// those of this machine do, so that both are read side by side. `number` tells the exports of one day apart.
    private static let mergedCounts = """
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

    /// How far each log was read, written in one transaction with the counts of what was read.
    private static let intakeMarks = """
        CREATE TABLE intake_mark (
            source TEXT NOT NULL PRIMARY KEY,
            state BLOB NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT;
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

    /// What became of what was counted. `report` has a row a domain whose report of the day is settled, and the report's
    /// octets until every destination has them; `state` is `planned`, or why there is no report.
    ///
    /// A delivery with `claimed_until` in the future belongs to the process `claimed_by`. `host` is that of the
    /// destination, for the limit of deliveries at a time. `source` and `site` are the registrable domains of the report and of the
    /// host, `turn` is ``DeliveryShares/turn(after:)``.
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
            successes INTEGER,
            failures INTEGER,
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
            source TEXT NOT NULL,
            site TEXT NOT NULL,
            turn INTEGER NOT NULL,
            UNIQUE (report, destination)
        ) STRICT;
        CREATE INDEX delivery_turn ON delivery (turn, next_try) WHERE state IN ('waiting', 'deferred');
        CREATE INDEX delivery_claimed ON delivery (claimed_until) WHERE claimed_until > 0;
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

    /// `report_share` counts the deliveries of a day that the names below a registrable domain have to a target; the empty
    /// target is all of them.
    private static let reportShares = """
        CREATE TABLE report_share (
            day INTEGER NOT NULL,
            source TEXT NOT NULL,
            target TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (day, source, target)
        ) STRICT, WITHOUT ROWID;
        """

    /// What this machine has marked as being sent of the fleet's reports, should the fleet's database forget it; and the highest
    /// number of a mark that the database was seen to have.
    private static let fleetDeliveries = """
        CREATE TABLE fleet_delivery (
            day INTEGER NOT NULL,
            domain TEXT NOT NULL,
            destination TEXT NOT NULL,
            round INTEGER NOT NULL,
            owner TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            marked_at INTEGER NOT NULL,
            state TEXT NOT NULL,
            next_try INTEGER NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (day, domain, destination)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE fleet_mark (highest INTEGER NOT NULL) STRICT;
        INSERT INTO fleet_mark (highest) VALUES (0);
        """

    /// What others report of domains of the operator's own; texts are theirs. `day` is that of its middle.
    ///
    /// Some senders give all reports of a day one id, or none: `content` is a hash of the domains that a report is about, and
    /// of all that it says if it has no id.
    private static let receivedReports = """
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
}
