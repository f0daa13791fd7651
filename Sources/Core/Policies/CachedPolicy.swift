// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

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

    /// How long past its end a policy stays in memory and in the store, dead: a clock that was wrong and is put right
    /// then finds it again.
    package static let keptPastEnd = Duration.seconds(30 * 86_400)

    /// Asked at each question, so that a corrected clock corrects the answer.
    package func isLive(at time: UTCTime) -> Bool { time < expiresAt }

    package var life: PolicyLife { PolicyLife(mode: policy.mode, fetchedAt: fetchedAt, expiresAt: expiresAt) }
}

/// When a policy begins and ends, and how strict it is: what is known of it without reading its text.
package struct PolicyLife: Sendable, Hashable {
    package let mode: Policy.Mode
    package let fetchedAt: UTCTime
    package let expiresAt: UTCTime

    package init(mode: Policy.Mode, fetchedAt: UTCTime, expiresAt: UTCTime) {
        self.mode = mode
        self.fetchedAt = fetchedAt
        self.expiresAt = expiresAt
    }

    package func isLive(at time: UTCTime) -> Bool { time < expiresAt }
}
