// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// Sums over several reports.
struct Totals {
    /// Most entries of each table: whoever makes up names can make up many.
    static let maxEntries = 10_000

    /// A policy domain with the kind of its policy.
    struct PolicyName: Hashable {
        let type: String
        let domain: String
    }

    private(set) var reports = 0
    private(set) var all = Tally()
    private(set) var senders: Set<String> = []
    private(set) var first: UTCTime?
    private(set) var last: UTCTime?
    private(set) var days: [UTCDay: Tally] = [:]
    private(set) var policies: [PolicyName: Tally] = [:]
    /// Failed sessions by result type; one session can have several.
    private(set) var types: [String: Int] = [:]

    mutating func add(_ report: Report) {
        reports += 1
        if senders.count < Self.maxEntries { senders.insert(report.contactInfo ?? report.organizationName ?? "") }
        first = min(first ?? report.dateRange.start, report.dateRange.start)
        last = max(last ?? report.dateRange.end, report.dateRange.end)
        for result in report.policies {
            let sum = Tally(successes: result.tally.successes, failures: result.tally.failures)
            all.merge(sum)
            Self.merge(sum, into: &days, at: report.dateRange.day)
            let name = PolicyName(type: result.policy.type.text, domain: result.policy.domain ?? "")
            Self.merge(sum, into: &policies, at: name)
            for (details, sessions) in result.tally.details {
                let type = details.type.text
                guard types[type] != nil || types.count < Self.maxEntries else { continue }
                types[type] = saturatingSum(types[type] ?? 0, sessions)
            }
        }
    }

    /// The period of all reports.
    var period: String {
        guard let first, let last else { return "" }
        return first.day == last.day ? "\(first.day)" : "\(first.day) to \(last.day)"
    }

    /// The result types, those of most sessions first.
    var sortedTypes: [(type: String, sessions: Int)] {
        types.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (type: $0.key, sessions: $0.value) }
    }

    /// The policies, those of most failures first.
    var sortedPolicies: [(name: PolicyName, tally: Tally)] {
        policies.sorted { left, right in
            (right.value.failures, right.value.sessions, left.key.domain, left.key.type)
                < (left.value.failures, left.value.sessions, right.key.domain, right.key.type)
        }.map { (name: $0.key, tally: $0.value) }
    }

    private static func merge<Key>(_ tally: Tally, into table: inout [Key: Tally], at key: Key) {
        guard table[key] != nil || table.count < maxEntries else { return }
        table[key, default: Tally()].merge(tally)
    }
}
