// SPDX-License-Identifier: Apache-2.0

extension StatusReport {
    /// Entries of a list that are shown; JSON has the others.
    private static let mostShown = 20

    /// The report for a terminal, the most urgent first.
    package var lines: [String] {
        var lines = [
            "sts-milter \(version), milter at \(milter.socket), "
                + (isServing ? amount(milter.connections, "connection") : "which does NOT answer: restart sts-milter")
        ]
        if let dryRun { lines.append(dryRun) }
        let troubles = lights.filter { $0.state != .good }
        lines += troubles.map { "\($0.state == .bad ? "BAD" : "LOOK"): \($0.text)" }
        // What is said above is not said again.
        return lines + details.filter { line in !troubles.contains { $0.text == line } }
    }

    /// For a monitoring system as Nagios: its exit code, and a line on all of it. - Nagios Plugins Development Guidelines.
    package var check: (exitCode: Int32, line: String) {
        let bad = lights.filter { $0.state == .bad }
        let troubles = bad + lights.filter { $0.state == .warning }
        let word = !bad.isEmpty ? "BAD" : troubles.isEmpty ? "OK" : "LOOK"
        let first =
            troubles.first?.text ?? "the milter at \(milter.socket) answers, \(policies.count) policies in memory"
        let more = troubles.count > 1 ? " (and \(troubles.count - 1) more)" : ""
        return (!bad.isEmpty ? 2 : troubles.isEmpty ? 0 : 1, "sts-milter \(word): \(first)\(more)")
    }

    /// What a dry run is, in words; nil without one.
    package var dryRun: String? {
        isDryRun ? "dry run: on_violation = \"log\", so milter and policy map hold no mail to a policy" : nil
    }

    private var details: [String] {
        var lines = heldLines
        lines.append("enforcement \(enforcement), \(policies.count) policies in memory\(modes)")
        if let oldest = policies.oldestFetch {
            lines.append("policy that was not fetched for longest: \(oldest.age(at: at))")
        }
        if policies.unsaved > 0 { lines.append("\(policies.unsaved) policies not written to the store yet") }
        lines.append(
            policyMap.map { "policy map at \($0.socket), \(amount($0.connections, "connection"))" } ?? "no policy map")
        lines.append("last heard of the MTA: \(heard)")
        lines.append(dnssec.text)
        lines += intake.isEmpty ? [Self.noIntake] : intake.flatMap(\.lines)
        lines += notes
        lines += reportLines
        if let fleet { lines.append(fleet.line(at: at)) }
        lines.append(
            "store \(store.path), \(size(store.octets))"
                + (store.lastWrite.map { ", written \($0.age(at: at))" } ?? ", not written since the start"))
        lines += shown(policies.nearExpiry) { trouble in
            "policy of \(trouble.domain) ends at \(trouble.end) and cannot be fetched: \(trouble.cause ?? "")"
        }
        lines += shown(policies.lost) { trouble in
            "policy of \(trouble.domain) ran out at \(trouble.end), every fetch failed: mail to it is unprotected"
        }
        return lines
    }

    private static let noIntake = "no intake: reports count the milter's verdicts, not the MTA's deliveries"

    private var modes: String {
        let live = [(policies.enforce, "enforce"), (policies.testing, "testing"), (policies.none, "none")]
        let parts =
            live.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            + (policies.ended > 0 ? ["\(policies.ended) ended"] : [])
        return parts.isEmpty ? "" : ": " + parts.joined(separator: ", ")
    }

    /// By each way on which it can be heard.
    package var heard: String {
        var ways = [("milter", milter.lastHeard)]
        if let policyMap { ways.append(("policy map", policyMap.lastHeard)) }
        if let last = intake.compactMap(\.lastHeard?.time).max() {
            ways.append(("log", Stamp(last)))
        } else if !intake.isEmpty {
            ways.append(("log", nil))
        }
        return ways.map { "\($0.0) \($0.1?.age(at: at) ?? "never")" }.joined(separator: ", ")
    }

