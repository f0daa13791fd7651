// SPDX-License-Identifier: Apache-2.0
import SQLite

/// The tables, and how an older file becomes a newer one. A published migration is never changed, only followed.
enum Schema {
    /// Marks the file as ours: `STS1`.
    static let applicationID: Int32 = 0x5354_5331

    static func migrate(_ pool: DatabasePool, path: String) throws {
        let (isOurs, isCurrent) = try pool.read { db in
            let isOurs = try Int32.fetchOne(db, sql: "PRAGMA application_id") == applicationID
            guard try isOurs || isEmpty(db) else {
                throw StoreError(.foreign, path: path, text: "it holds other tables")
            }
            let (applied, known) = (try applied(in: db), Set(migrations.map(\.name)))
            guard applied.isSubset(of: known) else {
                throw StoreError(.newerSchema, path: path, text: "it knows migrations that this version does not")
            }
            return (isOurs, applied == known)
        }
        // Then there is nothing to write, and no writer to wait for.
        if isOurs, isCurrent { return }
        try pool.writeWithoutTransaction { db in
            if !isOurs {
                // Before the first table: a file whose making broke off there would look like another program's.
                try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            }
            for (name, texts) in migrations {
                // Looked up in the transaction, since another process may be doing the same.
                try db.inTransaction(.write) { db in
                    try db.execute(sql: migrationTable)
                    guard try !applied(in: db).contains(name) else { return }
                    for statements in texts { try db.execute(sql: statements) }
                    try db.execute(sql: "INSERT INTO migration (name) VALUES (?)", arguments: [name])
                }
            }
        }
    }

    static func isEmpty(_ db: Database) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
    }

    /// Which migrations a file has had.
    private static let migrationTable = "CREATE TABLE IF NOT EXISTS migration (name TEXT NOT NULL PRIMARY KEY) STRICT"

    private static func applied(in db: Database) throws -> Set<String> {
        let find = "SELECT count(*) FROM sqlite_schema WHERE name = 'migration'"
        guard try Int.fetchOne(db, sql: find) == 1 else { return [] }
        return try Set(String.fetchAll(db, sql: "SELECT name FROM migration"))
    }

    private static let migrations: [(name: String, texts: [String])] = [("1", tables)]
}
