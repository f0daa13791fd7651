// SPDX-License-Identifier: Apache-2.0

/// Which mail enforcement would hold back, or has held, as `sts-milter impact` shows it. Every text is safe to print.
package struct Impact: Sendable, Codable {
    /// What becomes of a domain's mail.
    package enum Outcome: String, Sendable, Codable, CaseIterable {
        /// Held back, as what was seen breaks what must be kept.
        case held
        /// Held back while it lasts, or not: not all of it could be seen from here.
        case unclear
        case delivered
    }

    /// Why mail does not pass, and where.
    package struct Reason: Sendable, Codable, Hashable {
        package let text: String
        package var hosts: [String]
        /// Sessions that this was counted for; nil where hosts were looked at instead.
        package let sessions: Int?
    }

    package struct Domain: Sendable, Codable {
        package let domain: String
        /// Sessions with its mail servers.
        package let deliveries: Int
        /// Those among them that would have been held back.
        package let held: Int
        /// Of the policy that applies: `enforce`, `testing` or `none`; nil where there is none, or nobody knows.
        package let mode: String?
        package let outcome: Outcome
        /// The verdict in one word, as in the log; nil for what the daemon has counted.
        package let verdict: String?
        package let reasons: [Reason]
    }

    /// What `--json` calls the two ways to ask.
    package enum Source: String, Sendable, Codable {
        case ledger
        case mailLog = "mail-log"
    }

    /// What is not in the table, and why.
    package struct LeftOut: Sendable, Codable {
        package let why: String
        package let deliveries: Int
        /// Nil where they are not told apart.
        package var domains: Int?
    }

    package let source: Source
    /// The first and the last day that is told of, UTC; nil for a log without a session.
    package let firstDay: String?
    package let lastDay: String?
    /// All sessions that were counted or read.
    package let deliveries: Int
    /// The gravest first, and then those of most deliveries.
    package let domains: [Domain]
    package let leftOut: [LeftOut]
    /// What the operator should know.
    package let remarks: [String]

    package var held: Int { domains.reduce(0) { $0 + $1.held } }

    /// The exit code: 0 nothing would be held back, 1 something would, 2 it could not be told of all.
    package var exitCode: Int32 {
        if deliveries == 0 { return 2 }
        if domains.contains(where: { $0.outcome == .held }) { return 1 }
        return domains.contains { $0.outcome == .unclear } ? 2 : 0
    }
}

extension Impact.Domain {
    /// Whether it stands before another one in the table.
    static func precedes(_ left: Self, _ right: Self) -> Bool {
        let order = Impact.Outcome.allCases
        let (leftPlace, rightPlace) = (
            order.firstIndex(of: left.outcome) ?? 0, order.firstIndex(of: right.outcome) ?? 0
        )
        if leftPlace != rightPlace { return leftPlace < rightPlace }
        if left.deliveries != right.deliveries { return left.deliveries > right.deliveries }
        return left.domain < right.domain
    }
}

extension [Impact.Reason] {
    /// Adds a host to the reason of this text, or the reason itself.
    mutating func add(_ text: String, at host: String?) {
        let hosts = host.map { [$0] } ?? []
        guard let index = firstIndex(where: { $0.text == text }) else {
            append(Impact.Reason(text: text, hosts: hosts, sessions: nil))
            return
        }
        for host in hosts where !self[index].hosts.contains(host) { self[index].hosts.append(host) }
    }
}
