// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import PostgreSQL

/// What is said to the database about policies. Each can be said again.
extension PostgresSession {
    /// A claim that is held for longer than any is made by a clock that was wrong.
    private static let longestClaim = "5 minutes"
    /// Rows of one piece, and octets of their policies.
    private static let pieceRows: Int64 = 500
    private static let pieceOctets: Int64 = 1 << 20
    /// A row with a time so far ahead of the database's clock makes way for any other, in seconds.
    private static let clockTolerance: Int64 = 300

    // MARK: Reading

    /// The last change of all.
    func newestPolicyChange() throws(PostgresError) -> Int64 {
        try run("SELECT coalesce(max(changed), 0) FROM sts.policy").first?.integer(0) ?? 0
    }

    /// The next rows, in the order in which they changed; none at the end.
    func policyChanges(after last: Int64) throws(PostgresError) -> [PostgresRow] {
        try run(
            """
            SELECT \(PolicyRow.columns) FROM (
                SELECT *, row_number() OVER (ORDER BY changed) AS place,
                    sum(coalesce(octet_length(body), 0)) OVER (ORDER BY changed) AS octets
                FROM (SELECT * FROM sts.policy WHERE changed > $1 ORDER BY changed LIMIT $2) AS next
            ) AS piece
            WHERE place = 1 OR octets <= $3 ORDER BY changed
            """, [.integer(last), .integer(Self.pieceRows), .integer(Self.pieceOctets)])
    }

    /// What is there of these domains.
    func policies(of domains: [DomainName]) throws(PostgresError) -> [PostgresRow] {
        try run(
            "SELECT \(PolicyRow.columns) FROM sts.policy WHERE domain = ANY($1::text[]) AND body IS NOT NULL",
            [.texts(domains.map(\.ascii))])
    }

    // MARK: Who fetches

    /// Claims the domains that nobody else has claimed. No lock is held for longer than the statement, and all take them in
    /// the same order.
    /// - Returns: those that this machine has now.
    func claim(_ domains: [DomainName], as node: String, for time: Duration) throws(PostgresError) -> Set<DomainName> {
        let rows = try run(
            """
            INSERT INTO sts.claim AS c (domain, node, until)
            SELECT domain, $2, now() + make_interval(secs => $3)
            FROM unnest($1::text[]) AS domain ORDER BY domain COLLATE "C"
            ON CONFLICT (domain) DO UPDATE SET node = excluded.node, until = excluded.until
            WHERE c.node = excluded.node OR c.until <= now() OR c.until > now() + interval '\(Self.longestClaim)'
            RETURNING domain
            """,
            [.texts(domains.map(\.ascii)), .text(node), .integer(time.components.seconds)])
        return Set(rows.compactMap { try? DomainName(host: $0[0] ?? "") })
    }

    func release(_ domains: [DomainName], as node: String) throws(PostgresError) {
        try run(
            """
            DELETE FROM sts.claim WHERE domain IN (
                SELECT domain FROM sts.claim WHERE node = $2 AND domain = ANY($1::text[])
                ORDER BY domain COLLATE "C" FOR UPDATE)
            """, [.texts(domains.map(\.ascii)), .text(node)])
    }

    // MARK: Writing

    /// Begins a change of rows; until the transaction ends no other machine writes any.
    /// - Throws: ``PostgresError/Cause/conflict`` if another one does so now. Nobody waits for it: lookups would wait as well.
    func lockPolicies() throws(PostgresError) {
        let row = try run("SELECT pg_try_advisory_xact_lock(\(FleetSchema.Lock.policies))").first
        guard row?[0] == "t" else { throw PostgresError(.conflict, state: "55P03", "another machine writes policies") }
    }

