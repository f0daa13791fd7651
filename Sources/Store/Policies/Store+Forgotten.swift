// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import SQLite

extension Store: ForgottenPolicies {
    package func keepForgotten(_ domain: DomainName, at time: UTCTime) async throws {
        try await write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO forgotten_policy (domain, forgotten_at) VALUES (?, ?)",
                arguments: [domain.ascii, time.secondsSinceEpoch])
        }
    }

    package func forgottenPolicies() async throws -> [DomainName: UTCTime] {
        try await read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT domain, forgotten_at FROM forgotten_policy")
            return rows.reduce(into: [:]) { all, row in
                guard let domain = try? DomainName(host: row[0] as String) else { return }
                all[domain] = UTCTime(secondsSinceEpoch: row[1])
            }
        }
    }

    package func dropForgotten(_ domains: [DomainName: UTCTime]) async throws {
        try await write { db in
            let delete = try db.cachedStatement(
                sql: "DELETE FROM forgotten_policy WHERE domain = ? AND forgotten_at <= ?")
            for (domain, time) in domains { try delete.execute(arguments: [domain.ascii, time.secondsSinceEpoch]) }
        }
    }
}
