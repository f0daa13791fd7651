// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc

/// What the parameters of a statement stand for, in their order.
package struct StatementArguments: ExpressibleByArrayLiteral, Sendable {
    var values: [StoredValue]

    package init(arrayLiteral values: (any ColumnValue)?...) { self.values = values.map { $0?.stored ?? .null } }

    package init(_ values: some Sequence<some ColumnValue>) { self.values = values.map(\.stored) }

    init(stored values: [StoredValue]) { self.values = values }

    package static func += (arguments: inout Self, more: Self) { arguments.values += more.values }
}

/// A prepared statement, of one connection and its thread.
package final class Statement {
    /// Good as long as the statement is.
    package let handle: OpaquePointer
    private let connection: OpaquePointer

    /// - Returns: nil where the text holds nothing but blanks and comments.
    init?(_ connection: OpaquePointer, _ sql: UnsafePointer<CChar>, _ rest: inout UnsafePointer<CChar>?) throws {
        var handle: OpaquePointer?
        let code = sqlite3_prepare_v2(connection, sql, -1, &handle, &rest)
        guard code == SQLITE_OK else { throw DatabaseError(code: code, of: connection) }
        guard let handle else { return nil }
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    private(set) lazy var columnNames: [String] = (0..<sqlite3_column_count(handle)).map {
        sqlite3_column_name(handle, $0).map { String(cString: $0) } ?? ""
    }

    /// Runs to the end; rows that are found are passed over.
    package func execute(arguments: StatementArguments = []) throws {
        try begin(arguments)
        defer { sqlite3_reset(handle) }
        while try step() {}
    }

    func begin(_ arguments: StatementArguments) throws {
        sqlite3_reset(handle)
        let expected = Int(sqlite3_bind_parameter_count(handle))
        guard arguments.values.count == expected else {
            throw DatabaseError(
                code: SQLITE_MISUSE, message: "\(arguments.values.count) arguments for \(expected) parameters")
        }
        for (index, value) in arguments.values.enumerated() { try bind(Int32(index + 1), value) }
    }

    /// - Returns: whether there is a row.
    package func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw DatabaseError(code: code, of: connection)
        }
    }
}

// MARK: Parameters, counted from 1

extension Statement {
    /// SQLITE_TRANSIENT, a macro that Swift does not see: SQLite makes a copy.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    private static let empty: StaticString = ""

    private func bind(_ place: Int32, _ value: StoredValue) throws {
        switch value {
        case .null: try check(sqlite3_bind_null(handle, place))
        case .integer(let number): try bind(place, number)
        case .text(let text): try bind(place, text)
        case .blob(let octets): try bind(place, octets)
        }
    }

    package func bind(_ place: Int32, _ value: Int64) throws { try check(sqlite3_bind_int64(handle, place, value)) }

    /// Binds a text up to its first NUL: SQLite holds more, and what reads it again does not see it. So what is read as
    /// one text is one.
    package func bind(_ place: Int32, _ value: String) throws {
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

    /// Binds a text of the caller's, which stays where it lies until ``clear()``. One without octets lies somewhere, too.
    package func bind(_ place: Int32, lent text: UnsafeRawBufferPointer) throws {
        let start = text.baseAddress?.assumingMemoryBound(to: CChar.self)
        try check(sqlite3_bind_text(handle, place, start, Int32(clamping: text.count), nil))
    }

    /// Ends the run, and lets go of all that is bound.
    package func clear() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    package func bind(_ place: Int32, _ value: [UInt8]) throws {
        let code = value.withUnsafeBytes { octets in
            // SQLite takes an address of nothing for NULL.
            octets.isEmpty
                ? sqlite3_bind_zeroblob(handle, place, 0)
                : sqlite3_bind_blob(handle, place, octets.baseAddress, Int32(clamping: octets.count), Self.copied)
        }
        try check(code)
    }

    private func check(_ code: Int32) throws {
        if code != SQLITE_OK { throw DatabaseError(code: code, of: connection) }
    }
}

// MARK: Columns, counted from 0

extension Statement {
    func value(_ column: Int32) -> StoredValue {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_NULL: .null
        case SQLITE_INTEGER, SQLITE_FLOAT: .integer(sqlite3_column_int64(handle, column))
        case SQLITE_BLOB: .blob(octets(column))
        default: .text(text(column))
        }
    }

    private func octets(_ column: Int32) -> [UInt8] {
        // The length after the address, which may have converted the value.
        let start = sqlite3_column_blob(handle, column)
        return Array(
            UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column))))
    }

    func text(_ column: Int32) -> String {
        sqlite3_column_text(handle, column).map { String(cString: $0) } ?? ""
    }
}

/// Rows one after the other. One that is let go before its end lets go of what it read.
package final class RowCursor {
    let statement: Statement
    private var isAtEnd = false

    init(_ statement: Statement, _ arguments: StatementArguments) throws {
        self.statement = statement
        try statement.begin(arguments)
    }

    deinit { sqlite3_reset(statement.handle) }

    package func next() throws -> Row? {
        // SQLite would begin anew.
        guard !isAtEnd else { return nil }
        isAtEnd = true
        guard try statement.step() else { return nil }
        isAtEnd = false
        return Row(of: self)
    }
}