    /// Writes those that are newer than what is there.
    /// - Returns: how many are.
    func put(_ policies: [CachedPolicy], by node: String) throws(PostgresError) -> Int {
        guard !policies.isEmpty else { return 0 }
        return try run(
            """
            INSERT INTO sts.policy AS p (domain, id, mode, fetched_at, expires_at, body, node, changed)
            SELECT a.domain, a.id, a.mode, a.fetched_at, a.expires_at, a.body, $7, nextval('sts.policy_changed')
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[])
                AS a (domain, id, mode, fetched_at, expires_at, body)
            ON CONFLICT (domain) DO UPDATE SET id = excluded.id, mode = excluded.mode, fetched_at = excluded.fetched_at,
                expires_at = excluded.expires_at, body = excluded.body, node = excluded.node, changed = excluded.changed
            WHERE excluded.fetched_at > p.forgotten_at AND (excluded.fetched_at > p.fetched_at
                OR p.fetched_at > extract(epoch FROM now())::bigint + $8)
            RETURNING 1
            """,
            [
                .texts(policies.map(\.domain.ascii)), .texts(policies.map(\.id)),
                .texts(policies.map(\.policy.mode.rawValue)),
                .texts(policies.map { "\($0.fetchedAt.secondsSinceEpoch)" }),
                .texts(policies.map { "\($0.expiresAt.secondsSinceEpoch)" }),
                .texts(policies.map { "\\x" + hex(Array($0.policy.text.utf8)) }),
                .text(node), .integer(Self.clockTolerance),
            ]
        ).count
    }

    /// Says that an operator had the policies forgotten that were fetched before. What is told late forgets nothing that was
    /// fetched since, but for what the clocks of machines may differ by.
    func forget(_ domains: [DomainName: UTCTime], by node: String) throws(PostgresError) {
        for (domain, time) in domains.sorted(by: { $0.key < $1.key }) {
            try run(
                """
                INSERT INTO sts.policy (domain, id, mode, fetched_at, expires_at, body, node, forgotten_at, changed)
                SELECT $1, '', 'none', told, told, NULL, $3, told, nextval('sts.policy_changed')
                FROM (SELECT least($2::bigint, extract(epoch FROM now())::bigint + $4) AS told) AS t
                ON CONFLICT (domain) DO UPDATE SET id = excluded.id, mode = excluded.mode,
                    fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, body = NULL,
                    node = excluded.node, forgotten_at = excluded.forgotten_at, changed = excluded.changed
                WHERE policy.fetched_at <= excluded.forgotten_at + $4
                    OR policy.fetched_at > extract(epoch FROM now())::bigint + $4
                """,
                [
                    .text(domain.ascii), .integer(time.secondsSinceEpoch), .text(node), .integer(Self.clockTolerance),
                ])
        }
    }

    /// Has other machines read what has changed.
    func notifyOfPolicies() throws(PostgresError) {
        try run("SELECT pg_notify($1, '')", [.text(PolicyConnection.channel)])
    }

    /// Lets go of policies that ended long ago and of claims that are over; a piece each.
    func tidyPolicies() throws(PostgresError) {
        try run(
            """
            DELETE FROM sts.policy WHERE domain IN (SELECT domain FROM sts.policy
                WHERE expires_at < extract(epoch FROM now())::bigint - $1 LIMIT 10000)
            """, [.integer(CachedPolicy.keptPastEnd.components.seconds)])
        try run(
            """
            DELETE FROM sts.claim WHERE domain IN (
                SELECT domain FROM sts.claim WHERE until < now() - interval '1 hour' LIMIT 10000 FOR UPDATE SKIP LOCKED)
            """)
    }
}

extension PostgresValue {
    /// An array. - PostgreSQL, 8.15.2: Array Value Input.
    static func texts(_ texts: [String]) -> PostgresValue {
        let quoted = texts.map { text in
            "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
        }
        return .text("{" + quoted.joined(separator: ",") + "}")
    }
}

private func hex(_ octets: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(octets.count * 2)
    for octet in octets {
        text.append(digits[Int(octet >> 4)])
        text.append(digits[Int(octet & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
