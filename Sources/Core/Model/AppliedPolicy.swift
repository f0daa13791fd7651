// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT

/// The policy that a session was held to, cheap to compare: its words are made when they are written.
package enum AppliedPolicy: Sendable, Hashable {
    /// The STS policy of the domain; nil when one is announced but could not be had.
    case sts(DomainName, Policy?)
    /// A policy as somebody else reports it, or one that is not STS.
    case reported(ReportedPolicy)

    package static func == (left: AppliedPolicy, right: AppliedPolicy) -> Bool {
        switch (left, right) {
        // The text says all of a policy.
        case (.sts(let leftDomain, let leftPolicy), .sts(let rightDomain, let rightPolicy)):
            leftDomain == rightDomain && (leftPolicy == rightPolicy || leftPolicy?.text == rightPolicy?.text)
        case (.reported(let left), .reported(let right)): left == right
        case (.sts, .reported), (.reported, .sts): false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .sts(let domain, let policy):
            hasher.combine(domain)
            hasher.combine(policy?.text)
        case .reported(let policy): hasher.combine(policy)
        }
    }

    /// What its texts hold in memory, in octets, roughly.
    package var heldOctets: Int {
        switch self {
        case .sts(_, let policy): policy.map { $0.text.utf8.count + $0.mx.count * 64 } ?? 0
        case .reported(let policy): Self.heldOctets(policy.strings) + Self.heldOctets(policy.mxHosts)
        }
    }

    private static func heldOctets(_ texts: [String]) -> Int { texts.reduce(0) { $0 + $1.utf8.count + 32 } }

    /// Octets of lines, and of patterns, that a report shows of a policy of ours; the rest is left out.
    package static let maxReportedOctets = 8192

    /// - RFC 8460 §4.5: Policy Samples.
    package var reported: ReportedPolicy {
        switch self {
        case .sts(let domain, let policy):
            ReportedPolicy(
                .sts, domain: domain.ascii, strings: Self.cut(policy?.lines ?? []) { $0.hasPrefix("mx") },
                mxHosts: Self.cut((policy?.mx ?? []).lazy.map(\.description)))
        case .reported(let policy): policy
        }
    }

    /// What there is room for; only names of hosts are left out.
    private static func cut(_ texts: some Sequence<String>, isHost: (String) -> Bool = { _ in true }) -> [String] {
        var room = maxReportedOctets
        return texts.filter { text in
            guard isHost(text) else { return true }
            room -= text.utf8.count
            return room >= 0
        }
    }
}
