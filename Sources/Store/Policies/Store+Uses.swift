// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import SQLite

/// When mail last asked for each policy.
extension Store {
    package func save(uses: [DomainName: UTCTime]) async throws(StoreError) {
        try await write { db in
            let upsert = try db.cachedStatement(
                sql: """
                    INSERT INTO policy_use (domain, last_used) VALUES (?, ?)
                    ON CONFLICT (domain) DO UPDATE SET last_used = max(last_used, excluded.last_used)
                    """)
            for (domain, time) in uses { try upsert.execute(arguments: [domain.ascii, time.secondsSinceEpoch]) }
        }
    }

    /// A piece of the uses since `time`, in the order of the domains, and where the next begins; nil at the end.
    /// - Parameter after: the last domain of the piece before.
    package func uses(
        since time: UTCTime, after: String = "", limit: Int = 10_000
    ) async throws(StoreError) -> (uses: [DomainName: UTCTime], last: String)? {
        try await read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT domain, last_used FROM policy_use WHERE domain > ? ORDER BY domain LIMIT ?",
                arguments: [after, limit])
            var uses: [DomainName: UTCTime] = [:]
            var last: String?
            while let row = try rows.next() {
                guard let name: String = row[0] else { continue }
                last = name
                let used = UTCTime(secondsSinceEpoch: row[1])
                if used >= time, let domain = try? DomainName(host: name) { uses[domain] = used }
            }
            return last.map { (uses, $0) }
        }
    }

    /// Drops the uses before `time`.
    package func removeUses(before time: UTCTime) async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "DELETE FROM policy_use WHERE last_used < ?", arguments: [time.secondsSinceEpoch])
        }
    }
}
