// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import SQLite
import TLSRPT

extension Store {
    /// Adds the counts to those of the database. A day whose reports are made is looked at again: its late counts may be
    /// of domains that had no report.
    static func add(_ counts: [TallyTable], to db: Database) throws {
        var days: Set<UTCDay> = []
        var places: [TallyPlace] = []
        places.reserveCapacity(counts.reduce(0) { $0 + $1.count })
        for (table, tallies) in counts.enumerated() {
            for index in tallies.rows.indices {
                let key = tallies.rows[index].key
                if places.last?.day != key.day { days.insert(key.day) }
                places.append(TallyPlace(key, table, index))
            }
        }
        guard !places.isEmpty else { return }
        for day in days {
            let reopen = try db.cachedStatement(
                sql: "UPDATE report_day SET ended_at = NULL WHERE day = ? AND ended_at IS NOT NULL")
            try reopen.execute(arguments: [day.daysSinceEpoch])
        }
        var writer = try TallyWriter(db)
        places.sort { ($0.day, $0.name) < ($1.day, $1.name) }
        for place in places {
            let row = counts[place.table].rows[place.index]
            try writer.add(row.tally, to: row.key)
        }
    }
}

/// Where a tally lies, for writing in about the order of the tables: each of their pages is then met once and not once for
/// each domain on it. What it holds is quick to move, as a tally is not.
private struct TallyPlace {
    let day: UTCDay
    /// The first eight octets of the domain.
    let name: UInt64
    let table: Int
    let index: Int

    init(_ key: TallyKey, _ table: Int, _ index: Int) {
        day = key.day
        let octets = key.domain.ascii.utf8.span
        var name: UInt64 = 0
        for place in 0..<8 { name = name << 8 | (place < octets.count ? UInt64(octets[place]) : 0) }
        self.name = name
        self.table = table
        self.index = index
    }
}

/// Adds tallies, by statements that are prepared once: a batch has thousands.
private struct TallyWriter {
    private let db: Database
    private let policies: PolicyRows
    private let updateTally: BatchStatement
    private let findTallies: BatchStatement
    private let upsertTally: BatchStatement
    private let countDetails: BatchStatement
    private let updateDetails: BatchStatement
    private let insertDetails: BatchStatement
    /// Policies whose words were made, by their lines: the domains of one provider mostly have the same.
    private var texts: [String: PolicyText] = [:]
    private static let maxTexts = 256

    init(_ db: Database) throws {
        self.db = db
        policies = try PolicyRows(db)
        updateTally = try BatchStatement(
            db,
            """
            UPDATE tally SET successes = successes + ?, failures = failures + ?
            WHERE day = ? AND domain = ? AND policy = ?
            """)
        findTallies = try BatchStatement(
            db,
            "SELECT count(*), ifnull(max(policy = ?), 0) FROM tally WHERE day = ? AND domain = ?")
        upsertTally = try BatchStatement(
            db,
            """
            INSERT INTO tally (day, domain, policy, successes, failures) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET
                successes = successes + excluded.successes, failures = failures + excluded.failures
            """)
        countDetails = try BatchStatement(
            db,
            "SELECT count(*) FROM failure WHERE day = ? AND domain = ? AND reason <> ?")
        updateDetails = try BatchStatement(
            db,
            """
            UPDATE failure SET sessions = sessions + ? WHERE day = ? AND domain = ? AND policy = ? AND type = ?
                AND sending_ip = ? AND mx_host = ? AND mx_helo = ? AND mx_ip = ? AND reason = ? AND info = ?
            """)
        // Details that are new may still be of one row: an absent text and an empty one.
        insertDetails = try BatchStatement(
            db,
            """
            INSERT INTO failure (
                sessions, day, domain, policy, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info
            ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions
            """)
    }

    mutating func add(_ tally: Tally, to key: TallyKey) throws {
        // As it is for all but the first sessions of a day.
        let text = try text(of: key.policy)
        let known = try policies.id(of: text)
        if let known, try update(tally, under: known, to: key) {
            if !tally.details.isEmpty { try addDetails(of: tally, under: known, to: key, isFirst: false) }
            return
        }
        let (policy, isFirst) = try policyID(for: key, text, known)
        try upsertTally.bind(1, Int64(key.day.daysSinceEpoch))
        try upsertTally.bind(2, key.domain.ascii)
        try upsertTally.bind(3, policy)
        try upsertTally.bind(4, Int64(tally.successes))
        try upsertTally.bind(5, Int64(tally.failures))
        try upsertTally.run()
        if !tally.details.isEmpty { try addDetails(of: tally, under: policy, to: key, isFirst: isFirst) }
    }

    /// Adds to the tally that there is; false if there is none.
    private func update(_ tally: Tally, under policy: Int64, to key: TallyKey) throws -> Bool {
        try updateTally.bind(1, Int64(tally.successes))
        try updateTally.bind(2, Int64(tally.failures))
        try updateTally.bind(3, Int64(key.day.daysSinceEpoch))
        try updateTally.bind(4, key.domain.ascii)
        try updateTally.bind(5, policy)
        try updateTally.run()
        return db.changesCount > 0
    }

    private mutating func text(of policy: AppliedPolicy) throws -> PolicyText {
        guard case .sts(let domain, let applied?) = policy else { return try PolicyText(policy.reported) }
        if var known = texts[applied.text] {
            known.domain = domain.ascii
            return known
        }
        let text = try PolicyText(policy.reported)
        if texts.count >= Self.maxTexts { texts.removeAll(keepingCapacity: true) }
        texts[applied.text] = text
        return text
    }

