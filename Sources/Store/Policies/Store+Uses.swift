// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import GRDB

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

    /// The uses since `time`; older ones are dropped.
    package func uses(since time: UTCTime) async throws(StoreError) -> [DomainName: UTCTime] {
        try await write { db in
            try db.execute(sql: "DELETE FROM policy_use WHERE last_used < ?", arguments: [time.secondsSinceEpoch])
            var uses: [DomainName: UTCTime] = [:]
            let rows = try Row.fetchCursor(db, sql: "SELECT domain, last_used FROM policy_use")
            while let row = try rows.next() {
                guard let name: String = row[0], let domain = try? DomainName(name) else { continue }
                uses[domain] = UTCTime(secondsSinceEpoch: row[1])
            }
            return uses
        }
    }
}
