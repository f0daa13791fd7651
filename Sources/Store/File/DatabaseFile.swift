// SPDX-License-Identifier: Apache-2.0
import Basics
import CSQLite
import Glibc
import Logging
import SQLite

/// The connections to the database at a path. When the file is lost under them, they are exchanged for those of a new
/// one, and what waits to be written goes there.
final class DatabaseFile: Sendable {
    /// What can become of a file while it is in use. SQLite itself notices none of it, and goes on writing.
    enum Loss: String, Sendable {
        case gone = "it was removed or moved"
        case replaced = "another file was put in its place"
        case cut = "it was cut short or overwritten"
        case sideFiles = "its -wal or -shm file was removed or moved"
    }

    private struct State {
        var pool: DatabasePool
        var files: DatabaseFiles
        /// How long the file has been seen to be: it never shrinks by itself.
        var octets: Int
        /// Whether the file was seen to be damaged, so that nothing is copied from it however often mending is tried.
        var isDamaged = false
    }

    /// Owner writes, group reads: the file holds with whom the site exchanges mail.
    private static let fileMode: mode_t = 0o640

    /// What the connection that writes holds of the file: with SQLite's own 2 MiB, thousands of new domains in one transaction
    /// are written out and read again while it goes on.
    private static let cacheKibibytes = 8192
    /// Pages in the write-ahead log from which on they are brought into the file, 16 MiB: SQLite's own 1000 are less than one
    /// such transaction, so that each would wait for the disk twice.
    private static let checkpointPages = 4000

    let path: String
    private let logger: Logger
    private let state: Locked<State>

    /// Opens the database and brings its schema up to date.
    init(path: String, createIfMissing: Bool, logger: Logger) throws(StoreError) {
        self.path = path
        self.logger = logger
        try Self.prepare(path, createIfMissing: createIfMissing)
        let pool = try Self.open(path) { pool throws(StoreError) in
            try Self.refuseEmpty(pool, path, createIfMissing: createIfMissing)
        }
        state = Locked(Self.state(of: pool, at: path))
        guard createIfMissing, !StoreMarker.exists(beside: path) else { return }
        do { try StoreMarker.make(beside: path) } catch {
            logger.warning(
                "the file that tells a lost database from a new one cannot be written",
                metadata: ["file": "\(StoreMarker.path(beside: path))", "cause": "\(error)"])
        }
    }

    var pool: DatabasePool { state.withLock { $0.pool } }

    // MARK: Opening

