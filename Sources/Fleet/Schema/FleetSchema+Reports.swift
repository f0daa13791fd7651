// SPDX-License-Identifier: Apache-2.0

extension FleetSchema {
    /// What became of what was counted: the frozen reports of the fleet, and their deliveries.
    ///
    /// `sender` is one row. `token` stands in the ids of reports, in the place of a host's. `marks` grows with each delivery
    /// that is marked as being sent, and is how a machine sees that the database has gone back. `incarnation` is of the
    /// server that the row was last used on; `epoch` is drawn when it is another one, or when the database has gone back: then
    /// nothing is claimed until `quiet_until`, and each machine says first what it has sent.
    ///
    /// A delivery is known by its day, domain and destination, and by no number: numbers are given again by a database that
    /// has gone back. It needs no report, since a machine may know more of it than the database. `round` grows when the
    /// operator has it made anew. `source`, `site` and `turn` are those of the shares.
    static let reports = """
        CREATE TABLE sts.sender (
            token text NOT NULL,
            marks bigint NOT NULL DEFAULT 0,
            incarnation text NOT NULL,
            epoch text NOT NULL DEFAULT '',
            quiet_until timestamptz NOT NULL DEFAULT '-infinity'
        );
        INSERT INTO sts.sender (token, incarnation)
        VALUES (left(replace(gen_random_uuid()::text, '-', ''), 13), \(FleetOutbox.incarnation));

        CREATE TABLE sts.report (
            day int NOT NULL,
            domain text NOT NULL,
            state text NOT NULL,
            text text NOT NULL,
            settled timestamptz NOT NULL DEFAULT now(),
            report_id text NOT NULL,
            file_name text NOT NULL,
            organization text NOT NULL,
            contact text NOT NULL,
            body bytea,
            successes bigint,
            failures bigint,
            PRIMARY KEY (day, domain)
        );
        ALTER TABLE sts.report ALTER COLUMN body SET STORAGE EXTERNAL;
        CREATE INDEX report_settled ON sts.report (settled);

        CREATE TABLE sts.delivery (
            day int NOT NULL,
            domain text NOT NULL,
            destination text NOT NULL,
            host text NOT NULL,
            state text NOT NULL,
            attempts int NOT NULL DEFAULT 0,
            first_attempt timestamptz,
            next_try timestamptz NOT NULL,
            claimed_by text NOT NULL DEFAULT '',
            claimed_until timestamptz NOT NULL DEFAULT '-infinity',
            text text NOT NULL DEFAULT '',
            source text NOT NULL,
            site text NOT NULL,
            turn int NOT NULL DEFAULT 0,
            round bigint NOT NULL DEFAULT 0,
            PRIMARY KEY (day, domain, destination)
        );
        CREATE INDEX delivery_turn ON sts.delivery (turn, next_try) WHERE state IN ('waiting', 'deferred');
        CREATE INDEX delivery_due ON sts.delivery (next_try) WHERE state IN ('waiting', 'deferred');
        CREATE INDEX delivery_claimed ON sts.delivery (claimed_until);
        CREATE INDEX delivery_sending ON sts.delivery (claimed_until) WHERE state = 'sending';

        CREATE TABLE sts.report_share (
            day int NOT NULL,
            source text NOT NULL,
            target text NOT NULL,
            count int NOT NULL,
            PRIMARY KEY (day, source, target)
        );

        CREATE TABLE sts.refusal (
            destination text NOT NULL,
            day int NOT NULL,
            PRIMARY KEY (destination, day)
        );

        CREATE TABLE sts.suppression (
            destination text PRIMARY KEY,
            until timestamptz NOT NULL,
            text text NOT NULL
        );
        """
}
