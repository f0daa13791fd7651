// SPDX-License-Identifier: Apache-2.0
import GRDB
import Glibc
import Logging
import MTASTS
import Names

/// The SQLite database that keeps policies and counts across restarts.
///
/// WAL, so that a report is read while counts are written. Commits are synchronous (FULL): a policy that was saved
/// survives a power cut, and writes come in groups, a few each second, so that the cost does not matter.
package final class Store: Sendable {
    /// How long a write waits for another process, such as a command beside the daemon.
    package static let busyTimeout = Duration.seconds(10)
    /// Owner writes, group reads: the file holds with whom the site exchanges mail.
    private static let fileMode: mode_t = 0o640

    package let path: String
    let pool: DatabasePool
    let logger: Logger
    let changes: PolicyChanges

    /// Opens the database and brings its schema up to date.
    /// - Parameter createIfMissing: false for a command, which must not make a file that the daemon cannot write.
    package init(path: String, createIfMissing: Bool = true, logger: Logger) throws(StoreError) {
        self.path = path
        self.logger = logger
        try Self.prepareFile(path, createIfMissing: createIfMissing)
        do {
            pool = try DatabasePool(path: path, configuration: Self.configuration)
            try Schema.migrate(pool, path: path)
        } catch {
            throw StoreError(error, path: path)
        }
        changes = PolicyChanges(pool: pool, path: path)
    }

    /// Ends the use of the database and leaves one file with all in it, for who copies it or moves it aside: the
    /// write-ahead log is empty. Whatever comes after is an error.
    package func close() throws(StoreError) {
        do {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try pool.close()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "store"
        configuration.busyMode = .timeout(Double(busyTimeout.components.seconds))
        configuration.prepareDatabase { db in
            // The pool's own default is NORMAL, which may lose the last commits at a power cut.
            try db.execute(sql: "PRAGMA synchronous = FULL")
        }
        return configuration
    }

    /// Makes the file with our mode, and finds in the system's own words what SQLite would only call "unable to open".
    private static func prepareFile(_ path: String, createIfMissing: Bool) throws(StoreError) {
        let created = createIfMissing ? open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, fileMode) : -1
        let mayExist = !createIfMissing || errno == EEXIST
        let file = created < 0 && mayExist ? open(path, O_RDWR | O_CLOEXEC) : created
        guard file >= 0 else {
            let code = errno
            throw StoreError(cause(ofOpenError: code, path: path), path: path, text: String(cString: strerror(code)))
        }
        // In spite of a narrow umask.
        if created >= 0 { _ = fchmod(file, fileMode) }
        Glibc.close(file)
    }

    private static func cause(ofOpenError code: Int32, path: String) -> StoreError.Cause {
        switch code {
        case ENOENT:
            let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
            let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            return access(directory, F_OK) == 0 ? .missing : .noDirectory
        case ENOTDIR: return .noDirectory
        case EACCES, EPERM: return .notPermitted
        case EROFS: return .readOnly
        case ENOSPC, EDQUOT: return .full
        case EISDIR: return .notADatabase
        default: return .other
        }
    }

    /// Runs one transaction. It ends whether or not the task is cancelled: shutdown must not lose counts.
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
            pool.asyncWrite(updates) { _, result in continuation.resume(returning: result) }
        }
        do { return try result.get() } catch { throw StoreError(error, path: path) }
    }

    /// Reads from one snapshot.
    func read<Value: Sendable>(
        _ value: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
            pool.asyncRead { db in continuation.resume(returning: Result { try value(db.get()) }) }
        }
        do { return try result.get() } catch { throw StoreError(error, path: path) }
    }
}
