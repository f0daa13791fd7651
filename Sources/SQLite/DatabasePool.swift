// SPDX-License-Identifier: Apache-2.0
import Basics
import CSQLite
import Dispatch

/// The connections to one file in WAL mode: one that writes and some that read, each from one state of the file,
/// whatever is written meanwhile.
///
/// A commit is on disk when it returns (`synchronous = FULL`). Foreign keys are heeded.
package final class DatabasePool: Sendable {
    /// Connections that read, made when they are first needed.
    private static let maxReaders = 5

    private let path: String
    private let busyTimeout: Duration
    private let writer: Connection
    private let free = DispatchSemaphore(value: maxReaders)
    /// Where those wait that may not be blocked, in the order in which they came.
    private let admission = DispatchQueue(label: "store.admission")
    private let idle = Locked<[Connection]>([])
    private let isClosed = Locked(false)

    /// Opens a file, or makes it.
    /// - Parameters:
    ///   - busyTimeout: how long a lock of another process is waited for.
    ///   - writing: what the connection that writes runs first.
    package init(path: String, busyTimeout: Duration, writing setup: String = "") throws {
        self.path = path
        self.busyTimeout = busyTimeout
        let database = try Database(path: path, busyTimeout: busyTimeout, setup: "PRAGMA foreign_keys = ON")
        guard try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") == "wal" else {
            throw DatabaseError(code: SQLITE_ERROR, message: "the file cannot have a write-ahead log")
        }
        try database.execute(sql: "PRAGMA synchronous = FULL; \(setup)")
        writer = Connection(database, label: "store.writer")
    }

    /// Ends all connections, once they are done; the last one leaves one file with all in it. Each use after that is an
    /// error.
    package func close() throws {
        for _ in 0..<Self.maxReaders { free.wait() }
        defer { for _ in 0..<Self.maxReaders { free.signal() } }
        let readers = idle.withLock { idle in
            let readers = idle
            idle = []
            return readers
        }
        for reader in readers { try reader.sync { try $0.close() } }
        try writer.sync { try $0.close() }
        isClosed.withLock { $0 = true }
    }

    // MARK: Writing

    /// Runs one transaction.
    package func write<Value>(_ updates: (Database) throws -> Value) throws -> Value {
        try writer.sync { try $0.inTransaction(.write, updates) }
    }

    /// Runs one transaction without blocking the caller.
    package func asyncWrite<Value: Sendable>(
        _ updates: @escaping @Sendable (Database) throws -> Value,
        completion: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        writer.async { db in completion(Result { try db.inTransaction(.write, updates) }) }
    }

    /// Has its turn among those who write; each statement is a transaction of its own.
    package func writeWithoutTransaction<Value>(_ updates: (Database) throws -> Value) throws -> Value {
        try writer.sync(updates)
    }

    package func asyncWriteWithoutTransaction(_ updates: @escaping @Sendable (Database) -> Void) {
        writer.async(updates)
    }

    // MARK: Reading

    /// Reads from one state of the file.
    package func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        free.wait()
        defer { free.signal() }
        let reader = try takeReader()
        defer { giveBack(reader) }
        return try reader.sync { try $0.inTransaction(.read, body) }
    }

    /// Reads from one state of the file without blocking the caller.
    package func asyncRead<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value,
        completion: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        admission.async { [self] in
            free.wait()
            do {
                let reader = try takeReader()
                reader.async { [self] db in
                    let result = Result { try db.inTransaction(.read, body) }
                    giveBack(reader)
                    free.signal()
                    completion(result)
                }
            } catch {
                free.signal()
                completion(.failure(error))
            }
        }
    }

    private func takeReader() throws -> Connection {
        if let reader = idle.withLock({ $0.popLast() }) { return reader }
        if isClosed.withLock({ $0 }) { throw DatabaseError(code: SQLITE_MISUSE, message: "the database is closed") }
        return try Connection(openReader(), label: "store.reader")
    }

    private func giveBack(_ reader: Connection) { idle.withLock { $0.append(reader) } }

    /// Not opened for reading alone: such a connection cannot make the files beside the database, if they are gone.
    private func openReader() throws -> Database {
        try Database(path: path, busyTimeout: busyTimeout, setup: "PRAGMA query_only = ON")
    }

    /// The state of now, for as long as somebody reads from it.
    package func makeSnapshot() throws -> DatabaseSnapshot { try DatabaseSnapshot(openReader()) }
}

/// One state of the file, read by a connection of its own, whatever is written or becomes of the file.
package final class DatabaseSnapshot: Sendable {
    private let connection: Connection

    init(_ database: sending Database) throws {
        // A transaction begins with its first read.
        try database.execute(sql: "BEGIN DEFERRED; SELECT rootpage FROM sqlite_schema LIMIT 1")
        connection = Connection(database, label: "store.snapshot")
    }

    package func read<Value>(_ body: (Database) throws -> Value) throws -> Value { try connection.sync(body) }

    package func asyncRead<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value,
        completion: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        connection.async { db in completion(Result { try body(db) }) }
    }

    package func close() throws { try connection.sync { try $0.close() } }
}

/// A connection whose users have turns.
private final class Connection: @unchecked Sendable {  // `database` is touched on `queue` only.
    private let database: Database
    private let queue: DispatchQueue

    init(_ database: sending Database, label: String) {
        self.database = database
        queue = DispatchQueue(label: label)
    }

    func sync<Value>(_ body: (Database) throws -> Value) rethrows -> Value {
        try queue.sync { try body(database) }
    }

    func async(_ body: @escaping @Sendable (Database) -> Void) {
        queue.async { [self] in body(database) }
    }
}
