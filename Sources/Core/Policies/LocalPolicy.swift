// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// A policy that the operator gives for a domain: a contract with a partner, or an exception for a broken domain.
///
/// It outranks what the domain publishes, but never DANE. - RFC 8461 §2: Related Technologies.
package struct LocalPolicy: Sendable, Hashable {
    package let domain: DomainName
    /// Whether the domains below are meant too, unless they have an entry of their own.
    package let includesSubdomains: Bool
    package let policy: Policy
    /// The last day on which it applies, UTC; nil for no end.
    package let until: UTCDay?
    /// Why it is there, for a person.
    package let reason: String?

    /// - Parameter mx: at least one pattern unless the mode is none.
    package init(
        domain: DomainName, includesSubdomains: Bool = false, mode: Policy.Mode, mx: [MXPattern],
        until: UTCDay? = nil, reason: String? = nil
    ) {
        self.domain = domain
        self.includesSubdomains = includesSubdomains
        policy = Policy(unpublished: mode, mx: mx)
        self.until = until
        self.reason = reason
    }

    package func applies(at time: UTCTime) -> Bool { until.map { time.day <= $0 } ?? true }
}

/// The operator's policies by domain.
package struct LocalPolicies: Sendable, Hashable {
    private var entries: [DomainName: LocalPolicy] = [:]
    private var reachesDown = false

    /// Of several entries for one domain the first counts.
    package init(_ policies: [LocalPolicy] = []) {
        for policy in policies where entries[policy.domain] == nil {
            entries[policy.domain] = policy
            reachesDown = reachesDown || policy.includesSubdomains
        }
    }

    /// Every entry, in the order of the domains.
    package var all: [LocalPolicy] { entries.values.sorted { $0.domain < $1.domain } }

    /// The entry for the domain itself, or else for the nearest domain above it that includes it; what has ended does
    /// not apply.
    package func entry(for domain: DomainName, at time: UTCTime) -> LocalPolicy? {
        guard !entries.isEmpty else { return nil }
        if let own = entries[domain], own.applies(at: time) { return own }
        guard reachesDown else { return nil }
        var parent = domain.parent
        while let above = parent {
            if let entry = entries[above], entry.includesSubdomains, entry.applies(at: time) { return entry }
            parent = above.parent
        }
        return nil
    }

    /// The policy that applies to the domain.
    package func policy(for domain: DomainName, at time: UTCTime) -> CachedPolicy? {
        entry(for: domain, at: time).map { CachedPolicy($0.policy, of: domain, from: .pinned, at: time) }
    }
}

extension Policy {
    /// A policy that no domain published; its text is what the domain would publish, so that reports can show it.
    package init(unpublished mode: Mode, mx: [MXPattern]) {
        let lines =
            ["version: STSv1", "mode: \(mode.rawValue)"] + mx.map { "mx: \($0)" } + ["max_age: \(UTCDay.seconds)"]
        self.init(
            mode: mode, mx: mx, maxAgeSeconds: UTCDay.seconds, text: lines.map { $0 + "\n" }.joined())
    }
}

extension CachedPolicy {
    /// Where a policy comes from.
    package enum Origin: String, Sendable, Hashable, CaseIterable {
        /// From its domain, by HTTPS.
        case published
        /// From the operator's settings.
        case pinned
        /// From a signed list.
        case preloaded

        /// What stands in place of a published id; no TXT record can have it, since it is not letters and digits.
        fileprivate var id: String { "(\(rawValue))" }
    }

    package var origin: Origin {
        // Asked for each verdict, and nearly always so.
        guard id.utf8.first == UInt8(ascii: "(") else { return .published }
        return Origin.allCases.first { $0 != .published && $0.id == id } ?? .published
    }

    /// A policy that stands by itself: as of today, so that the same day always gives the same value.
    package init(_ policy: Policy, of domain: DomainName, from origin: Origin, at time: UTCTime) {
        self.init(domain: domain, id: origin.id, policy: policy, fetchedAt: time.day.start)
    }
}