    private var heldLines: [String] {
        guard !held.isEmpty else { return ["mail held now: none"] }
        var rows = [["DOMAIN", "HOST", "SINCE", "LAST TRY", "MESSAGES", "DELIVERIES"]]
        for one in held.prefix(Self.mostShown) {
            rows.append([
                one.domain, one.host ?? "-", one.since.age(at: at), one.lastTry.age(at: at), "\(one.messages)",
                "\(one.deliveries)",
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let table = rows.map { row in
            "  "
                + zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
                .joined(separator: "  ").trimmingTrailingSpaces
        }
        var lines = ["mail held now: \(amount(held.count + heldMore, "domain"))", table[0]]
        for (row, one) in zip(table.dropFirst(), held) {
            lines.append(row)
            lines.append("    why: \(one.resultType.map { "\($0): " } ?? "")\(one.reason)")
            lines.append("    do: \(one.whatToDo)")
        }
        let more = held.count + heldMore - min(held.count, Self.mostShown)
        if more > 0 { lines.append("  and \(amount(more, "more domain")): status --json") }
        return lines
    }

    private var reportLines: [String] {
        if let obstacle = reports.obstacle { return [obstacle] }
        var parts = ["reports: \(reports.due) due"]
        parts += reports.counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        if reports.suppressed > 0 { parts.append("\(amount(reports.suppressed, "destination")) left alone") }
        parts.append(reports.lastRun.map { "last day finished \($0.age(at: at))" } ?? "no day finished yet")
        if !reports.isDaily { parts.append("report.schedule is \(reports.isExported ? "export" : "off")") }
        return [parts.joined(separator: ", ")]
            + shown(reports.failures) { failure in
                "report \(failure.day) of \(failure.domain) \(failure.state): \(failure.destination): \(failure.text)"
            }
    }

    private func shown<Element>(_ list: [Element], _ line: (Element) -> String) -> [String] {
        let more = list.count - min(list.count, Self.mostShown)
        return list.prefix(Self.mostShown).map(line) + (more > 0 ? ["and \(more) more: status --json"] : [])
    }
}

extension IntakeSource {
    fileprivate var lines: [String] {
        guard kind != .datagrams else {
            return ["tlsrpt datagrams at \(place): \(sessions) received, \(unreadable) unreadable, \(lost) lost"]
        }
        let name = kind == .postfixLog ? "postfix" : "sendmail"
        let lag = lagSeconds.map { $0 > Self.lagSaid ? ", \(span($0)) behind" : "" } ?? ""
        var lines = ["\(name) log: \(place), \(sessions) sessions\(lag)\(problem.map { "; \($0)" } ?? "")"]
        if unreadable > 0 {
            lines.append(
                "\(name) log: \(unreadable) lines tell of sessions and cannot be read, the first: \(sample)")
        }
        return lines
    }

    /// Seconds that a log may be behind before it is said.
    private static let lagSaid: Int64 = 10
}

/// The number with its noun.
package func amount(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

/// Octets in a unit that fits.
package func size(_ octets: Int) -> String {
    switch octets {
    case ..<1024: "\(octets) octets"
    case ..<(1 << 20): "\(octets >> 10) KiB"
    default: "\(octets >> 20) MiB"
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

extension FleetReport {
    fileprivate func line(at: Stamp) -> String {
        let waiting =
            batchesWaiting == 0
            ? "nothing waits"
            : "\(batchesWaiting == 1 ? "1 batch" : "\(batchesWaiting) batches") of counts wait, from \(oldestWaiting ?? "") on"
        let clock =
            clockAheadSeconds.map {
                ", this machine's clock is \(abs($0)) s \($0 > 0 ? "ahead of" : "behind") the database's"
            }
            ?? ""
        guard !isWorking else { return "fleet: the database answers, \(waiting)\(clock)" }
        return
            "fleet: the database cannot be used\(since.map { ", since \($0.age(at: at))" } ?? ""), \(waiting): \(problem ?? "")"
    }
}
