// SPDX-License-Identifier: Apache-2.0
import Basics
import SQLite
import TLSRPT

/// What is kept of the reports that others send. They come by mail from anybody: all of it is bounded.
enum ReceivedBounds {
    /// Reports that are kept at one time: those of a hundred reporters over a year.
    static let reports = 40_000
    /// Domains of one report, and kinds of failure of one domain in it; the rest is summed under their type.
    static let domains = 50
    static let kinds = 100
    /// Octets of one text.
    static let textOctets = 255
    /// A report of later days than tomorrow's is of nobody's clock.
    static let daysAhead: Int64 = 1
}

extension Store {
    /// Takes a report that somebody sent.
    /// - Parameter oldest: the first day that is kept.
    package func receive(_ report: Report, at now: UTCTime, since oldest: UTCDay) async throws(StoreError) -> Reception
    {
        let day = report.dateRange.day
        guard oldest <= day, day <= now.day.advanced(by: ReceivedBounds.daysAhead) else { return .untimely }
        let results = Self.results(of: report)
        guard !results.isEmpty else { return .empty }
        let reporter = Self.cut(report.organizationName ?? report.contactInfo ?? "")
        let id = Self.cut(report.reportID)
        let (first, last) = (report.dateRange.start.secondsSinceEpoch, report.dateRange.end.secondsSinceEpoch)
        let content = Self.digest(of: report)
        let nameless = report.policies.filter { !$0.hasDomain }
        let leftOut = nameless.reduce(0) {
            saturatingSum($0, saturatingSum($1.tally.successes, $1.tally.failures))
        }
        return try await write { db in
            let isKnown = try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM received_report
                        WHERE reporter = ? AND report_id = ? AND first_second = ? AND last_second = ? AND content = ?)
                    """, arguments: [reporter, id, first, last, content])
            if isKnown == true { return .known }
            guard try Self.hasRoom(for: reporter, of: day, in: db) else { return .full }
            try db.execute(
                sql: """
                    INSERT INTO received_report
                    (reporter, report_id, first_second, last_second, content, day, received_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """, arguments: [reporter, id, first, last, content, day.daysSinceEpoch, now.secondsSinceEpoch])
            let row = db.lastInsertedRowID
            for (domain, tally) in results { try Self.insert(tally, of: domain, report: row, in: db) }
            return leftOut > 0 ? .storedInPart(leftOut: leftOut) : .stored
        }
    }

    /// What tells apart the reports that one sender gives one id: all that they say, in whatever order of their policies. A
    /// forged report that comes before the true one under its id must not be taken for it.
    private static func digest(of report: Report) -> Int64 {
        var byDomain: [String: Tally] = [:]
        for result in report.policies { byDomain[result.policy.domain ?? "", default: Tally()].merge(result.tally) }
        var hash = FNV1a()
        func add(_ text: String) {
            hash.add(text)
            hash.add(0)
        }
        add(report.reportID)
        for (domain, tally) in byDomain.sorted(by: { $0.key < $1.key }) {
            add("\(domain) \(tally.successes) \(tally.failures)")
            for (details, sessions) in tally.sortedDetails {
                add("\(details.type.text) \(details.receivingMXHostname ?? "") \(details.sendingMTAIP ?? "")")
                add("\(details.reasonCode ?? "") \(sessions)")
            }
        }
        return Int64(bitPattern: hash.value)
    }

    /// Whether one more report may be kept. Where the bound is reached, the day with most reports gives one of its reporter
    /// with most: whoever fills the table has most of them, by day or by name, and keeps nobody else's out.
    private static func hasRoom(for reporter: String, of day: UTCDay, in db: Database) throws -> Bool {
        func count(_ condition: String, _ arguments: StatementArguments) throws -> Int {
            try Int.fetchOne(db, sql: "SELECT count(*) FROM received_report \(condition)", arguments: arguments) ?? 0
        }
        guard try count("", []) >= ReceivedBounds.reports else { return true }
        let fullest = try Int.fetchOne(
            db, sql: "SELECT day FROM received_report GROUP BY day ORDER BY count(*) DESC, day LIMIT 1")
        guard let fullest else { return true }
        let most = try String.fetchOne(
            db,
            sql: """
                SELECT reporter FROM received_report WHERE day = ?
                GROUP BY reporter ORDER BY count(*) DESC, reporter LIMIT 1
                """, arguments: [fullest])
        guard let most else { return true }
        let own = day.daysSinceEpoch
        let isFair =
            fullest == own
            ? try count("WHERE day = ? AND reporter = ?", [own, most])
                > count("WHERE day = ? AND reporter = ?", [own, reporter]) + 1
            : try count("WHERE day = ?", [fullest]) > count("WHERE day = ?", [own]) + 1
        guard isFair else { return false }
        try db.execute(
            sql:
                "DELETE FROM received_report WHERE id = (SELECT max(id) FROM received_report WHERE day = ? AND reporter = ?)",
            arguments: [fullest, most])
        return true
    }

    /// One tally for each domain of a report, in the order of their names.
    private static func results(of report: Report) -> [(String, Tally)] {
        var found: [String: Tally] = [:]
        for result in report.policies {
            guard let text = result.policy.domain, !text.isEmpty else { continue }
            let domain = (try? DomainName(text))?.ascii ?? cut(text)
            guard found[domain] != nil || found.count < ReceivedBounds.domains else { continue }
            found[domain, default: Tally()].merge(result.tally)
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private static func insert(_ tally: Tally, of domain: String, report: Int64, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO received_tally (report, domain, successes, failures) VALUES (?, ?, ?, ?)",
            arguments: [report, domain, bounded(tally.successes), bounded(tally.failures)])
        let leading = tally.leadingDetails(ReceivedBounds.kinds)
        for (details, sessions) in leading { try insert(details, sessions, of: domain, report: report, in: db) }
        guard tally.details.count > leading.count else { return }
        var rest = tally.details
        for (details, _) in leading { rest[details] = nil }
        var byType: [Registered<ResultType>: Int] = [:]
        for (details, sessions) in rest { byType[details.type] = saturatingSum(byType[details.type] ?? 0, sessions) }
        for (type, sessions) in byType.prefix(ReceivedBounds.kinds) {
            try insert(FailureDetails(type: type), sessions, of: domain, report: report, in: db)
        }
    }

    private static func insert(
        _ details: FailureDetails, _ sessions: Int, of domain: String, report: Int64, in db: Database
    ) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO received_failure (report, domain, type, mx_host, sending_ip, reason, sessions)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET sessions = min(sessions + excluded.sessions, \(maxSessions))
                """)
        let host = details.receivingMXHostname ?? ""
        try insert.execute(arguments: [
            report, domain, cut(details.type.text), (try? DomainName(mxHost: host))?.ascii ?? cut(host),
            cut(details.sendingMTAIP ?? ""), cut(details.reasonCode ?? ""), bounded(sessions),
        ])
    }

    private static func cut(_ text: String) -> String { text.cut(to: ReceivedBounds.textOctets) }

    /// A report can hold any number: so many of them still have a sum.
    private static let maxSessions = 1 << 40
    private static func bounded(_ count: Int) -> Int { min(max(count, 0), maxSessions) }

    /// Drops what was reported of days before, and of days after `last`.
    static func pruneReceived(before day: UTCDay, after last: UTCDay?, in db: Database) throws {
        try db.execute(
            sql: "DELETE FROM received_report WHERE day < ? OR day > ?",
            arguments: [day.daysSinceEpoch, last?.daysSinceEpoch ?? Int64.max])
    }
}
