// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Reporting
import SQLite
import TLSRPT

/// Takes a file of counts: its lines go to the database as they are read, some at a time, so that neither memory nor a long
/// transaction holds them, and count for nobody. ``finish(since:at:)`` makes all of them count in one transaction.
///
/// What was not finished is removed by the next import.
package struct CountsImport: Sendable {
    /// Lines of one transaction.
    static let batchCount = 500
    /// After this time an import that was not finished is nobody's any more.
    static let waitLimit = Duration.seconds(6 * 3600)

    /// What is staged of one document.
    private struct Staged: Sendable {
        let id: Int64
        let head: CountsHead
        var sessions = 0
        var digest = FNV1a()
    }

    private let store: Store
    private var staged: [Staged] = []
    private var batch: [CountsLine] = []

    package init(_ store: Store, at time: UTCTime) async throws(StoreError) {
        self.store = store
        try await store.write { db in
            let old = try Row.fetchAll(
                db, sql: "SELECT id, day FROM imported_day WHERE is_complete = 0 AND imported_at < ?",
                arguments: [(time - Self.waitLimit).secondsSinceEpoch])
            for row in old { try Self.remove(row[0], of: row[1], in: db) }
        }
    }

    /// Takes the next entry of the file.
    /// - Parameter octets: those of the entry: by them the same counts are known.
    package mutating func add(_ entry: CountsEntry, _ octets: [UInt8], at time: UTCTime) async throws(ImportError) {
        switch entry {
        case .head(let head):
            do throws(StoreError) { staged.append(Staged(id: try await begin(head, at: time), head: head)) } catch {
                throw .store(error)
            }
        case .line(let line):
            guard let last = staged.indices.last else { return }
            staged[last].digest.add(octets)
            staged[last].sessions += line.result.tally.sessions
            batch.append(line)
            if batch.count >= Self.batchCount { try await write() }
        case .end: try await write()
        }
    }

    private func begin(_ head: CountsHead, at time: UTCTime) async throws(StoreError) -> Int64 {
        try await store.write { db in
            try db.execute(
                sql: """
                    INSERT INTO imported_day (day, node, machine, host, number, imported_at, sessions, digest, is_complete)
                    VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0)
                    """,
                arguments: [
                    head.day.daysSinceEpoch, head.node, head.machine, head.host.ascii, head.number,
                    time.secondsSinceEpoch,
                ])
            return db.lastInsertedRowID
        }
    }

    private mutating func write() async throws(ImportError) {
        guard let document = staged.last, !batch.isEmpty else { return }
        let lines = batch
        batch = []
        let twice: DomainName?
        do throws(StoreError) {
            twice = try await store.write { db in
                let writer = try ImportWriter(db, id: document.id, day: document.head.day)
                for line in lines {
                    guard try writer.add(line) else { return line.domain }
                }
                return nil
            }
        } catch {
            throw .store(error)
        }
        if let twice { throw .twice(twice) }
    }

    /// Makes the counts of each document count, or refuses those of it. All of them at once: a crash leaves nothing half
    /// done, and the same file can be given again.
    /// - Parameter oldest: the first day that is kept.
    package func finish(since oldest: UTCDay, at time: UTCTime) async throws(StoreError) -> [ImportedCounts] {
        let staged = staged
        return try await store.write { db in
            try staged.map { document in
                let outcome = try Self.outcome(of: document, since: oldest, at: time, in: db)
                switch outcome {
                case .stored, .replaced:
                    try db.execute(
                        sql: """
                            UPDATE imported_day SET is_complete = 1, imported_at = ?, sessions = ?, digest = ?
                            WHERE id = ?
                            """,
                        arguments: [
                            time.secondsSinceEpoch, document.sessions, Int64(bitPattern: document.digest.value),
                            document.id,
                        ])
                case .known, .empty, .refused:
                    try Self.remove(document.id, of: document.head.day.daysSinceEpoch, in: db)
                }
                return ImportedCounts(head: document.head, sessions: document.sessions, outcome: outcome)
            }
        }
    }

    /// Removes what was taken so far.
    package func abandon() async throws(StoreError) {
        let staged = staged
        try await store.write { db in
            for document in staged { try Self.remove(document.id, of: document.head.day.daysSinceEpoch, in: db) }
        }
    }

    private static func outcome(
        of document: Staged, since oldest: UTCDay, at time: UTCTime, in db: Database
    ) throws -> ImportOutcome {
        let head = document.head
        if head.day >= time.day { return .refused(.notOver) }
        if head.day < oldest { return .refused(.past) }
        if try Store.node(in: db).id == head.node { return .refused(.own) }
        let day = head.day.daysSinceEpoch
        let before = try Row.fetchOne(
            db,
            sql: """
                SELECT id, machine, host, number, sessions, digest FROM imported_day
                WHERE day = ? AND node = ? AND is_complete = 1
                """, arguments: [day, head.node])
        if let before {
            let machine: String = before[1]
            let host: String = before[2]
            if machine != head.machine || host != head.host.ascii { return .refused(.copied(host: host)) }
            let (sessions, digest): (Int, Int64) = (before[4], before[5])
            if sessions == document.sessions, digest == Int64(bitPattern: document.digest.value) { return .known }
        }
        let isBegun = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM report_day WHERE day = ?)", arguments: [day])
        if isBegun == true {
            return before == nil && document.sessions == 0 ? .empty : .refused(.reported)
        }
        switch try Store.whereReported(head.day, in: db) {
        case .exported: return .refused(.exported)
        case .shared: return .refused(.shared)
        case nil: break
        }
        guard let before else { return .stored }
        let number: Int64 = before[3]
        if number > head.number { return .refused(.older) }
        try remove(before[0], of: day, in: db)
        return .replaced
    }

    /// - Parameter day: by which the rows lie.
    static func remove(_ id: Int64, of day: Int64, in db: Database) throws {
        for table in ["imported_failure", "imported_tally"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE day = ? AND import = ?", arguments: [day, id])
        }
        try db.execute(sql: "DELETE FROM imported_day WHERE id = ?", arguments: [id])
    }
}

