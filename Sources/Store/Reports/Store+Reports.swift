// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import SQLite

extension Store {
    /// The days of which this machine has counts, the oldest first.
    package func days() async throws(StoreError) -> [UTCDay] {
        try await read { db in try Self.days(in: db) }
    }

    static func days(in db: Database) throws -> [UTCDay] {
        // One look at the index a day, instead of one at each row.
        try Int64.fetchAll(
            db,
            sql: """
                WITH RECURSIVE days (day) AS (
                    SELECT min(day) FROM tally
                    UNION ALL SELECT (SELECT min(day) FROM tally WHERE day > days.day) FROM days WHERE day IS NOT NULL
                ) SELECT day FROM days WHERE day IS NOT NULL
                """
        ).map(UTCDay.init(daysSinceEpoch:))
    }

    /// What was counted on a day, in the order of the domains. Read piece by piece: memory does not grow with their
    /// number. - RFC 8460 §4.1: Report Time Frame.
    /// - Parameter ownOnly: whether what other machines have counted is left out.
    package func results(of day: UTCDay, only domain: DomainName? = nil, ownOnly: Bool = false) -> DayResults {
        DayResults(store: self, day: day, range: DomainRange(only: domain), ownOnly: ownOnly)
    }

    /// Drops the counts of the days before, what became of them, and the policies that nothing refers to any more.
    /// - Parameter last: the last day that can be meant; what is counted for later ones goes as well.
    /// - Returns: how many tallies went.
    @discardableResult
    package func prune(before day: UTCDay, after last: UTCDay? = nil) async throws(StoreError) -> Int {
        try await write { db in
            var count = 0
            if let last {
                let tables = [
                    "report", "report_day", "report_share", "exported_day", "imported_day", "imported_failure",
                    "imported_tally", "shared_day", "count_batch", "failure", "tally",
                ]
                for table in tables {
                    try db.execute(sql: "DELETE FROM \(table) WHERE day > ?", arguments: [last.daysSinceEpoch])
                }
                count = db.changesCount
            }
            let tables = [
                "exported_day", "imported_day", "imported_failure", "imported_tally", "report_share", "shared_day",
                "count_batch",
            ]
            for table in tables {
                try db.execute(sql: "DELETE FROM \(table) WHERE day < ?", arguments: [day.daysSinceEpoch])
            }
            try db.execute(sql: "DELETE FROM report WHERE day < ?", arguments: [day.daysSinceEpoch])
            try db.execute(sql: "DELETE FROM report_day WHERE day < ?", arguments: [day.daysSinceEpoch])
            try db.execute(sql: "DELETE FROM refusal WHERE day < ?", arguments: [day.daysSinceEpoch])
            try db.execute(sql: "DELETE FROM suppression WHERE until < ?", arguments: [day.start.secondsSinceEpoch])
            try db.execute(sql: "DELETE FROM failure WHERE day < ?", arguments: [day.daysSinceEpoch])
            try db.execute(sql: "DELETE FROM tally WHERE day < ?", arguments: [day.daysSinceEpoch])
            count += db.changesCount
            try Self.pruneReceived(before: day, after: last, in: db)
            try db.execute(
                sql: """
                    DELETE FROM applied_policy WHERE id NOT IN (SELECT policy FROM tally)
                        AND id NOT IN (SELECT policy FROM imported_tally)
                    """)
            return count
        }
    }

    /// The next domains of a day, settled or not.
    package func counts(on day: UTCDay, in range: DomainRange) async throws(StoreError) -> ResultsPiece {
        try await piece(of: day, range, .all)
    }

    /// The next domains of a day, from one snapshot.
    func piece(
        of day: UTCDay, _ range: DomainRange, _ selection: PieceReader.Selection
    ) async throws(StoreError) -> ResultsPiece {
        try await read { [self] db in
            try PieceReader(day: day, range: range, selection: selection, logger: logger).read(db)
        }
    }
}

/// The counts of a day as a sequence that holds a few domains at a time.
package struct DayResults: AsyncSequence, Sendable {
    let store: Store
    let day: UTCDay
    let range: DomainRange
    let ownOnly: Bool

    package struct AsyncIterator: AsyncIteratorProtocol {
        let store: Store
        let day: UTCDay
        var range: DomainRange?
        let ownOnly: Bool
        var piece: ArraySlice<DomainResults> = []

        package mutating func next() async throws(StoreError) -> DomainResults? {
            while piece.isEmpty, let next = range {
                let read = try await store.piece(of: day, next, ownOnly ? .own : .all)
                piece = read.results[...]
                range = read.last.map { DomainRange(after: $0, only: next.only) }
            }
            return piece.popFirst()
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(store: store, day: day, range: range, ownOnly: ownOnly)
    }
}
