// SPDX-License-Identifier: Apache-2.0
import Basics
import SQLite
import TLSRPT

extension Store {
    /// Domains, reporters of one domain and kinds of its failures that are told, those of most failures first.
    private static let maxDomains = 1000
    private static let maxReporters = 200
    private static let maxKinds = 200

    /// What others reported of the days, by domain: those with most failures first.
    /// - Parameter domain: the only one that is wanted.
    package func received(
        from first: UTCDay, through last: UTCDay, of domain: DomainName? = nil
    ) async throws(StoreError) -> [ReceivedDomain] {
        try await read { db in
            let names = try String.fetchAll(
                db,
                sql: """
                    SELECT t.domain FROM received_tally t JOIN received_report r ON r.id = t.report
                    WHERE r.day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR t.domain = ?3)
                    GROUP BY t.domain ORDER BY sum(t.failures) DESC, sum(t.successes) DESC, t.domain LIMIT \(Self.maxDomains)
                    """,
                arguments: [first.daysSinceEpoch, last.daysSinceEpoch, domain?.ascii])
            return try names.map { name in
                var found = ReceivedDomain(name)
                let range: StatementArguments = [first.daysSinceEpoch, last.daysSinceEpoch, name]
                try Self.addReporters(to: &found, range, db)
                try Self.addDays(to: &found, range, db)
                try Self.addKinds(to: &found, range, db)
                return found
            }
        }
    }

    /// What others reported of the days, in numbers.
    package func receivedCounts(from first: UTCDay, through last: UTCDay) async throws(StoreError) -> ReceivedCounts {
        try await read { db in
            var counts = ReceivedCounts()
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT sum(t.successes), sum(t.failures)
                    FROM received_report r JOIN received_tally t ON t.report = r.id
                    WHERE r.day BETWEEN ? AND ? GROUP BY r.id
                    """, arguments: [first.daysSinceEpoch, last.daysSinceEpoch])
            while let row = try rows.next() {
                counts.reports += 1
                let failures: Int = row[1]
                if failures > 0 { counts.failing += 1 }
                counts.successes = saturatingSum(counts.successes, row[0])
                counts.failures = saturatingSum(counts.failures, failures)
            }
            let latest = try Int64.fetchOne(db, sql: "SELECT max(received_at) FROM received_report")
            counts.last = latest.map { UTCTime(secondsSinceEpoch: $0) }
            return counts
        }
    }

    private static func addReporters(
        to found: inout ReceivedDomain, _ range: StatementArguments, _ db: Database
    ) throws {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT r.reporter, count(*), sum(t.successes), sum(t.failures)
                    FROM received_report r JOIN received_tally t ON t.report = r.id
                    WHERE r.day BETWEEN ? AND ? AND t.domain = ?
                    GROUP BY r.reporter ORDER BY 4 DESC, 3 DESC, 1
                    """), arguments: range)
        while let row = try rows.next() {
            found.successes = saturatingSum(found.successes, row[2])
            found.failures = saturatingSum(found.failures, row[3])
            guard found.reporters.count < maxReporters else { continue }
            found.reporters.append(
                ReceivedDomain.Reporter(name: row[0], reports: row[1], successes: row[2], failures: row[3]))
        }
    }

    private static func addDays(to found: inout ReceivedDomain, _ range: StatementArguments, _ db: Database) throws {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT r.day, sum(t.successes), sum(t.failures)
                    FROM received_report r JOIN received_tally t ON t.report = r.id
                    WHERE r.day BETWEEN ? AND ? AND t.domain = ? GROUP BY r.day ORDER BY r.day
                    """), arguments: range)
        while let row = try rows.next() {
            found.days.append(
                ReceivedDomain.Day(day: UTCDay(daysSinceEpoch: row[0]), successes: row[1], failures: row[2]))
        }
    }

    private static func addKinds(to found: inout ReceivedDomain, _ range: StatementArguments, _ db: Database) throws {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT f.type, f.mx_host, f.reason, r.day, r.reporter, sum(f.sessions)
                    FROM received_report r JOIN received_failure f ON f.report = r.id
                    WHERE r.day BETWEEN ? AND ? AND f.domain = ?
                    GROUP BY f.type, f.mx_host, f.reason, r.day, r.reporter
                    """), arguments: range)
        var kinds: [FailureDetails: ReceivedDomain.Failure] = [:]
        while let row = try rows.next() {
            var details = FailureDetails(type: Registered(row[0]))
            let (host, reason): (String, String) = (row[1], row[2])
            details.receivingMXHostname = host.isEmpty ? nil : host
            details.reasonCode = reason.isEmpty ? nil : reason
            let day = UTCDay(daysSinceEpoch: row[3])
            // What others wrote may differ in each report.
            if kinds[details] == nil, kinds.count >= maxKinds { details = FailureDetails(type: details.type) }
            guard kinds[details] != nil || kinds.count < 2 * maxKinds else { continue }
            var kind = kinds[details] ?? ReceivedDomain.Failure(details: details, firstDay: day, lastDay: day)
            kind.sessions = saturatingSum(kind.sessions, row[5])
            kind.firstDay = min(kind.firstDay, day)
            kind.lastDay = max(kind.lastDay, day)
            let reporter: String = row[4]
            if !kind.reporters.contains(reporter), kind.reporters.count < maxReporters {
                kind.reporters.append(reporter)
            }
            kinds[details] = kind
        }
        found.kinds = kinds.values.sorted {
            ($1.sessions, $0.details.type.text, $0.details.receivingMXHostname ?? "", $0.details.reasonCode ?? "")
                < ($0.sessions, $1.details.type.text, $1.details.receivingMXHostname ?? "", $1.details.reasonCode ?? "")
        }
        for index in found.kinds.indices { found.kinds[index].reporters.sort() }
    }
}
