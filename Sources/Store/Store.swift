// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import SQLite

/// The SQLite database that keeps policies and counts across restarts.
///
/// WAL, so that a report is read while counts are written. Commits are synchronous (FULL): a policy that was saved
/// survives a power cut, and writes come in groups, a few each second, so that the cost does not matter.
package final class Store: Sendable {
    /// How long a write waits for another process, such as a command beside the daemon.
    package static let busyTimeout = Duration.seconds(10)
    package let path: String
    let logger: Logger
    private let file: DatabaseFile
    let changes: PolicyChanges
    private let writes = WriteCounts()

    /// Opens the database and brings its schema up to date. An empty one where there was another is an error.
    /// - Parameter createIfMissing: false for a command, which must not make a file that the daemon cannot write.
    package init(path: String, createIfMissing: Bool = true, logger: Logger) throws(StoreError) {
        self.path = path
        self.logger = logger
        file = try DatabaseFile(path: path, createIfMissing: createIfMissing, logger: logger)
        changes = PolicyChanges(file)
    }

    /// The connections of now: the file may be exchanged for a new one.
    var pool: DatabasePool { file.pool }

    /// Ends the use of the database and leaves one file with all in it, so that it can be copied or moved:
    /// the write-ahead log is empty. Each use after that is an error.
    package func close() throws(StoreError) {
        do {
            try pool.writeWithoutTransaction { try $0.truncateLog() }
            try pool.close()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Runs one transaction. It ends whether or not the task is cancelled: shutdown must not lose counts.
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            let value = try await file.write(updates)
            writes.noteWritten()
            return value
        } catch {
            writes.noteFailed(error)
            throw error
        }
    }

    /// What came of the writes since the start.
    package var health: StoreHealth { writes.health }
    /// Octets of the file and of its log and index now.
    package var octets: Int {
        let files = DatabaseFiles(at: path)
        return (files.main?.octets ?? 0) + files.side.values.reduce(0) { $0 + $1.octets }
    }

    /// Reads from one snapshot.
    func read<Value: Sendable>(
        _ value: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value { try await file.read(value) }

    /// Looks whether the database still lies at its path, as it was. If not, it is written anew there with what the lost
    /// file held, as far as that can be read, and with all policies of memory; a database that was put in its place is
    /// kept, and gets the policies that are newer.
    /// - Returns: what had become of it; nil if nothing had.
    /// - Throws: when it cannot be written anew. Memory serves on, and the next look tries again.
    package func mendIfLost(from table: PolicyTable) async throws(StoreError) -> String? {
        guard let loss = await file.loss() else { return nil }
        try await file.mend(loss) { db in
            try table.forEach { domain, packed in try Self.merge(packed, of: domain, in: db) }
        }
        return loss.rawValue
    }
}
