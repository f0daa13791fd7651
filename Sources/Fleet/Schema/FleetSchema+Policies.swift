// SPDX-License-Identifier: Apache-2.0

extension FleetSchema {
    /// Policies that any machine has fetched, and who fetches them now.
    ///
    /// A domain has one row. `changed` grows with each change of any row, in the order of the commits: who writes holds
    /// `Lock.policies`, so that who reads on from the last one it has seen misses none. A row without a body says that an operator
    /// had the policy forgotten; what was fetched before `forgotten_at` is not good any more. Times in it are seconds since
    /// 1970 by the clock of the machine that wrote the row.
    static let policies = """
        CREATE SEQUENCE sts.policy_changed;

        CREATE TABLE sts.policy (
            domain text PRIMARY KEY,
            id text NOT NULL,
            mode text NOT NULL,
            fetched_at bigint NOT NULL,
            expires_at bigint NOT NULL,
            body bytea,
            node text NOT NULL,
            forgotten_at bigint NOT NULL DEFAULT 0,
            changed bigint NOT NULL
        );
        CREATE INDEX policy_order ON sts.policy (changed);
        CREATE INDEX policy_end ON sts.policy (expires_at);

        CREATE TABLE sts.claim (
            domain text PRIMARY KEY,
            node text NOT NULL,
            until timestamptz NOT NULL
        );
        CREATE INDEX claim_end ON sts.claim (until);
        """
}
