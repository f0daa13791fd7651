// SPDX-License-Identifier: Apache-2.0

extension FleetSchema {
    /// What the machines have counted, as they sent it. Days are days since 1970-01-01.
    ///
    /// A batch never changes; one that cannot be read is `skipped` by hand, and not deleted: its machine would send it again.
    /// `counted` has the sums of what came of each machine, so that nobody needs to look through the batches for them.
    ///
    /// `day` has a row for each day that has batches: who makes its reports, by a lease with a fence that grows with each
    /// owner, whether they are made, and why they cannot be. A batch is written under a share lock of its day's row, and the
    /// day is ended under an exclusive one, so that no batch slips in unseen. What comes late opens the day again, for the
    /// `openings`th time, and nobody takes it before `rests_until`, so that all that is late is added up together.
    static let counts = """
        CREATE TABLE sts.batch (
            node text NOT NULL,
            number bigint NOT NULL,
            day int NOT NULL,
            lines int NOT NULL,
            sessions bigint NOT NULL,
            received timestamptz NOT NULL DEFAULT now(),
            body bytea NOT NULL,
            skipped boolean NOT NULL DEFAULT false,
            PRIMARY KEY (node, number)
        );
        ALTER TABLE sts.batch ALTER COLUMN body SET STORAGE EXTERNAL;
        CREATE INDEX batch_day ON sts.batch (day, node, number);
        CREATE INDEX batch_received ON sts.batch (received);

        CREATE TABLE sts.counted (
            day int NOT NULL,
            node text NOT NULL,
            batches bigint NOT NULL,
            sessions bigint NOT NULL,
            PRIMARY KEY (day, node)
        );

        CREATE TABLE sts.day (
            day int PRIMARY KEY,
            owner text NOT NULL DEFAULT '',
            until timestamptz NOT NULL DEFAULT '-infinity',
            fence bigint NOT NULL DEFAULT 0,
            began timestamptz,
            ended timestamptz,
            trouble text NOT NULL DEFAULT '',
            openings int NOT NULL DEFAULT 0,
            rests_until timestamptz NOT NULL DEFAULT '-infinity'
        );
        """
}
