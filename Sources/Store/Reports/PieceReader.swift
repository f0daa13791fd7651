// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Logging
import Reporting
import SQLite
import TLSRPT

/// Reads the counts of some domains: two cursors in the order of the primary keys, whatever the number of domains. What other
/// machines have counted lies in tables of the same order; SQLite merges the two as it goes.
struct PieceReader {
    /// Most domains of a piece.
    static let maxDomains = 500
    /// Octets of policies past which a piece takes no further domain: texts come from the network, and can be long.
    static let maxPolicyOctets = 4 << 20

    let day: UTCDay
    let range: DomainRange
    let selection: Selection
    let logger: Logger

    /// Which counts.
    enum Selection {
        case all
        /// Without what other machines have counted.
        case own
        /// Of domains that have no report yet.
        case unsettled
        /// This machine's that are in no batch yet.
        case unshared

        var hasImports: Bool { self == .all || self == .unsettled }
    }

    /// A policy's tally before its details are known.
    private struct Line {
        let domain: String
        let id: Int64
        let policy: ReportedPolicy
        var tally: Tally
    }

    func read(_ db: Database) throws -> ResultsPiece {
        let isMerged = try selection.hasImports && Self.hasImports(day, db)
        var (lines, isLast) = try tallies(db, isMerged)
        guard let end = lines.last?.domain else { return ResultsPiece(results: [], last: nil) }
        try addDetails(to: &lines, through: end, db, isMerged)
        var results: [DomainResults] = []
        var start = lines.startIndex
        while start < lines.endIndex {
            let name = lines[start].domain
            let stop = lines[start...].firstIndex { $0.domain != name } ?? lines.endIndex
            if let domain = try? DomainName(name) {
                let policies = lines[start..<stop].map { PolicyResult($0.policy, $0.tally) }
                results.append(DomainResults(domain: domain, policies: policies))
            } else {
                logger.warning("counts of a name that is no domain", metadata: ["domain": "\(printable(name))"])
            }
            start = stop
        }
        return ResultsPiece(results: results, last: isLast ? nil : end)
    }

    /// Nearly all days have none, and one table is then read without the other.
    private static func hasImports(_ day: UTCDay, _ db: Database) throws -> Bool {
        let find = try db.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM imported_day WHERE day = ? AND is_complete = 1)")
        return try Bool.fetchOne(find, arguments: [day.daysSinceEpoch]) ?? false
    }

    /// Only imports that are complete.
    private static let complete = "AND import IN (SELECT id FROM imported_day WHERE day = ?1 AND is_complete = 1)"

    private func tallies(_ db: Database, _ isMerged: Bool) throws -> (lines: [Line], isLast: Bool) {
        func select(from table: String, _ condition: String = "") -> String {
            let (counts, selected) =
                switch selection {
                case .all, .own: ("t.successes, t.failures", "")
                case .unsettled:
                    (
                        "t.successes, t.failures",
                        "AND NOT EXISTS (SELECT 1 FROM report r WHERE r.day = t.day AND r.domain = t.domain)"
                    )
                case .unshared:
                    (
                        "t.successes - t.shared_successes, t.failures - t.shared_failures",
                        "AND (t.successes <> t.shared_successes OR t.failures <> t.shared_failures)"
                    )
                }
            return """
                SELECT t.domain AS domain, t.policy AS policy, p.type, p.policy_domain, p.strings, p.mx_hosts, \(counts)
                FROM \(table) t CROSS JOIN applied_policy p ON p.id = t.policy
                WHERE t.day = ?1 AND t.domain > ?2 \(range.only == nil ? "" : "AND t.domain = ?3")
                \(selected) \(condition)
                """
        }
        let merged = isMerged ? " UNION ALL " + select(from: "imported_tally", Self.complete) : ""
        let statement = try db.cachedStatement(sql: select(from: "tally") + merged + " ORDER BY domain, policy")
        var arguments: StatementArguments = [day.daysSinceEpoch, range.after]
        if let only = range.only { arguments += [only.ascii] }
        let rows = try Row.fetchCursor(statement, arguments: arguments)
        var lines: [Line] = []
        var domains = 0
        var octets = 0
        while let row = try rows.next() {
            let domain: String = row[0]
            if domain != lines.last?.domain {
                if domains == Self.maxDomains || octets > Self.maxPolicyOctets { return (lines, false) }
                domains += 1
            }
            let id: Int64 = row[1]
            let tally = Tally(successes: row[6], failures: row[7])
            if let last = lines.last, last.domain == domain, last.id == id {
                lines[lines.count - 1].tally.merge(tally)
                continue
            }
            let strings: String = row[4]
            let mxHosts: String = row[5]
            octets += strings.utf8.count + mxHosts.utf8.count
            let policy = ReportedPolicy(
                type: Registered(row[2]), domain: absent(row[3]), strings: list(strings), mxHosts: list(mxHosts))
            lines.append(Line(domain: domain, id: id, policy: policy, tally: tally))
        }
        return (lines, true)
    }

    /// Both cursors have the same order, so that one pass is enough.
    private func addDetails(to lines: inout [Line], through end: String, _ db: Database, _ isMerged: Bool) throws {
        let (count, selected) =
            selection == .unshared ? ("sessions - shared", "AND sessions <> shared") : ("sessions", "")
        func select(from table: String, _ condition: String = "") -> String {
            """
            SELECT domain, policy, type, sending_ip, mx_host, mx_helo, mx_ip, reason, info, \(count) FROM \(table)
            WHERE day = ?1 AND domain >= ?2 AND domain <= ?3 \(selected) \(condition)
            """
        }
        let merged = isMerged ? " UNION ALL " + select(from: "imported_failure", Self.complete) : ""
        let statement = try db.cachedStatement(sql: select(from: "failure") + merged + " ORDER BY domain, policy")
        let rows = try Row.fetchCursor(
            statement, arguments: [day.daysSinceEpoch, lines.first?.domain ?? end, end])
        var index = lines.startIndex
        while let row = try rows.next() {
            let domain: String = row[0]
            let policy: Int64 = row[1]
            while index < lines.endIndex, (lines[index].domain, lines[index].id) < (domain, policy) { index += 1 }
            guard index < lines.endIndex else { return }
            guard lines[index].domain == domain, lines[index].id == policy else { continue }
            var details = FailureDetails(type: Registered(row[2]))
            details.sendingMTAIP = absent(row[3])
            details.receivingMXHostname = absent(row[4])
            details.receivingMXHelo = absent(row[5])
            details.receivingIP = absent(row[6])
            details.reasonCode = absent(row[7])
            details.additionalInformation = absent(row[8])
            lines[index].tally.details[details] = saturatingSum(lines[index].tally.details[details] ?? 0, row[9])
        }
    }
}

private func absent(_ text: String) -> String? { text.isEmpty ? nil : text }

/// A list that cannot be read is empty: the counts are worth more than the words.
private func list(_ json: String) -> [String] {
    json == "[]" ? [] : (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
}
