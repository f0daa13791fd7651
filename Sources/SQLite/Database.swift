// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// A connection, for whoever is called with it and only during that call.
package final class Database {
    private var handle: OpaquePointer?
    private var cached: [String: Statement] = [:]
    /// Texts that are kept: ours are some hundred.
    private static let maxCached = 500

    /// - Parameters:
    ///   - setup: what is run first.
    ///   - busyTimeout: how long a lock of another process is waited for.
    init(path: String, busyTimeout: Duration, setup: String) throws {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        do {
            guard code == SQLITE_OK else { throw DatabaseError(code: code, of: handle) }
            sqlite3_extended_result_codes(handle, 1)
            sqlite3_busy_timeout(handle, Int32(busyTimeout / .milliseconds(1)))
            try execute(sql: setup)
        } catch {
            sqlite3_close_v2(handle)
            handle = nil
            throw error
        }
    }

    deinit {
        cached = [:]
        sqlite3_close_v2(handle)
    }

    /// Ends the connection; each use after that is an error.
    func close() throws {
        cached = [:]
        let code = sqlite3_close(handle)
        guard code == SQLITE_OK else { throw DatabaseError(code: code, of: handle) }
        handle = nil
    }

    private func open() throws -> OpaquePointer {
        guard let handle else { throw DatabaseError(code: SQLITE_MISUSE, message: "the database is closed") }
        return handle
    }

    // MARK: Statements

    /// Runs statements one after the other, each with as many of the arguments as it has parameters.
    package func execute(sql: String, arguments: StatementArguments = []) throws {
        let handle = try open()
        var left = arguments.values[...]
        try sql.withCString { start in
            var rest: UnsafePointer<CChar>? = start
            while let text = rest, text.pointee != 0 {
                guard let statement = try Statement(handle, text, &rest) else { continue }
                let own = left.prefix(Int(sqlite3_bind_parameter_count(statement.handle)))
                left = left.dropFirst(own.count)
                try statement.execute(arguments: StatementArguments(stored: Array(own)))
            }
        }
        guard left.isEmpty else {
            throw DatabaseError(code: SQLITE_MISUSE, message: "\(left.count) arguments too many")
        }
    }

    /// The statement of a text, prepared when it is first asked for. Two cursors over one are one cursor.
    package func cachedStatement(sql: String) throws -> Statement {
        if let statement = cached[sql] { return statement }
        let statement = try makeStatement(sql: sql)
        if cached.count >= Self.maxCached { cached = [:] }
        cached[sql] = statement
        return statement
    }

    func makeStatement(sql: String) throws -> Statement {
        let handle = try open()
        return try sql.withCString { text in
            var rest: UnsafePointer<CChar>?
            guard let statement = try Statement(handle, text, &rest) else {
                throw DatabaseError(code: SQLITE_MISUSE, message: "no statement")
            }
            return statement
        }
    }

    /// Rows that the last INSERT, UPDATE or DELETE changed.
    package var changesCount: Int { handle.map { Int(sqlite3_changes64($0)) } ?? 0 }

    package var lastInsertedRowID: Int64 { handle.map(sqlite3_last_insert_rowid) ?? 0 }

    // MARK: Transactions

    package enum Transaction: String {
        /// Reads from one state of the file.
        case read = "BEGIN DEFERRED"
        /// Waits for its turn as a writer at once, and not in the midst of its work.
        case write = "BEGIN IMMEDIATE"
    }

    /// Runs `body`, and commits unless it throws.
    package func inTransaction<Value>(_ kind: Transaction, _ body: (Database) throws -> Value) throws -> Value {
        try cachedStatement(sql: kind.rawValue).execute()
        do {
            let value = try body(self)
            try cachedStatement(sql: "COMMIT").execute()
            return value
        } catch {
            // After some failures, such as a full disk, SQLite has rolled back by itself.
            if let handle, sqlite3_get_autocommit(handle) == 0 { try? cachedStatement(sql: "ROLLBACK").execute() }
            throw error
        }
    }

    // MARK: The file as a whole

    /// Writes all of the write-ahead log to the file, and cuts it to nothing.
    package func truncateLog() throws {
        let handle = try open()
        let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        guard code == SQLITE_OK else { throw DatabaseError(code: code, of: handle) }
    }

    /// Copies all into another database, whose own tables are lost.
    package func backup(to other: Database) throws {
        let (source, target) = (try open(), try other.open())
        guard let backup = sqlite3_backup_init(target, "main", source, "main") else {
            throw DatabaseError(code: sqlite3_errcode(target), of: target)
        }
        let code = sqlite3_backup_step(backup, -1)
        let last = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE else { throw DatabaseError(code: code) }
        guard last == SQLITE_OK else { throw DatabaseError(code: last, of: target) }
    }
}