/// Why an import ends before its time. Nothing of it counts.
package enum ImportError: Error, Sendable {
    case store(StoreError)
    /// A policy of the domain stands in the file twice.
    case twice(DomainName)
}

/// Writes lines of an import.
private struct ImportWriter {
    private let db: Database
    private let id: Int64
    private let day: Int64
    private let policies: PolicyRows
    private let insertTally: BatchStatement
    private let insertFailure: BatchStatement

    init(_ db: Database, id: Int64, day: UTCDay) throws {
        self.db = db
        self.id = id
        self.day = day.daysSinceEpoch
        policies = try PolicyRows(db)
        insertTally = try BatchStatement(
            db,
            """
            INSERT OR IGNORE INTO imported_tally (day, domain, policy, import, successes, failures)
            VALUES (?, ?, ?, ?, ?, ?)
            """)
        // An absent text and an empty one are one.
        insertFailure = try BatchStatement(
            db,
            """
            INSERT INTO imported_failure (
                day, domain, policy, import, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info, sessions
            ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions
            """)
    }

    /// - Returns: false if the domain has the policy already.
    func add(_ line: CountsLine) throws -> Bool {
        let tally = line.result.tally
        let policy = try policies.id(of: line.result.policy)
        try insertTally.bind(1, day)
        try insertTally.bind(2, line.domain.ascii)
        try insertTally.bind(3, policy)
        try insertTally.bind(4, id)
        try insertTally.bind(5, Int64(tally.successes))
        try insertTally.bind(6, Int64(tally.failures))
        try insertTally.run()
        guard db.changesCount > 0 else { return false }
        for (details, sessions) in tally.details {
            try insertFailure.bind(1, day)
            try insertFailure.bind(2, line.domain.ascii)
            try insertFailure.bind(3, policy)
            try insertFailure.bind(4, id)
            try insertFailure.bind(5, details.type.text)
            try insertFailure.bind(6, details.sendingMTAIP ?? "")
            try insertFailure.bind(7, details.receivingMXHostname ?? "")
            try insertFailure.bind(8, details.receivingMXHelo ?? "")
            try insertFailure.bind(9, details.receivingIP ?? "")
            try insertFailure.bind(10, details.reasonCode ?? "")
            try insertFailure.bind(11, details.additionalInformation ?? "")
            try insertFailure.bind(12, Int64(sessions))
            try insertFailure.run()
        }
        return true
    }
}
