// SPDX-License-Identifier: Apache-2.0
import GRDB
import GRDBSQLite
import Glibc

/// A statement that runs thousands of times in one transaction, with numbers and texts handed to SQLite as they are.
///
/// GRDB makes a list of boxes of the values and an object of each row, which costs more than what SQLite does. It prepares
/// and keeps the statement, and the transaction is its own; it need not see each run, since nobody observes the tables.
struct BatchStatement {
    /// A row that was found, good for the call that gets it.
    struct Row {
        fileprivate let handle: OpaquePointer

        /// The number in a column, counted from 0.
        func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    }

    /// Keeps the handle alive.
    private let statement: Statement
    private let handle: OpaquePointer
    private static let empty: StaticString = ""

    init(_ db: Database, _ sql: String) throws {
        statement = try db.cachedStatement(sql: sql)
        handle = statement.sqliteStatement
    }

    /// - Parameter place: of the parameter, counted from 1.
    func bind(_ place: Int32, _ value: Int64) throws { try check(sqlite3_bind_int64(handle, place, value)) }

    /// Binds a text up to its first NUL: SQLite holds more, and what reads it again does not see it. So what is read as one
    /// text is one.
    func bind(_ place: Int32, _ value: String) throws {
        var text = value
        let code = text.withUTF8 { octets -> Int32 in
            guard let start = UnsafeRawPointer(octets.baseAddress), !octets.isEmpty else {
                return sqlite3_bind_text(
                    handle, place, UnsafeRawPointer(Self.empty.utf8Start).assumingMemoryBound(to: CChar.self), 0, nil)
            }
            let length = memchr(start, 0, octets.count).map { UnsafeRawPointer($0) - start } ?? octets.count
            return sqlite3_bind_text(
                handle, place, start.assumingMemoryBound(to: CChar.self), Int32(clamping: length), Self.copied)
        }
        try check(code)
    }

    /// Binds a blob.
    func bind(_ place: Int32, _ value: [UInt8]) throws {
        let code = value.withUnsafeBytes { octets in
            // SQLite takes an address of nothing for NULL.
            octets.isEmpty
                ? sqlite3_bind_zeroblob(handle, place, 0)
                : sqlite3_bind_blob(handle, place, octets.baseAddress, Int32(clamping: octets.count), Self.copied)
        }
        try check(code)
    }

    /// Runs with what is bound, to its end.
    func run(_ row: (Row) -> Void = { _ in }) throws {
        defer { sqlite3_reset(handle) }
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW: row(Row(handle: handle))
            case SQLITE_DONE: return
            case let code: throw failure(code)
            }
        }
    }

    /// SQLITE_TRANSIENT, a macro that Swift does not see: SQLite makes a copy of the text.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private func check(_ code: Int32) throws { if code != SQLITE_OK { throw failure(code) } }

    private func failure(_ code: Int32) -> DatabaseError {
        let words = sqlite3_errmsg(sqlite3_db_handle(handle)).map { String(cString: $0) }
        return DatabaseError(resultCode: ResultCode(rawValue: code), message: words, sql: statement.sql)
    }
}
