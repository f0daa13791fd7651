// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import SQLite

/// Reads the stored policies into a table while it is in use: piece by piece, in the order in which they lie in the file,
/// and at once the row of a domain that somebody asks for.
///
/// All of it is read by one connection from one state of the file, whatever is written, removed or put in the file's
/// place meanwhile. So the file must not be made anew from the table before the load has come to its end.
package final class PolicyLoader: Sendable {
    private struct State {
        var count = Store.LoadCount()
        var lastRow = Int64.min
    }

    /// Rows of a piece: some ten milliseconds, in which a domain's own row waits.
    private static let pieceRows = 2000
    /// Rows named in the log of one load.
    private static let maxWarnings = 10

    private let table: PolicyTable
    private let snapshot: DatabaseSnapshot
    private let time: UTCTime
    private let path: String
    private let logger: Logger
    private let state = Locked(State())

    /// From now on the table answers by what it has, and says what it cannot know yet.
    package init(_ store: Store, into table: PolicyTable, at time: UTCTime) throws(StoreError) {
        do { snapshot = try store.pool.makeSnapshot() } catch { throw StoreError(error, path: store.path) }
        self.table = table
        self.time = time
        path = store.path
        logger = store.logger
        table.beginLoading { [weak table, snapshot, path] domain in
            let row = try await read(snapshot, path) { db in
                try Row.fetchOne(
                    db, sql: "SELECT \(StoredPolicyRow.columns) FROM policy WHERE domain = ?",
                    arguments: [domain.ascii]
                ).map(StoredPolicyRow.init)
            }
            if let row { table?.take(row, at: time) }
        }
    }

    /// Ends the use of the file.
    package func close() { try? snapshot.close() }

    /// What was found so far.
    package var count: Store.LoadCount { state.withLock { $0.count } }

    /// Loads the next rows, blocking the thread for some milliseconds; returns whether more may follow.
    package func loadPiece() throws(StoreError) -> Bool {
        do { return try snapshot.read(takePiece) } catch { throw StoreError(error, path: path) }
    }

    /// Loads all the rest, unless the task is cancelled.
    package func loadRest() async throws(StoreError) {
        while !Task.isCancelled, try await read(snapshot, path, { [self] db in try takePiece(db) }) {}
    }

    private func takePiece(_ db: Database) throws -> Bool {
        var (count, lastRow) = state.withLock { ($0.count, $0.lastRow) }
        let sql = "SELECT \(StoredPolicyRow.columns), rowid FROM policy WHERE rowid > ? ORDER BY rowid LIMIT ?"
        let rows = try db.cachedStatement(sql: sql)
        let cursor = try Row.fetchCursor(rows, arguments: [lastRow, Self.pieceRows])
        var taken = 0
        while let row = try cursor.next() {
            taken += 1
            lastRow = row[7]
            let stored = StoredPolicyRow(row)
            table.take(stored, at: time)
            add(stored, to: &count)
        }
        state.withLock { [count, lastRow] in $0 = State(count: count, lastRow: lastRow) }
        if taken == Self.pieceRows { return true }
        table.endLoading()
        return false
    }

    private func add(_ row: StoredPolicyRow, to count: inout Store.LoadCount) {
        switch row {
        case .policy(_, let packed):
            if packed.life.isLive(at: time) { count.loaded += 1 }
            return
        case .unreadable(let domain, _):
            warn("stored policy cannot be read, mail to the domain waits until it is fetched anew", domain.ascii, count)
        case .nothing(let name): warn("stored policy cannot be read, it is fetched anew", name, count)
        }
        count.skipped += 1
    }

    private func warn(_ message: Logger.Message, _ domain: String, _ count: Store.LoadCount) {
        guard count.skipped < Self.maxWarnings else { return }
        logger.warning(message, metadata: ["domain": "\(domain)"])
    }
}

/// Reads without blocking a thread of the caller's.
private func read<Value: Sendable>(
    _ snapshot: DatabaseSnapshot, _ path: String, _ value: @escaping @Sendable (Database) throws -> Value
) async throws(StoreError) -> Value {
    let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
        snapshot.asyncRead(value) { continuation.resume(returning: $0) }
    }
    do { return try result.get() } catch { throw StoreError(error, path: path) }
}
