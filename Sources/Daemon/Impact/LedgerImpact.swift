// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Settings
import Store
import TLSRPT

extension Impact {
    /// Longest time that can be asked for, in days: what the ledger may keep.
    package static let maxDays = 3660

    /// Reads from the ledger, beside a daemon that may be running, what was held back, or would have been but for
    /// `on_violation = "log"`.
    /// - Parameter days: how many, today included.
    package static func ofLedger(in workspace: Workspace, days: Int) async throws -> Impact {
        let store = try workspace.openStore()
        let last = SystemClock().now.day
        let first = last.advanced(by: 1 - Int64(days))
        let (held, sessions) = try await store.heldMail(from: first, through: last)
        var remarks: [String] = []
        if sessions == 0 { remarks.append(whyNone(workspace.settings)) }
        if held.count >= Store.maxHeldDomains {
            remarks.append("more than \(held.count) domains: the others are not told")
        }
        return Impact(
            source: .ledger, firstDay: "\(first)", lastDay: "\(last)", deliveries: sessions,
            domains: held.map(Domain.init).sorted(by: Domain.precedes), leftOut: [], remarks: remarks)
    }

    /// What a store without a session is mostly due to.
    private static func whyNone(_ settings: Settings) -> String {
        let instead = "sts-milter impact --mail-log FILE asks the MTA's log instead"
        return !settings.intake.isAny
            ? "nothing of [intake] is set, so that only the milter's own verdicts would count, and it had no mail: sts-milter check-mta says what the MTA lacks; \(instead)"
            : "no mail went out, or what the MTA tells of it is not read: sts-milter status says so; \(instead)"
    }
}

extension Impact.Domain {
    fileprivate init(_ mail: HeldCounts) {
        let isOfPolicy = mail.kinds.keys.contains { if case .known(let type) = $0.type { !type.isDANE } else { true } }
        self.init(
            domain: mail.domain.ascii, deliveries: mail.sessions, held: mail.held, mode: isOfPolicy ? "enforce" : nil,
            outcome: .held, verdict: nil, reasons: Self.reasons(mail))
    }

    /// Kinds of one text together, those of most sessions first.
    private static func reasons(_ mail: HeldCounts) -> [Impact.Reason] {
        var found: [String: (sessions: Int, hosts: [String: Int])] = [:]
        for (kind, count) in mail.kinds {
            var one = found[kind.inWords] ?? (0, [:])
            one.sessions = saturatingSum(one.sessions, count)
            if let host = kind.receivingMXHostname {
                one.hosts[printable(host, limit: DomainName.maxOctets), default: 0] += count
            }
            found[kind.inWords] = one
        }
        if mail.others > 0 { found["other failures", default: (0, [:])].sessions += mail.others }
        return found.sorted { ($1.value.sessions, $0.key) < ($0.value.sessions, $1.key) }.map { text, one in
            let hosts = one.hosts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
            return Impact.Reason(text: text, hosts: hosts, sessions: one.sessions)
        }
    }
}