    /// Adds the details; those that are new when the domain has its share already are summed under their type.
    /// - Parameter isFirst: whether the domain had no tally on the day, and so no details either.
    private func addDetails(of tally: Tally, under policy: Int64, to key: TallyKey, isFirst: Bool) throws {
        var room = Ledger.maxDetails
        if !isFirst {
            try countDetails.bind(1, Int64(key.day.daysSinceEpoch))
            try countDetails.bind(2, key.domain.ascii)
            try countDetails.bind(3, FailureDetails.foldedReason)
            try countDetails.run { room -= Int($0.integer(0)) }
        }
        for (details, sessions) in tally.details {
            if !isFirst {
                try run(updateDetails, details, sessions, policy, key)
                if db.changesCount > 0 { continue }
            }
            if room > 0, details.reasonCode != FailureDetails.foldedReason {
                try run(insertDetails, details, sessions, policy, key)
                room -= 1
            } else {
                try run(insertDetails, details.folded, sessions, policy, key)
            }
        }
    }

    private func run(
        _ statement: BatchStatement, _ details: FailureDetails, _ sessions: Int, _ policy: Int64, _ key: TallyKey
    ) throws {
        try statement.bind(1, Int64(sessions))
        try statement.bind(2, Int64(key.day.daysSinceEpoch))
        try statement.bind(3, key.domain.ascii)
        try statement.bind(4, policy)
        try statement.bind(5, details.type.text)
        try statement.bind(6, details.sendingMTAIP ?? "")
        try statement.bind(7, details.receivingMXHostname ?? "")
        try statement.bind(8, details.receivingMXHelo ?? "")
        try statement.bind(9, details.receivingIP ?? "")
        try statement.bind(10, details.reasonCode ?? "")
        try statement.bind(11, details.additionalInformation ?? "")
        try statement.run()
    }

    /// The row of the policy, made if it is new; past ``Ledger/maxPolicies`` that of its kind without text.
    /// - Parameters:
    ///   - text: the policy as its row holds it.
    ///   - known: its row, if there is one.
    /// - Returns: also whether the domain had no tally on the day.
    private func policyID(for key: TallyKey, _ text: PolicyText, _ known: Int64?) throws -> (id: Int64, isFirst: Bool) {
        var held = 0
        var isTallied = false
        // Rows are numbered from 1 on.
        try findTallies.bind(1, known ?? 0)
        try findTallies.bind(2, Int64(key.day.daysSinceEpoch))
        try findTallies.bind(3, key.domain.ascii)
        try findTallies.run { row in
            held = Int(row.integer(0))
            isTallied = row.integer(1) != 0
        }
        if isTallied || held < Ledger.maxPolicies { return (try known ?? policies.insert(text), held == 0) }
        let folded = try PolicyText(
            ReportedPolicy(type: Registered(text.type), domain: key.domain.ascii, strings: [], mxHosts: []))
        return (try policies.id(of: folded) ?? policies.insert(folded), false)
    }
}

/// The rows of policies, each policy once.
struct PolicyRows {
    private let db: Database
    private let find: BatchStatement
    private let insert: BatchStatement

    init(_ db: Database) throws {
        self.db = db
        find = try BatchStatement(
            db,
            """
            SELECT id FROM applied_policy
            WHERE digest = ? AND policy_domain = ? AND type = ? AND strings = ? AND mx_hosts = ?
            """)
        insert = try BatchStatement(
            db,
            "INSERT INTO applied_policy (digest, policy_domain, type, strings, mx_hosts) VALUES (?, ?, ?, ?, ?)")
    }

    /// The row of a policy, made if it is new.
    func id(of policy: ReportedPolicy) throws -> Int64 {
        let text = try PolicyText(policy)
        return try id(of: text) ?? insert(text)
    }

    fileprivate func id(of text: PolicyText) throws -> Int64? {
        var id: Int64?
        try bind(text, to: find)
        try find.run { if id == nil { id = $0.integer(0) } }
        return id
    }

    fileprivate func insert(_ text: PolicyText) throws -> Int64 {
        try bind(text, to: insert)
        try insert.run()
        return db.lastInsertedRowID
    }

    private func bind(_ text: PolicyText, to statement: BatchStatement) throws {
        try statement.bind(1, text.digest)
        try statement.bind(2, text.domain)
        try statement.bind(3, text.type)
        try statement.bind(4, text.strings)
        try statement.bind(5, text.mxHosts)
    }
}

/// A policy as its row holds it.
private struct PolicyText {
    let type: String
    var domain: String
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
    guard !values.isEmpty else { return "[]" }
    guard values.allSatisfy({ isPlain($0.utf8.span) }) else {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(values), as: UTF8.self)
    }
    return String(unsafeUninitializedCapacity: values.reduce(1) { $0 + $1.utf8.count + 3 }) { buffer in
        var end = 0
        func put(_ octet: UInt8) {
            buffer[end] = octet
            end += 1
        }
        for value in values {
            put(UInt8(ascii: end == 0 ? "[" : ","))
            put(UInt8(ascii: "\""))
            value.utf8.span.withUnsafeBufferPointer { end = buffer[end...].update(fromContentsOf: $0) }
            put(UInt8(ascii: "\""))
        }
        put(UInt8(ascii: "]"))
        return end
    }
}

/// Whether a text needs no escape in JSON: then it is written without the encoder, which costs as much as all the rest.
/// Without an early end, so that many octets are looked at by one instruction.
private func isPlain(_ octets: Span<UInt8>) -> Bool {
    var special: UInt8 = 0
    for index in octets.indices {
        let octet = octets[index]
        special |= octet &- 0x20 >= 0x5F || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") ? 1 : 0
    }
    return special == 0
}
