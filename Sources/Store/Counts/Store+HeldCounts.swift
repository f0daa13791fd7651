// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import MTASTS
import SQLite
import TLSRPT

/// The sessions of a domain that broke what must be kept: its enforce policy, or TLSA records.
package struct HeldCounts: Sendable, Hashable {
    /// Kinds of failure that are told apart for a domain; the rest is summed.
    package static let maxKinds = 50

    package let domain: DomainName
    /// All sessions of the domain in those days, the failed ones among them.
    package fileprivate(set) var sessions = 0
    /// Those that would have been held back, or were.
    package fileprivate(set) var held = 0
    /// By what was wrong: only type, host and reason.
    package fileprivate(set) var kinds: [FailureDetails: Int] = [:]
    /// Failed sessions whose kind is not told apart any more.
    package fileprivate(set) var others = 0

    fileprivate init(_ domain: DomainName) { self.domain = domain }

    fileprivate mutating func add(_ kind: FailureDetails, _ count: Int) {
        held = saturatingSum(held, count)
        if kinds[kind] != nil || kinds.count < Self.maxKinds {
            kinds[kind] = saturatingSum(kinds[kind] ?? 0, count)
        } else {
            others = saturatingSum(others, count)
        }
    }
}

extension Store {
    /// Domains of which held mail is told one by one, those of the first names; a ledger seldom has a hundred.
    package static let maxHeldDomains = 10_000

    /// The policies of which a failed session means that mail is held: SQL that may say so of others, too.
    static let mayHold = "(p.type = 'tlsa' OR p.strings LIKE '%enforce%')"

    /// What was counted in some days that an enforce policy, or TLSA records, do not let pass.
    /// - Returns: the domains, in the order of their names, and how many sessions of all domains were counted.
    package func heldMail(
        from first: UTCDay, through last: UTCDay
    ) async throws(StoreError) -> (domains: [HeldCounts], sessions: Int) {
        try await read { db in
            var held: [String: HeldCounts] = [:]
            try Self.readFailures(from: first, through: last, in: db, into: &held)
            let total = try Int.fetchOne(
                db, sql: "SELECT coalesce(sum(successes + failures), 0) FROM tally WHERE day BETWEEN ? AND ?",
                arguments: [first.daysSinceEpoch, last.daysSinceEpoch])
            let days = try Self.days(in: db).filter { first <= $0 && $0 <= last }
            let count = try db.cachedStatement(
                sql: "SELECT coalesce(sum(successes + failures), 0) FROM tally WHERE day = ? AND domain = ?")
            for name in Array(held.keys) {
                let sessions = try days.reduce(0) { sum, day in
                    saturatingSum(sum, try Int.fetchOne(count, arguments: [day.daysSinceEpoch, name]) ?? 0)
                }
                held[name]?.sessions = sessions
            }
            return (held.values.sorted { $0.domain.ascii < $1.domain.ascii }, total ?? 0)
        }
    }

    private static func readFailures(
        from first: UTCDay, through last: UTCDay, in db: Database, into held: inout [String: HeldCounts]
    ) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT f.domain, p.type, p.strings, f.type, f.mx_host, f.reason, f.sessions
                FROM failure f CROSS JOIN applied_policy p ON p.id = f.policy
                WHERE f.day BETWEEN ? AND ? AND \(mayHold)
                ORDER BY f.day, f.domain
                """,
            arguments: [first.daysSinceEpoch, last.daysSinceEpoch])
        while let row = try rows.next() {
            let name: String = row[0]
            guard held[name] != nil || held.count < maxHeldDomains, let domain = try? DomainName(host: name) else {
                continue
            }
            let type: String = row[1]
            guard type == PolicyType.tlsa.rawValue || mode(ofLines: row[2]) == .enforce else { continue }
            var kind = FailureDetails(type: Registered(row[3]))
            let (host, reason): (String, String) = (row[4], row[5])
            kind.receivingMXHostname = host.isEmpty ? nil : host
            kind.reasonCode = reason.isEmpty ? nil : reason
            held[name, default: HeldCounts(domain)].add(kind, row[6])
        }
    }

    /// The mode that the lines of a policy say, a JSON array; nil if they say none.
    /// - RFC 8461 §3.2: MTA-STS Policies.
    private static func mode(ofLines json: String) -> Policy.Mode? {
        guard let lines = try? JSONDecoder().decode([String].self, from: Data(json.utf8)) else { return nil }
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, trimmedField(parts[0]) == "mode" else { continue }
            return Policy.Mode(rawValue: trimmedField(parts[1]))
        }
        return nil
    }

    private static func trimmedField(_ text: Substring) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
