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
        guard !counts.isEmpty else { return }
        let writer = try TallyWriter(db)
        for (key, tally) in counts { try writer.add(tally, to: key) }
    }
}

/// Adds tallies, by statements that are prepared once: a batch has thousands.
private struct TallyWriter {
    private let db: Database
    private let findPolicy: Statement
    private let insertPolicy: Statement
    private let findTallies: Statement
    private let upsertTally: Statement
    private let countDetails: Statement
    private let updateDetails: Statement
    private let insertDetails: Statement

    init(_ db: Database) throws {
        self.db = db
        findPolicy = try db.cachedStatement(
            sql: """
                SELECT id FROM applied_policy
                WHERE digest = ? AND policy_domain = ? AND type = ? AND strings = ? AND mx_hosts = ?
                """)
        insertPolicy = try db.cachedStatement(
            sql: "INSERT INTO applied_policy (digest, policy_domain, type, strings, mx_hosts) VALUES (?, ?, ?, ?, ?)")
        findTallies = try db.cachedStatement(
            sql: "SELECT count(*), ifnull(max(policy = ?), 0) FROM tally WHERE day = ? AND domain = ?")
        upsertTally = try db.cachedStatement(
            sql: """
                INSERT INTO tally (day, domain, policy, successes, failures) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET
                    successes = successes + excluded.successes, failures = failures + excluded.failures
                """)
        countDetails = try db.cachedStatement(
            sql: "SELECT count(*) FROM failure WHERE day = ? AND domain = ? AND reason <> ?")
        updateDetails = try db.cachedStatement(
            sql: """
                UPDATE failure SET sessions = sessions + ? WHERE day = ? AND domain = ? AND policy = ? AND type = ?
                    AND sending_ip = ? AND mx_host = ? AND mx_helo = ? AND mx_ip = ? AND reason = ? AND info = ?
                """)
        // Details that are new may still be of one row: an absent text and an empty one.
        insertDetails = try db.cachedStatement(
            sql: """
                INSERT INTO failure (
                    sessions, day, domain, policy, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions
                """)
    }

    func add(_ tally: Tally, to key: TallyKey) throws {
        let (policy, isFirst) = try policyID(for: key)
        try upsertTally.execute(arguments: [
            key.day.daysSinceEpoch, key.domain.ascii, policy, tally.successes, tally.failures,
        ])
        if !tally.details.isEmpty { try addDetails(of: tally, under: policy, to: key, isFirst: isFirst) }
    }

    /// Adds the details; those that are new when the domain has its share already are summed under their type.
    /// - Parameter isFirst: whether the domain had no tally on the day, and so no details either.
    private func addDetails(of tally: Tally, under policy: Int64, to key: TallyKey, isFirst: Bool) throws {
        var room = Ledger.maxDetails
        if !isFirst {
            let held = try Int.fetchOne(
                countDetails,
                arguments: [key.day.daysSinceEpoch, key.domain.ascii, FailureDetails.foldedReason])
            room -= held ?? 0
        }
        for (details, sessions) in tally.details {
            if !isFirst {
                try updateDetails.execute(arguments: arguments(details, sessions, policy, key))
                if db.changesCount > 0 { continue }
            }
            if room > 0, details.reasonCode != FailureDetails.foldedReason {
                try insertDetails.execute(arguments: arguments(details, sessions, policy, key))
                room -= 1
            } else {
                try insertDetails.execute(arguments: arguments(details.folded, sessions, policy, key))
            }
        }
    }

    private func arguments(
        _ details: FailureDetails, _ sessions: Int, _ policy: Int64, _ key: TallyKey
    ) -> StatementArguments {
        [
            sessions, key.day.daysSinceEpoch, key.domain.ascii, policy, details.type.text, details.sendingMTAIP ?? "",
            details.receivingMXHostname ?? "", details.receivingMXHelo ?? "", details.receivingIP ?? "",
            details.reasonCode ?? "", details.additionalInformation ?? "",
        ]
    }

    /// The row of the policy, made if it is new; past ``Ledger/maxPolicies`` that of its kind without text.
    /// - Returns: also whether the domain had no tally on the day.
    private func policyID(for key: TallyKey) throws -> (id: Int64, isFirst: Bool) {
        let reported = key.policy.reported
        let text = try PolicyText(reported)
        let known = try id(of: text)
        let tallies = try Row.fetchOne(
            findTallies, arguments: [known, key.day.daysSinceEpoch, key.domain.ascii])
        let held: Int = tallies?[0] ?? 0
        let isTallied: Bool = tallies?[1] ?? false
        if isTallied || held < Ledger.maxPolicies { return (try known ?? insert(text), held == 0) }
        let folded = try PolicyText(
            ReportedPolicy(type: reported.type, domain: key.domain.ascii, strings: [], mxHosts: []))
        return (try id(of: folded) ?? insert(folded), false)
    }

    private func id(of text: PolicyText) throws -> Int64? {
        try Int64.fetchOne(
            findPolicy, arguments: [text.digest, text.domain, text.type, text.strings, text.mxHosts])
    }

    private func insert(_ text: PolicyText) throws -> Int64 {
        try insertPolicy.execute(arguments: [text.digest, text.domain, text.type, text.strings, text.mxHosts])
        return db.lastInsertedRowID
    }
}

/// A policy as its row holds it.
private struct PolicyText {
    let type: String
    let domain: String
    let strings: String
    let mxHosts: String
    /// No proof of equality: the texts are compared as well.
    let digest: Int64

    init(_ policy: ReportedPolicy) throws {
        type = policy.type.text
        domain = policy.domain ?? ""
        strings = try jsonText(policy.strings)
        mxHosts = try jsonText(policy.mxHosts)
        var hash = FNV1a()
        for text in [type, strings, mxHosts] { hash.add(text) }
        digest = Int64(bitPattern: hash.value)
    }
}

private func jsonText(_ values: [String]) throws -> String {
    if values.allSatisfy(isPlain) { return values.isEmpty ? "[]" : "[\"\(values.joined(separator: "\",\""))\"]" }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(values), as: UTF8.self)
}

/// Whether a text needs no escape in JSON: then it is written without the encoder, which costs as much as all the rest.
private func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
}
