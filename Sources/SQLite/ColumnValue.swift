// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// What a column can hold, and a parameter can stand for.
package enum StoredValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// A type that is read from a column and bound to a parameter.
///
/// A column that holds something else is converted by SQLite: NULL is 0 or empty. Whoever wants to know reads an
/// optional.
package protocol ColumnValue {
    var stored: StoredValue { get }
    static func read(_ row: Row, _ column: Int) -> Self
}

extension Int64: ColumnValue {
    package var stored: StoredValue { .integer(self) }
    package static func read(_ row: Row, _ column: Int) -> Int64 { row.integer(column) }
}

extension Int: ColumnValue {
    package var stored: StoredValue { .integer(Int64(self)) }
    package static func read(_ row: Row, _ column: Int) -> Int { Int(row.integer(column)) }
}

extension Int32: ColumnValue {
    package var stored: StoredValue { .integer(Int64(self)) }
    package static func read(_ row: Row, _ column: Int) -> Int32 { Int32(clamping: row.integer(column)) }
}

extension Bool: ColumnValue {
    package var stored: StoredValue { .integer(self ? 1 : 0) }
    package static func read(_ row: Row, _ column: Int) -> Bool { row.integer(column) != 0 }
}

extension String: ColumnValue {
    package var stored: StoredValue { .text(self) }
    /// Up to the first NUL; what is no UTF-8 is replaced.
    package static func read(_ row: Row, _ column: Int) -> String { row.text(column) }
}

extension [UInt8]: ColumnValue {
    package var stored: StoredValue { .blob(self) }
    package static func read(_ row: Row, _ column: Int) -> [UInt8] { row.withBlob(at: column) { Array($0) } }
}

extension Optional: ColumnValue where Wrapped: ColumnValue {
    package var stored: StoredValue { self?.stored ?? .null }
    package static func read(_ row: Row, _ column: Int) -> Wrapped? {
        row.isNull(column) ? nil : Wrapped.read(row, column)
    }
}
