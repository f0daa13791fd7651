// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import SQLite

extension Store {
    /// How far the source was read; nil if it never was.
    package func intakeMark(of source: String) async throws(StoreError) -> IntakeMark? {
        try await read { db in
            let state = try [UInt8].fetchOne(
                db, sql: "SELECT state FROM intake_mark WHERE source = ?", arguments: [source])
            return state.map { IntakeMark(source: source, state: [UInt8]($0)) }
        }
    }

    static func save(_ mark: IntakeMark, at time: UTCTime, to db: Database) throws {
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO intake_mark (source, state, updated_at) VALUES (?, ?, ?)
                ON CONFLICT (source) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
                """)
        try upsert.execute(arguments: [mark.source, mark.state, time.secondsSinceEpoch])
    }
}
