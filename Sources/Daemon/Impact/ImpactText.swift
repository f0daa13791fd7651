// SPDX-License-Identifier: Apache-2.0
import Status

/// An impact as a table for a terminal.
package struct ImpactText {
    /// Reasons of one domain, and hosts of one reason, that are shown.
    private static let maxReasons = 5
    private static let maxHosts = 4

    private let showsAll: Bool

    /// - Parameter all: whether domains are shown whose mail passes without a word about a policy.
    package init(all: Bool) { showsAll = all }

    package func render(_ impact: Impact) -> String {
        var lines = [headline(impact)]
        let shown = impact.domains.filter { showsAll || $0.isOfInterest }
        if !shown.isEmpty { lines += [""] + table(shown, impact.source) }
        let rest = impact.domains.filter { domain in !showsAll && !domain.isOfInterest }
        var notes: [String] = []
        if !rest.isEmpty {
            let count = rest.reduce(0) { $0 + $1.deliveries }
            notes.append("\(amount(rest.count, "more domain")) without a policy, \(deliveries(count)): they pass")
        }
        notes += impact.leftOut.map { one in
            let domains = one.domains.map { " to \(amount($0, "domain"))" } ?? ""
            return "\(deliveries(one.deliveries))\(domains) not looked at, \(one.why)"
        }
        notes += impact.remarks
        if !notes.isEmpty { lines += [""] + notes }
        return lines.joined(separator: "\n") + "\n"
    }

    private func headline(_ impact: Impact) -> String {
        if impact.deliveries == 0 {
            return impact.source == .mailLog
                ? "no delivery was found in the log: nothing can be told"
                : "no session was counted: nothing can be told"
        }
        var text = deliveries(impact.deliveries)
        if let first = impact.firstDay, let last = impact.lastDay { text += " from \(first) to \(last)" }
        if !impact.leftOut.isEmpty {
            text += ", \(impact.deliveries - impact.leftOut.reduce(0) { $0 + $1.deliveries }) of them looked at"
        }
        let unclear = impact.domains.filter { $0.outcome == .unclear }
        let held = impact.domains.filter { $0.outcome == .held }
        text +=
            held.isEmpty
            ? ": none would have been held back"
            : ": \(impact.held) would have been held back, to \(amount(held.count, "domain"))"
        if !unclear.isEmpty {
            let count = unclear.reduce(0) { $0 + $1.deliveries }
            text += "; of \(count), to \(amount(unclear.count, "domain")), it could not be told"
        }
        return text
    }

    private func deliveries(_ count: Int) -> String { count == 1 ? "1 delivery" : "\(count) deliveries" }

    private func table(_ domains: [Impact.Domain], _ source: Impact.Source) -> [String] {
        var table = TextTable(["domain", ">deliveries", ">held", "mode", "mail would be", "why"])
        for domain in domains {
            let reasons = phrases(domain)
            table.add([
                domain.domain, "\(domain.deliveries)", "\(domain.held)", domain.mode ?? "-", domain.outcome.rawValue,
                reasons.first ?? "",
            ])
            for reason in reasons.dropFirst() { table.add(["", "", "", "", "", reason]) }
        }
        return table.lines
    }

    private func phrases(_ domain: Impact.Domain) -> [String] {
        var lines = domain.reasons.prefix(Self.maxReasons).map { reason in
            var hosts = reason.hosts.prefix(Self.maxHosts).joined(separator: ", ")
            if reason.hosts.count > Self.maxHosts { hosts += " and \(reason.hosts.count - Self.maxHosts) more" }
            let count = reason.sessions.map { $0 == domain.held ? "" : "\($0): " } ?? ""
            return count + (hosts.isEmpty ? "" : "\(hosts): ") + reason.text
        }
        if domain.reasons.count > Self.maxReasons { lines.append("and \(domain.reasons.count - Self.maxReasons) more") }
        return lines
    }
}

extension Impact.Domain {
    /// Whether something is to be said of it.
    fileprivate var isOfInterest: Bool { outcome != .delivered || mode != nil || !reasons.isEmpty }
}
