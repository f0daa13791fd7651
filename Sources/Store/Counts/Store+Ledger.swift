// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import GRDB
import TLSRPT

extension Store {
    /// Adds the counts to those of the database. A day whose reports are made is looked at again: its late counts may be
    /// of domains that had no report.
    static func add(_ counts: [TallyKey: Tally], to db: Database) throws {
        for day in Set(counts.keys.map(\.day)) {
            let reopen = try db.cachedStatement(
                sql: "UPDATE report_day SET ended_at = NULL WHERE day = ? AND ended_at IS NOT NULL")
            try reopen.execute(arguments: [day.daysSinceEpoch])
        }
        for (key, tally) in counts {
            let policy = try policyID(for: key, in: db)
            let upsert = try db.cachedStatement(
                sql: """
                    INSERT INTO tally (day, domain, policy, successes, failures) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT DO UPDATE SET
                        successes = successes + excluded.successes, failures = failures + excluded.failures
                    """)
            try upsert.execute(arguments: [
                key.day.daysSinceEpoch, key.domain.ascii, policy, tally.successes, tally.failures,
            ])
            try add(tally, under: policy, of: key, to: db)
        }
    }

    /// Adds the details; those that are new when the domain has its share already are summed under their type.
    private static func add(_ tally: Tally, under policy: Int64, of key: TallyKey, to db: Database) throws {
        guard !tally.details.isEmpty else { return }
        let held = try Int.fetchOne(
            db.cachedStatement(sql: "SELECT count(*) FROM failure WHERE day = ? AND domain = ? AND reason <> ?"),
            arguments: [key.day.daysSinceEpoch, key.domain.ascii, FailureDetails.foldedReason])
        var room = Ledger.maxDetails - (held ?? 0)
        let update = try db.cachedStatement(
            sql: """
                UPDATE failure SET sessions = sessions + ? WHERE day = ? AND domain = ? AND policy = ? AND type = ?
                    AND sending_ip = ? AND mx_host = ? AND mx_helo = ? AND mx_ip = ? AND reason = ? AND info = ?
                """)
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO failure (
                    sessions, day, domain, policy, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        for (details, sessions) in tally.details {
            try update.execute(arguments: arguments(details, sessions, policy, key))
            if db.changesCount > 0 { continue }
            if room > 0, details.reasonCode != FailureDetails.foldedReason {
                try insert.execute(arguments: arguments(details, sessions, policy, key))
                room -= 1
                continue
            }
            let folded = arguments(details.folded, sessions, policy, key)
            try update.execute(arguments: folded)
            if db.changesCount == 0 { try insert.execute(arguments: folded) }
        }
    }

    private static func arguments(
        _ details: FailureDetails, _ sessions: Int, _ policy: Int64, _ key: TallyKey
    ) -> StatementArguments {
        [
            sessions, key.day.daysSinceEpoch, key.domain.ascii, policy, details.type.text, details.sendingMTAIP ?? "",
            details.receivingMXHostname ?? "", details.receivingMXHelo ?? "", details.receivingIP ?? "",
            details.reasonCode ?? "", details.additionalInformation ?? "",
        ]
    }

    /// The row of the policy, made if it is new; past ``Ledger/maxPolicies`` that of its kind without text.
    private static func policyID(for key: TallyKey, in db: Database) throws -> Int64 {
        let reported = key.policy.reported
        let text = try PolicyText(reported)
        if let id = try text.id(in: db) {
            let tallied = try db.cachedStatement(sql: "SELECT 1 FROM tally WHERE day = ? AND domain = ? AND policy = ?")
            if try Int.fetchOne(tallied, arguments: [key.day.daysSinceEpoch, key.domain.ascii, id]) != nil {
                return id
            }
        }
        let held = try Int.fetchOne(
            db.cachedStatement(sql: "SELECT count(*) FROM tally WHERE day = ? AND domain = ?"),
            arguments: [key.day.daysSinceEpoch, key.domain.ascii])
        if held ?? 0 < Ledger.maxPolicies { return try text.id(in: db) ?? text.insert(into: db) }
        let folded = try PolicyText(
            ReportedPolicy(type: reported.type, domain: key.domain.ascii, strings: [], mxHosts: []))
        return try folded.id(in: db) ?? folded.insert(into: db)
    }
}

/// A policy as its row holds it.
private struct PolicyText {
    let type: String
    let domain: String
    let strings: String
    let mxHosts: String

    init(_ policy: ReportedPolicy) throws {
        type = policy.type.text
        domain = policy.domain ?? ""
        strings = try jsonText(policy.strings)
        mxHosts = try jsonText(policy.mxHosts)
    }

    /// No proof of equality: the texts are compared as well.
    private var digest: Int64 {
        var hash = FNV1a()
        for text in [type, strings, mxHosts] { hash.add(text) }
        return Int64(bitPattern: hash.value)
    }

    func id(in db: Database) throws -> Int64? {
        let find = try db.cachedStatement(
            sql: """
                SELECT id FROM applied_policy
                WHERE digest = ? AND policy_domain = ? AND type = ? AND strings = ? AND mx_hosts = ?
                """)
        return try Int64.fetchOne(find, arguments: [digest, domain, type, strings, mxHosts])
    }

    func insert(into db: Database) throws -> Int64 {
        let insert = try db.cachedStatement(
            sql: "INSERT INTO applied_policy (digest, policy_domain, type, strings, mx_hosts) VALUES (?, ?, ?, ?, ?)")
        try insert.execute(arguments: [digest, domain, type, strings, mxHosts])
        return db.lastInsertedRowID
    }
}

private func jsonText(_ values: [String]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(values), as: UTF8.self)
}
