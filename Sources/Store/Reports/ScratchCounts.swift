// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc
import Logging
import Reporting
import SQLite
import TLSRPT

/// Sums of other machines' counts, in a database of their own beside the store, which is removed when they are done: with the
/// bounds that the counts of this machine have.
package final class ScratchCounts: DaySums {
    private let path: String
    private let logger: Logger
    private let store = Locked<Store?>(nil)

    /// Removes what a process before may have left.
    /// - Parameter path: of a file that is nobody else's.
    package init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
        remove()
    }

    deinit { end() }

    package func begin() async throws {
        end()
        let new = try Store(path: path, logger: logger)
        store.withLock { $0 = new }
    }

    package func add(_ lines: [CountsLine], on day: UTCDay) async throws {
        var tallies = TallyTable()
        for line in lines {
            let key = TallyKey(day: day, domain: line.domain, policy: .reported(line.result.policy))
            let place = tallies.place(of: key) ?? tallies.add(key)
            tallies[place].merge(line.result.tally)
        }
        let counts = tallies
        try await open.write { db in try Store.add([counts], to: db) }
    }

    package func piece(of day: UTCDay, in range: DomainRange) async throws -> ResultsPiece {
        try await open.counts(on: day, in: range)
    }

    package func drop(_ domains: [DomainName], of day: UTCDay) async throws {
        try await open.write { db in
            for table in ["failure", "tally"] {
                let delete = try db.cachedStatement(sql: "DELETE FROM \(table) WHERE day = ? AND domain = ?")
                for domain in domains { try delete.execute(arguments: [day.daysSinceEpoch, domain.ascii]) }
            }
        }
    }

    package func end() {
        if let old = store.withLock({ $0.take() }) { try? old.close() }
        remove()
    }

    private func remove() {
        for file in [path, path + "-wal", path + "-shm", StoreMarker.path(beside: path)] { unlink(file) }
    }

    private var open: Store {
        get throws(StoreError) {
            guard let store = store.withLock({ $0 }) else {
                throw StoreError(.missing, path: path, text: "nothing was begun")
            }
            return store
        }
    }
}
