// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
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
    private let texts = TextBuffer()

    init(_ db: Database, _ sql: String) throws { statement = try db.cachedStatement(sql: sql) }

    /// - Parameter place: of the parameter, counted from 1.
    func bind(_ place: Int32, _ value: Int64) throws { try statement.bind(place, value) }

    /// Binds a text up to its first NUL: SQLite holds more, and what reads it again does not see it. So what is read as one
    /// text is one.
    func bind(_ place: Int32, _ value: String) throws {
        let isBound = try value.utf8.span.withUnsafeBytes { octets in
            let end = octets.baseAddress.flatMap { start in
                memchr(start, 0, octets.count).map { UnsafeRawPointer($0) - start }
            }
            guard let kept = texts.keep(UnsafeRawBufferPointer(rebasing: octets.prefix(end ?? octets.count))) else {
                return false
            }
            try statement.bind(place, lent: kept)
            return true
        }
        if !isBound { try statement.bind(place, value) }
    }

    /// Binds a blob.
    func bind(_ place: Int32, _ value: [UInt8]) throws { try statement.bind(place, value) }

    /// Runs with what is bound, to its end. Each run wants all of it bound anew.
    func run(_ row: (Row) -> Void = { _ in }) throws {
        defer {
            statement.clear()
            texts.empty()
        }
        while try statement.step() { row(Row(handle: statement.handle)) }
    }
}

/// Where texts lie that are bound, until the statement has run: SQLite would ask for memory for each of them.
private final class TextBuffer {
    /// Of the texts of nearly all rows; SQLite itself copies what has no room.
    private static let octets = 4096

    private let start = UnsafeMutableRawPointer.allocate(byteCount: TextBuffer.octets, alignment: 8)
    private var used = 0

    deinit { start.deallocate() }

    /// A copy of the text, good until ``empty()``; nil if there is no room.
    func keep(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard text.count <= Self.octets - used else { return nil }
        let place = start + used
        if let octets = text.baseAddress { place.copyMemory(from: octets, byteCount: text.count) }
        used += text.count
        return UnsafeRawBufferPointer(start: place, count: text.count)
    }

    func empty() { used = 0 }
}
