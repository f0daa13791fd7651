// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// Why SQLite did not do what it was asked to. What was written since the last commit is rolled back by whoever began
/// it.
package struct DatabaseError: Error, Sendable, Hashable {
    /// SQLite's result code without its extension, such as `SQLITE_FULL`.
    package let code: Int32
    /// SQLite's own words.
    package let message: String

    package init(code: Int32, message: String? = nil) {
        self.code = code & 0xFF
        self.message = message ?? String(cString: sqlite3_errstr(code))
    }

    /// The last failure of a connection.
    init(code: Int32, of handle: OpaquePointer?) {
        self.init(code: code, message: handle.flatMap(sqlite3_errmsg).map { String(cString: $0) })
    }
}

extension DatabaseError: CustomStringConvertible {
    package var description: String { "SQLite error \(code): \(message)" }
}
