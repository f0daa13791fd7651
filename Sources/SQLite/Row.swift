// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// A row that was found. That of a cursor is good until the next one is asked for; others are copies.
package struct Row {
    private enum Storage {
        /// Held, since a cursor that goes lets go of its row.
        case current(RowCursor)
        case copied([StoredValue], names: [String])
    }

    private let storage: Storage

    /// The row at which a cursor stands.
    init(of cursor: RowCursor) { storage = .current(cursor) }

    private init(copying cursor: RowCursor) {
        let statement = cursor.statement
        let columns = 0..<Int(sqlite3_column_count(statement.handle))
        storage = .copied(columns.map { statement.value(Int32($0)) }, names: statement.columnNames)
    }

    /// The value of a column, counted from 0.
    package subscript<Value: ColumnValue>(_ column: Int) -> Value { Value.read(self, column) }

    /// The value of the first column of that name, which the statement must have.
    package subscript<Value: ColumnValue>(_ name: String) -> Value {
        let names =
            switch storage {
            case .current(let cursor): cursor.statement.columnNames
            case .copied(_, let names): names
            }
        guard let column = names.firstIndex(of: name) else { fatalError("the statement has no column \(name)") }
        return Value.read(self, column)
    }

    /// Lets `body` see a blob where it lies; NULL is empty.
    package func withBlob<Result>(at column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        switch storage {
        case .current(let cursor):
            let handle = cursor.statement.handle
            // The length after the address, which may have converted the value.
            let start = sqlite3_column_blob(handle, Int32(column))
            let count = Int(sqlite3_column_bytes(handle, Int32(column)))
            defer { withExtendedLifetime(cursor) {} }
            return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
        case .copied(let values, _):
            switch values[column] {
            case .blob(let octets): return try octets.withUnsafeBytes(body)
            case .text(let text): return try Array(text.utf8).withUnsafeBytes(body)
            case .integer(let number): return try Array("\(number)".utf8).withUnsafeBytes(body)
            case .null: return try body(UnsafeRawBufferPointer(start: nil, count: 0))
            }
        }
    }

    package func isNull(_ column: Int) -> Bool {
        switch storage {
        case .current(let cursor): sqlite3_column_type(cursor.statement.handle, Int32(column)) == SQLITE_NULL
        case .copied(let values, _): values[column] == .null
        }
    }

    func integer(_ column: Int) -> Int64 {
        switch storage {
        case .current(let cursor): sqlite3_column_int64(cursor.statement.handle, Int32(column))
        case .copied(let values, _):
            switch values[column] {
            case .integer(let number): number
            case .text(let text): Int64(text) ?? 0
            case .blob, .null: 0
            }
        }
    }

    func text(_ column: Int) -> String {
        switch storage {
        case .current(let cursor): cursor.statement.text(Int32(column))
        case .copied(let values, _):
            switch values[column] {
            case .text(let text): text
            case .integer(let number): "\(number)"
            case .blob(let octets): String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
            case .null: ""
            }
        }
    }
}

extension Row {
    package static func fetchCursor(_ statement: Statement, arguments: StatementArguments = []) throws -> RowCursor {
        try RowCursor(statement, arguments)
    }

    package static func fetchCursor(
        _ db: Database, sql: String, arguments: StatementArguments = []
    ) throws -> RowCursor { try RowCursor(db.makeStatement(sql: sql), arguments) }

    /// The first row; nil if there is none.
    package static func fetchOne(_ statement: Statement, arguments: StatementArguments = []) throws -> Row? {
        let cursor = try RowCursor(statement, arguments)
        return try cursor.next() == nil ? nil : Row(copying: cursor)
    }

    package static func fetchOne(
        _ db: Database, sql: String, arguments: StatementArguments = []
    ) throws -> Row? { try fetchOne(db.makeStatement(sql: sql), arguments: arguments) }

    package static func fetchAll(_ statement: Statement, arguments: StatementArguments = []) throws -> [Row] {
        let cursor = try RowCursor(statement, arguments)
        var rows: [Row] = []
        while try cursor.next() != nil { rows.append(Row(copying: cursor)) }
        return rows
    }

    package static func fetchAll(
        _ db: Database, sql: String, arguments: StatementArguments = []
    ) throws -> [Row] { try fetchAll(db.makeStatement(sql: sql), arguments: arguments) }
}

extension ColumnValue {
    /// The first column of the first row; nil if there is no row, or it holds NULL.
    package static func fetchOne(_ statement: Statement, arguments: StatementArguments = []) throws -> Self? {
        guard let row = try RowCursor(statement, arguments).next() else { return nil }
        return row[0] as Self?
    }

    package static func fetchOne(
        _ db: Database, sql: String, arguments: StatementArguments = []
    ) throws -> Self? { try fetchOne(db.makeStatement(sql: sql), arguments: arguments) }

    /// The first column of all rows.
    package static func fetchAll(
        _ db: Database, sql: String, arguments: StatementArguments = []
    ) throws -> [Self] {
        let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
        var values: [Self] = []
        while let row = try rows.next() { values.append(row[0]) }
        return values
    }
}
