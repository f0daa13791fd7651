// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import GRDB
import Logging
import Names
import TLSRPT

/// What was counted for one domain on one day: the policies of its report.
package struct DomainResults: Sendable, Hashable {
    package let domain: DomainName
    package let policies: [PolicyResult]
}

extension Store {
    /// The days of which there are counts, the oldest first.
    package func days() async throws(StoreError) -> [UTCDay] {
        try await read { db in
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
    }

    /// The counts of a day, a domain at a time in the order of their names; what is still in memory only is not there.
    package func results(of day: UTCDay) -> DayResults { DayResults(store: self, day: day) }

    /// Drops the counts of the days before, and the policies that nothing refers to any more.
    /// - Returns: how many tallies went.
    @discardableResult
    package func prune(before day: UTCDay) async throws(StoreError) -> Int {
        try await write { db in
            try db.execute(sql: "DELETE FROM failure WHERE day < ?", arguments: [day.daysSinceEpoch])
            try db.execute(sql: "DELETE FROM tally WHERE day < ?", arguments: [day.daysSinceEpoch])
            let count = db.changesCount
            try db.execute(sql: "DELETE FROM applied_policy WHERE id NOT IN (SELECT policy FROM tally)")
            return count
        }
    }

    /// The next domains of a day.
    fileprivate func results(
        of day: UTCDay, after domain: String, limit: Int
    ) async throws(StoreError) -> (results: [DomainResults], last: String?) {
        try await read { [self] db in
            let names = try String.fetchAll(
                db, sql: "SELECT DISTINCT domain FROM tally WHERE day = ? AND domain > ? ORDER BY domain LIMIT ?",
                arguments: [day.daysSinceEpoch, domain, limit])
            let results: [DomainResults] = try names.compactMap { name in
                guard let domain = try? DomainName(name) else {
                    logger.warning("counts of a name that is no domain", metadata: ["domain": "\(printable(name))"])
                    return nil
                }
                return DomainResults(domain: domain, policies: try Self.policies(of: name, on: day, in: db))
            }
            return (results, names.last)
        }
    }

    private static func policies(of domain: String, on day: UTCDay, in db: Database) throws -> [PolicyResult] {
        let details = try details(of: domain, on: day, in: db)
        let select = try db.cachedStatement(
            sql: """
                SELECT p.id, p.type, p.policy_domain, p.strings, p.mx_hosts, t.successes, t.failures
                FROM tally t JOIN applied_policy p ON p.id = t.policy
                WHERE t.day = ? AND t.domain = ? ORDER BY p.id
                """)
        let rows = try Row.fetchCursor(select, arguments: [day.daysSinceEpoch, domain])
        var results: [PolicyResult] = []
        while let row = try rows.next() {
            let id: Int64 = row[0]
            let policy = ReportedPolicy(
                type: Registered(row[1]), domain: absent(row[2]), strings: list(row[3]), mxHosts: list(row[4]))
            let tally = Tally(successes: row[5], failures: row[6], details: details[id] ?? [:])
            results.append(PolicyResult(policy, tally))
        }
        return results
    }

    private static func details(
        of domain: String, on day: UTCDay, in db: Database
    ) throws -> [Int64: [FailureDetails: Int]] {
        let select = try db.cachedStatement(
            sql: """
                SELECT policy, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info, sessions FROM failure
                WHERE day = ? AND domain = ?
                """)
        let rows = try Row.fetchCursor(select, arguments: [day.daysSinceEpoch, domain])
        var found: [Int64: [FailureDetails: Int]] = [:]
        while let row = try rows.next() {
            var details = FailureDetails(type: Registered(row[1]))
            details.sendingMTAIP = absent(row[2])
            details.receivingMXHostname = absent(row[3])
            details.receivingMXHelo = absent(row[4])
            details.receivingIP = absent(row[5])
            details.reasonCode = absent(row[6])
            details.additionalInformation = absent(row[7])
            let sessions: Int = row[8]
            found[row[0], default: [:]][details, default: 0] += sessions
        }
        return found
    }

    private static func absent(_ text: String) -> String? { text.isEmpty ? nil : text }

    /// A list that cannot be read is empty: the counts are worth more than the words.
    private static func list(_ json: String) -> [String] {
        (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
    }
}

/// The counts of a day as a sequence that holds a few domains at a time.
package struct DayResults: AsyncSequence, Sendable {
    /// Domains read at once.
    private static let pieceLength = 20

    let store: Store
    let day: UTCDay

    package struct AsyncIterator: AsyncIteratorProtocol {
        let store: Store
        let day: UTCDay
        var piece: ArraySlice<DomainResults> = []
        var last: String? = ""

        package mutating func next() async throws(StoreError) -> DomainResults? {
            while piece.isEmpty, let after = last {
                let (results, end) = try await store.results(of: day, after: after, limit: pieceLength)
                piece = results[...]
                last = end
            }
            return piece.popFirst()
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(store: store, day: day) }
}