    private static func open(
        _ path: String, check: (DatabasePool) throws(StoreError) -> Void = { _ throws(StoreError) in }
    ) throws(StoreError) -> DatabasePool {
        do {
            let pool = try Self.pool(path)
            try check(pool)
            try Schema.migrate(pool, path: path)
            return pool
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func state(of pool: DatabasePool, at path: String) -> State {
        let files = DatabaseFiles(at: path)
        return State(pool: pool, files: files, octets: files.main?.octets ?? 0)
    }

    private static func pool(_ path: String) throws -> DatabasePool {
        try DatabasePool(
            path: path, busyTimeout: Store.busyTimeout,
            writing: "PRAGMA cache_size = -\(cacheKibibytes); PRAGMA wal_autocheckpoint = \(checkpointPages)")
    }

    /// Makes the file with our mode, and finds in the system's own words what SQLite would only call "unable to open".
    private static func prepare(_ path: String, createIfMissing: Bool) throws(StoreError) {
        let wasThere = StoreMarker.exists(beside: path)
        let created =
            createIfMissing && !wasThere ? Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, fileMode) : -1
        let mayExist = !createIfMissing || wasThere || errno == EEXIST
        let file = created < 0 && mayExist ? Glibc.open(path, O_RDWR | O_CLOEXEC) : created
        guard file >= 0 else {
            let code = errno
            var cause = cause(ofOpenError: code, path: path)
            switch cause {
            // Where there never was one, it would have been made.
            case .missing where createIfMissing || wasThere: cause = .vanished
            // Who only reads is not to make a directory: no daemon has run here.
            case .noDirectory where !createIfMissing: cause = .missing
            default: break
            }
            throw StoreError(cause, path: path, text: String(cString: strerror(code)))
        }
        // In spite of a narrow umask.
        if created >= 0 { _ = fchmod(file, fileMode) }
        Glibc.close(file)
    }

    /// A file cut to nothing looks like a new one.
    private static func refuseEmpty(
        _ pool: DatabasePool, _ path: String, createIfMissing: Bool
    ) throws(StoreError) {
        let wasThere = StoreMarker.exists(beside: path)
        guard wasThere || !createIfMissing else { return }
        do {
            guard try pool.read({ try Schema.isEmpty($0) }) else { return }
        } catch {
            throw StoreError(error, path: path)
        }
        throw StoreError(wasThere ? .vanished : .missing, path: path, text: "the file is empty")
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

    // MARK: Use

    /// Runs one transaction. It ends whether or not the task is cancelled: shutdown must not lose counts.
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        while true {
            let pool = self.pool
            let result: Result<Value?, any Error> = await withCheckedContinuation { continuation in
                pool.asyncWrite(
                    { [self] db in
                        // A writer that waited while the file was exchanged writes to the new one.
                        guard self.pool === pool else { return nil }
                        return .some(try updates(db))
                    }, completion: { continuation.resume(returning: $0) })
            }
            do { if let value = try result.get() { return value } } catch { throw StoreError(error, path: path) }
        }
    }

    /// Reads from one snapshot.
    func read<Value: Sendable>(
        _ value: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, any Error> = await withCheckedContinuation { [pool] continuation in
            pool.asyncRead(value) { continuation.resume(returning: $0) }
        }
        do { return try result.get() } catch { throw StoreError(error, path: path) }
    }

    // MARK: A file that is lost

    /// What became of the file since it was opened; nil if it is where it was.
    func loss() async -> Loss? {
        let known = state.withLock { $0 }
        let now = DatabaseFiles(at: path)
        guard let main = now.main else { return FileIdentity.isAbsent(path) ? .gone : nil }
        guard main.isSameFile(as: known.files.main) else { return .replaced }
        guard known.files.areAll(in: now) else { return .sideFiles }
        let isShorter = main.octets < known.octets
        guard await isWhole(known.pool, octets: isShorter ? main.octets : nil) else { return .cut }
        state.withLock { if $0.pool === known.pool { $0.octets = main.octets } }
        return nil
    }

    /// Whether the tables are there, and where the file is shorter than it was, whether SQLite itself made it so.
    private func isWhole(_ pool: DatabasePool, octets: Int?) async -> Bool {
        await withCheckedContinuation { continuation in
            pool.asyncWriteWithoutTransaction { db in
                do {
                    _ = try Int.fetchOne(db, sql: "SELECT 1 FROM policy LIMIT 1")
                    let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
                    let length = octets == nil ? nil : try Int.fetchOne(db, sql: sql)
                    continuation.resume(returning: length == octets)
                } catch let error as DatabaseError {
                    let damage = [SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR]
                    continuation.resume(returning: !damage.contains(error.code))
                } catch {
                    continuation.resume(returning: true)
                }
            }
        }
    }

    /// Makes the file anew, or takes the database that lies in its place, and exchanges the connections.
    /// - Parameter fill: writes what memory has. When it throws, all is as before, and can be tried again.
    func mend(_ loss: Loss, _ fill: @escaping @Sendable (Database) throws -> Void) async throws(StoreError) {
        let old = state.withLock { state in
            if loss == .cut { state.isDamaged = true }
            return state
        }
        let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
            // Among the writes, so that none gets lost between the old file and the new.
            old.pool.asyncWriteWithoutTransaction { [self] db in
                continuation.resume(returning: Result { try exchange(old, loss, db, fill) })
            }
        }
        do { try result.get() } catch { throw StoreError(error, path: path) }
    }

    private func exchange(
        _ old: State, _ loss: Loss, _ database: Database, _ fill: (Database) throws -> Void
    ) throws {
        let found = FileIdentity(at: path)
        let pool: DatabasePool
        if let found, found.octets > 0, !found.isSameFile(as: old.files.main) {
            old.files.removeSideFiles(at: path)
            pool = try Self.open(path)
            try pool.write(fill)
        } else {
            if let found, found.octets > 0 {
                // With its log, which may hold what was committed last.
                for ending in ["", "-wal"] { rename(path + ending, path + ".damaged" + ending) }
            } else {
                unlink(path)
            }
            for ending in ["-wal", "-shm"] { unlink(path + ending) }
            do { pool = try anew(copying: old.isDamaged ? nil : database, fill) } catch {
                // What is half done would be taken for somebody's database the next time.
                for ending in ["", "-wal", "-shm"] { unlink(path + ending) }
                throw error
            }
        }
        state.withLock { $0 = Self.state(of: pool, at: path) }
        // Whoever took the database may have taken what tells that there was one.
        if !StoreMarker.exists(beside: path) { try? StoreMarker.make(beside: path) }
    }

    /// A new file, with all that the lost one held where it can still be read: its connections outlive its name.
    private func anew(copying lost: Database?, _ fill: (Database) throws -> Void) throws -> DatabasePool {
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, Self.fileMode)
        guard file >= 0 else {
            let code = errno
            let cause = Self.cause(ofOpenError: code, path: path)
            throw StoreError(cause, path: path, text: String(cString: strerror(code)))
        }
        _ = fchmod(file, Self.fileMode)
        Glibc.close(file)
        let pool = try Self.pool(path)
        if let lost {
            do { try pool.writeWithoutTransaction { try lost.backup(to: $0) } } catch {
                let error = StoreError(error, path: path)
                if error.cause == .full { throw error }
                logger.error(
                    "counts of the lost database cannot be read any more", metadata: ["cause": "\(error.text)"])
            }
        }
        try Schema.migrate(pool, path: path)
        try pool.write(fill)
        return pool
    }
}
