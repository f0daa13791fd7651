// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import GRDB
import Logging
import MTASTS
import Names

extension Store: PolicyStore {
    /// Returns when the policy is on disk.
    package func save(_ policy: CachedPolicy) async throws(StoreError) { try await changes.apply(.save(policy)) }

    package func remove(_ domain: DomainName) async throws(StoreError) { try await changes.apply(.remove(domain)) }
}

extension Store {
    /// What a load found.
    package struct LoadCount: Sendable, Hashable {
        package var loaded = 0
        /// Live rows that are not policies any more; each was named in the log, up to a limit.
        package var skipped = 0
    }

    /// Rows named in the log of one load.
    private static let maxWarnings = 10
    /// Policies of one transaction of ``save(all:)``.
    private static let importGroup = 50_000

    /// Hands over every policy that has not expired, without parsing its body: ``PolicyTable`` does that on demand.
    ///
    /// Blocks the thread, for seconds with a million policies: for the start.
    package func loadLivePolicies(
        at time: UTCTime, _ body: (DomainName, PackedPolicy) -> Void
    ) throws(StoreError) -> LoadCount {
        do {
            return try pool.read { db in
                var count = LoadCount()
                let rows = try Row.fetchCursor(
                    db, sql: "SELECT \(PolicyRow.columns) FROM policy WHERE expires_at > ?",
                    arguments: [time.secondsSinceEpoch])
                while let row = try rows.next() {
                    if let policy = PolicyRow(row) {
                        body(policy.domain, policy.packed)
                        count.loaded += 1
                    } else {
                        count.skipped += 1
                        if count.skipped <= Self.maxWarnings { warn(of: row) }
                    }
                }
                return count
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Puts every live policy into `table`.
    package func load(into table: PolicyTable, at time: UTCTime) throws(StoreError) -> LoadCount {
        try loadLivePolicies(at: time) { domain, packed in table.set(packed, for: domain) }
    }

    /// The stored policy of a domain, expired or not; nil if there is none or its row cannot be read.
    package func policy(for domain: DomainName) async throws(StoreError) -> CachedPolicy? {
        try await read { [self] db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT \(PolicyRow.columns) FROM policy WHERE domain = ?", arguments: [domain.ascii])
            return try rows.next().flatMap { PolicyRow($0) }.flatMap { unpacked($0) }
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
                db, sql: "SELECT \(PolicyRow.columns) FROM policy WHERE domain > ? ORDER BY domain LIMIT ?",
                arguments: [after, limit])
            var policies: [CachedPolicy] = []
            var last: String?
            while let row = try rows.next() {
                last = row[0]
                if let policy = PolicyRow(row).flatMap({ unpacked($0) }) { policies.append(policy) }
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

    private func unpacked(_ row: PolicyRow) -> CachedPolicy? {
        do throws(PolicyError) {
            return try row.packed.unpacked(for: row.domain)
        } catch {
            logger.warning(
                "stored policy cannot be read", metadata: ["domain": "\(row.domain)", "cause": "\(error)"])
            return nil
        }
    }

    private func warn(of row: Row) {
        let domain: String? = row[0]
        logger.warning(
            "stored policy cannot be read, it is fetched anew", metadata: ["domain": "\(printable(domain ?? ""))"])
    }

    static func save(_ policy: CachedPolicy, in db: Database) throws {
        let statement = try db.cachedStatement(
            sql:
                "INSERT OR REPLACE INTO policy (domain, id, mode, fetched_at, expires_at, body) VALUES (?, ?, ?, ?, ?, ?)"
        )
        try statement.execute(arguments: [
            policy.domain.ascii, policy.id, policy.policy.mode.rawValue, policy.fetchedAt.secondsSinceEpoch,
            policy.expiresAt.secondsSinceEpoch, Data(policy.policy.text.utf8),
        ])
    }

    static func remove(_ domain: DomainName, in db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM policy WHERE domain = ?").execute(arguments: [domain.ascii])
    }
}

/// A row of the table `policy`, its body not parsed yet.
private struct PolicyRow {
    static let columns = "domain, id, mode, fetched_at, expires_at, body"

    let domain: DomainName
    let packed: PackedPolicy

    /// - Returns: nil for what no policy can be made of.
    init?(_ row: Row) {
        guard let name: String = row[0], let domain = try? DomainName(name), let id: String = row[1],
            let mode: String = row[2], Policy.Mode(rawValue: mode) != nil, let fetchedAt: Int64 = row[3],
            let expiresAt: Int64 = row[4]
        else { return nil }
        let packed = try? row.withUnsafeData(atIndex: 5) { body in
            body.map {
                PackedPolicy(
                    fetchedAt: UTCTime(secondsSinceEpoch: fetchedAt), expiresAt: UTCTime(secondsSinceEpoch: expiresAt),
                    id: id.utf8, body: $0)
            }
        }
        guard let packed = packed ?? nil else { return nil }
        self.domain = domain
        self.packed = packed
    }
}
