// SPDX-License-Identifier: Apache-2.0
import Names

/// An MTA-STS policy as its domain published it. - RFC 8461 §3.2: MTA-STS Policies.
package struct Policy: Sendable, Hashable {
    /// What a sender does about a host that does not conform. - RFC 8461 §5: Policy Application.
    package enum Mode: String, Sendable, Hashable, CaseIterable, Codable {
        case enforce, testing, none
    }

    /// Longest lifetime, in seconds; larger published values are capped to it.
    package static let maxAgeLimitSeconds: Int64 = 31_557_600

    package let mode: Mode
    /// At least one unless the mode is none.
    package let mx: [MXPattern]
    /// Lifetime after a successful fetch, in seconds.
    package let maxAgeSeconds: Int64
    /// The body as it was fetched: hostile text, kept for reports only.
    package let text: String

    package init(mode: Mode, mx: [MXPattern], maxAgeSeconds: Int64, text: String) {
        self.mode = mode
        self.mx = mx
        self.maxAgeSeconds = maxAgeSeconds
        self.text = text
    }

    /// Whether some pattern covers the MX host's name. - RFC 8461 §4.1: MX Host Validation.
    package func covers(_ host: DomainName) -> Bool {
        // Made once: a hostile policy holds thousands of patterns.
        let parent = host.parent
        return mx.contains { $0.matches(host, below: parent) }
    }

    /// The lines of the body for a report's policy-string. - RFC 8460 §4.4: errors that may be present are kept.
    package var lines: [String] {
        text.split(whereSeparator: \.isNewline).map { String(trimmed($0)) }.filter { !$0.isEmpty }
    }
}

/// A policy with the circumstances of its last successful fetch.
package struct CachedPolicy: Sendable, Hashable {
    package let domain: DomainName
    /// The TXT record's id when the policy was fetched.
    package let id: String
    package let policy: Policy
    package let fetchedAt: UTCTime

    package init(domain: DomainName, id: String, policy: Policy, fetchedAt: UTCTime) {
        self.domain = domain
        self.id = id
        self.policy = policy
        self.fetchedAt = fetchedAt
    }

    /// - RFC 8461 §3.2: a policy lives for `max_age` from its last fetch.
    package var expiresAt: UTCTime { fetchedAt + .seconds(policy.maxAgeSeconds) }

    package func isLive(at time: UTCTime) -> Bool { time < expiresAt }
}
