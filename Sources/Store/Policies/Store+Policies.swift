// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Logging
import MTASTS
import SQLite

extension Store: PolicyStore {
    /// Returns when the policy is on disk.
    package func save(_ policy: CachedPolicy) async throws(StoreError) { try await changes.apply(.save(policy)) }

    package func remove(_ domain: DomainName) async throws(StoreError) { try await changes.apply(.remove(domain)) }
}

extension Store {
    /// What a load found.
    package struct LoadCount: Sendable, Hashable {
        /// Live policies.
        package var loaded = 0
        /// Live rows that are not policies any more; each was named in the log, up to a limit.
        package var skipped = 0

        package init(loaded: Int = 0, skipped: Int = 0) {
            self.loaded = loaded
            self.skipped = skipped
        }
    }

    /// Policies of one transaction of ``save(all:)``.
    private static let importGroup = 50_000

    /// Puts every policy into `table` without parsing its lines, which the table does on demand; those that have ended,
    /// too, since the clock may be wrong.
    ///
    /// Blocks the thread, for seconds with a million policies: for a command. A daemon has a ``PolicyLoader``.
    package func load(into table: PolicyTable, at time: UTCTime) throws(StoreError) -> LoadCount {
        let loader = try PolicyLoader(self, into: table, at: time)
        while try loader.loadPiece() {}
        return loader.count
    }

    /// When the newest policy was fetched and the last use was noted: exact only where all are older than `time`, else
    /// that of anyone since.
    package func newestEntry(since time: UTCTime) throws(StoreError) -> UTCTime? {
        do {
            return try pool.read { db in
                let anyUse = "SELECT last_used FROM policy_use WHERE last_used >= ? LIMIT 1"
                if let used = try Int64.fetchOne(db, sql: anyUse, arguments: [time.secondsSinceEpoch]) {
                    return UTCTime(secondsSinceEpoch: used)
                }
                var newest = try Int64.fetchOne(db, sql: "SELECT max(last_used) FROM policy_use")
                    .map(UTCTime.init(secondsSinceEpoch:))
                // A policy that is written anew gets a new row at the end.
                let rows = try Row.fetchCursor(
                    db, sql: "SELECT \(StoredPolicyRow.columns) FROM policy ORDER BY rowid DESC")
                while let row = try rows.next() {
                    // A time in a row that has rotted tells nothing.
                    guard case .policy(_, let packed) = StoredPolicyRow(row) else { continue }
                    newest = max(newest ?? packed.fetchedAt, packed.fetchedAt)
                    if packed.fetchedAt >= time { break }
                }
                return newest
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// The stored policy of a domain, expired or not; nil if there is none or its row cannot be read.
    package func policy(for domain: DomainName) async throws(StoreError) -> CachedPolicy? {
        try await read { [self] db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT \(StoredPolicyRow.columns) FROM policy WHERE domain = ?", arguments: [domain.ascii])
            return try rows.next().flatMap { unpacked(StoredPolicyRow($0)) }
        }
    }

    /// A piece of the stored policies in the order of their domains, expired ones included: for a list of any length.
    /// - Parameter after: the last domain of the piece before.
    package func policies(after: DomainName? = nil, limit: Int = 1000) async throws(StoreError) -> [CachedPolicy] {
        var policies: [CachedPolicy] = []
        var last = after?.ascii ?? ""
        // A piece of nothing but unreadable rows must not look like the end.
        while policies.isEmpty {
            let (piece, end) = try await piece(after: last, limit: limit)
            guard let end else { break }
            policies = piece
            last = end
        }
        return policies
    }

    private func piece(after: String, limit: Int) async throws(StoreError) -> ([CachedPolicy], last: String?) {
        try await read { [self] db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT \(StoredPolicyRow.columns) FROM policy WHERE domain > ? ORDER BY domain LIMIT ?",
                arguments: [after, limit])
            var policies: [CachedPolicy] = []
            var last: String?
            while let row = try rows.next() {
                last = row[0]
                if let policy = unpacked(StoredPolicyRow(row)) { policies.append(policy) }
            }
            return (policies, last)
        }
    }

    /// Removes what expired before `time`; returns how many rows.
    @discardableResult
    package func removeExpired(before time: UTCTime) async throws(StoreError) -> Int {
        try await write { db in
            try db.execute(sql: "DELETE FROM policy WHERE expires_at < ?", arguments: [time.secondsSinceEpoch])
            return db.changesCount
        }
    }

    /// Saves many policies in few transactions, blocking the thread: an import.
    package func save(all policies: some Sequence<CachedPolicy>) throws(StoreError) {
        do {
            var iterator = policies.makeIterator()
            var isFinished = false
            while !isFinished {
                try pool.write { db in
                    for _ in 0..<Self.importGroup {
                        guard let policy = iterator.next() else {
                            isFinished = true
                            return
                        }
                        try Self.save(policy, in: db)
                    }
                }
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private func unpacked(_ row: StoredPolicyRow) -> CachedPolicy? {
        guard case .policy(let domain, let packed) = row else { return nil }
        do throws(PolicyError) {
            return try packed.unpacked(for: domain)
        } catch {
            logger.warning("stored policy cannot be read", metadata: ["domain": "\(domain)", "cause": "\(error)"])
            return nil
        }
    }

    private static let columns = "domain, id, mode, fetched_at, expires_at, body, checksum"

    static func save(_ policy: CachedPolicy, in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO policy (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?)")
        try statement.execute(arguments: arguments(PackedPolicy(policy), of: policy.domain))
    }

    /// Saves what memory has, unless the row is newer.
    static func merge(_ packed: PackedPolicy, of domain: DomainName, in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO policy (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (domain) DO UPDATE SET id = excluded.id, mode = excluded.mode,
                    fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, body = excluded.body,
                    checksum = excluded.checksum
                WHERE excluded.fetched_at >= fetched_at
                """)
        try statement.execute(arguments: arguments(packed, of: domain))
    }

    private static func arguments(_ packed: PackedPolicy, of domain: DomainName) -> StatementArguments {
        [
            domain.ascii, String(decoding: packed.id, as: UTF8.self), packed.life.mode.rawValue,
            packed.fetchedAt.secondsSinceEpoch, packed.expiresAt.secondsSinceEpoch, Array(packed.body),
            packed.checksum(of: domain),
        ]
    }

    static func remove(_ domain: DomainName, in db: Database) throws {
        for table in ["policy", "policy_use"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE domain = ?").execute(arguments: [domain.ascii])
        }
    }
}
