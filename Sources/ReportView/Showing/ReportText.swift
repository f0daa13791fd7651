// SPDX-License-Identifier: Apache-2.0
import Basics
import HTML
import TLSRPT

/// Reports as lines for a terminal.
package struct ReportText: ReportForm {
    private enum Colour: String {
        case good = "32", bad = "31", heading = "1", aside = "2"
    }

    /// Columns where nothing else is known.
    package static let usualWidth = 100
    /// Narrower terminals get lines that they must break.
    private static let minWidth = 60
    /// Widest column of result types; an unknown longer one pushes its line to the right.
    private static let maxTypeWidth = 30
    /// Narrowest column of what else is known of a failure.
    private static let minDetailsWidth = 13
    /// Longest text of one member, in characters.
    private static let maxText = 500
    /// Most lines of a policy that are shown, and most result types in the sum.
    private static let maxPolicyLines = 50
    private static let maxTypes = 30

    private let width: Int
    private let isColoured: Bool
    private let limits: ViewLimits
    private var totals = Totals()

    package init(width: Int = usualWidth, coloured: Bool = false, limits: ViewLimits = .usual) {
        self.width = max(width, Self.minWidth)
        isColoured = coloured
        self.limits = limits
    }

    package mutating func add(_ report: Report, from source: String) -> String {
        totals.add(report)
        let digest = ReportDigest(report, from: source, limits: limits)
        let sender = safe(digest.organization ?? digest.contact ?? "unnamed sender")
        var lines = heading(sender + ",", digest.dateRange.period, indent: 0)
        lines.append("  " + outcome(digest.successes, digest.failures))
        if let contact = digest.contact { lines += entry("contact", [safe(contact)], indent: 2) }
        if !digest.reportID.isEmpty { lines += entry("report", [safe(digest.reportID)], indent: 2) }
        lines += entry("file", [digest.source], indent: 2)
        for policy in digest.policies { lines += [""] + describe(policy) }
        if digest.omittedPolicies > 0 {
            let sum = outcome(digest.omitted.successes, digest.omitted.failures)
            lines += ["", "  \(counted(digest.omittedPolicies, "more policy", "more policies")): \(sum)"]
        }
        return (totals.reports > 1 ? "\n" : "") + lines.joined(separator: "\n") + "\n"
    }

    /// The sums, where there is more than one report to sum up.
    package mutating func end() -> String {
        guard totals.reports > 1 else { return "" }
        let senders = totals.senders.count
        var lines = [
            "",
            paint("\(grouped(totals.reports)) reports of \(counted(senders, "sender"))", .heading)
                + ", \(totals.period)",
            "  " + outcome(totals.all.successes, totals.all.failures),
        ]
        let types = totals.sortedTypes
        let column = types.map { grouped($0.sessions).utf8.count }.max() ?? 0
        for (type, sessions) in types.prefix(Self.maxTypes) {
            let title = "  \(rightAligned(grouped(sessions), in: column))  "
            lines += hanging(title, flow([safe(type)], width: width - title.utf8.count))
        }
        if types.count > Self.maxTypes { lines.append("  \(grouped(types.count - Self.maxTypes)) more result types") }
        return lines.joined(separator: "\n") + "\n"
    }

    private func describe(_ digest: PolicyDigest) -> [String] {
        let policy = digest.policy
        let name = "\(safe(policy.type.text)) \(safe(policy.domain ?? "(no domain)"))"
        let text = HTML.outcome(successes: digest.successes, failures: digest.failures)
        var lines = heading(name + ":", text, digest.failures > 0 ? .bad : .good, indent: 2)
        if !policy.strings.isEmpty { lines += entry("policy", list(policy.strings), indent: 4) }
        // The lines of an STS policy name the patterns already.
        if !policy.mxHosts.isEmpty, !policy.strings.contains(where: { $0.hasPrefix("mx:") }) {
            lines += entry("mx", list(policy.mxHosts), indent: 4)
        }
        return lines + table(digest)
    }

    /// The kinds of failure in aligned columns: sessions, result type, where and why.
    private func table(_ digest: PolicyDigest) -> [String] {
        var rows = digest.kinds.map { (grouped($0.sessions), safe($0.details.type.text), $0.details.phrases()) }
        if digest.omittedKinds > 0 {
            rows.append(
                (grouped(digest.omittedSessions), "", ["\(counted(digest.omittedKinds, "more kind")) of failure"]))
        }
        if digest.unexplained > 0 { rows.append((grouped(digest.unexplained), "", ["without details"])) }
        guard !rows.isEmpty else { return [] }
        let sessions = max("sessions".utf8.count, rows.map(\.0.utf8.count).max() ?? 0)
        let type = min(max("result".utf8.count, rows.map(\.1.utf8.count).max() ?? 0), Self.maxTypeWidth)
        let indent = 4 + sessions + 2 + type + 2
        // Where figures and types leave no room, the rest goes below them.
        let isNarrow = width - indent < Self.minDetailsWidth
        let title = "\(rightAligned("sessions", in: sessions))  \(padded("result", to: type))"
        var lines = [paint("    \(title)\(isNarrow ? "" : "  where and why")", .aside)]
        for row in rows {
            let margin = "    \(rightAligned(row.0, in: sessions))  "
            let phrases = row.2.dropLast().map { $0 + "," } + row.2.suffix(1)
            if isNarrow || row.1.utf8.count > type {
                lines += hanging(margin, flow([row.1], width: width - margin.utf8.count))
                lines += flow(phrases, width: width - 8).map { "        " + $0 }
            } else {
                lines += hanging(margin + padded(row.1, to: type) + "  ", flow(phrases, width: width - indent))
            }
        }
        return lines.map(withoutTrailingBlanks)
    }

    /// A name and its text, which goes on below itself.
    private func entry(_ name: String, _ phrases: [String], indent: Int) -> [String] {
        let title = String(repeating: " ", count: indent) + padded(name, to: 9)
        return hanging(title, flow(phrases, width: width - title.utf8.count))
    }

    /// The lines behind a title, all but the first below one another.
    private func hanging(_ title: String, _ lines: [String]) -> [String] {
        let margin = String(repeating: " ", count: title.utf8.count)
        return lines.enumerated().map { ($0.offset == 0 ? title : margin) + $0.element }
    }

    /// A name and what is said of it; the latter on a line of its own where the name is long.
    private func heading(_ name: String, _ text: String, _ colour: Colour? = nil, indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        let names = flow([name], width: width - indent).map { margin + paint($0, .heading) }
        let tail = colour.map { paint(text, $0) } ?? text
        guard names.count == 1, indent + name.utf8.count + 1 + text.utf8.count <= width else {
            return names + [margin + "  " + tail]
        }
        return names.map { $0 + " " + tail }
    }

    private func list(_ texts: [String]) -> [String] {
        var shown = texts.prefix(Self.maxPolicyLines).map(safe)
        if texts.count > shown.count { shown.append("\(grouped(texts.count - shown.count)) more") }
        return shown.dropLast().map { $0 + ";" } + shown.suffix(1)
    }

    private func safe(_ text: String) -> String { printable(text, limit: Self.maxText) }

    private func outcome(_ successes: Int, _ failures: Int) -> String {
        let text = HTML.outcome(successes: successes, failures: failures)
        return paint(text, failures > 0 ? .bad : .good)
    }

    private func paint(_ text: String, _ colour: Colour) -> String {
        isColoured ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }
}

private func withoutTrailingBlanks(_ line: String) -> String {
    var line = line[...]
    while line.last == " " { line.removeLast() }
    return String(line)
}
