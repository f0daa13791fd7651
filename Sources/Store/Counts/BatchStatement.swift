// SPDX-License-Identifier: Apache-2.0
import CSQLite
import SQLite

/// A statement that runs thousands of times in one transaction, with numbers and texts handed to SQLite as they are, and no
/// object for a row.
struct BatchStatement {
    /// A row that was found, good for the call that gets it.
    struct Row {
        fileprivate let handle: OpaquePointer

        /// The number in a column, counted from 0.
        func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    }

    private let statement: Statement

    init(_ db: Database, _ sql: String) throws { statement = try db.cachedStatement(sql: sql) }

    /// - Parameter place: of the parameter, counted from 1.
    func bind(_ place: Int32, _ value: Int64) throws { try statement.bind(place, value) }

    /// Binds a text up to its first NUL.
    func bind(_ place: Int32, _ value: String) throws { try statement.bind(place, value) }

    /// Binds a blob.
    func bind(_ place: Int32, _ value: [UInt8]) throws { try statement.bind(place, value) }

    /// Runs with what is bound, to its end.
    func run(_ row: (Row) -> Void = { _ in }) throws {
        defer { sqlite3_reset(statement.handle) }
        while try statement.step() { row(Row(handle: statement.handle)) }
    }
}
