// SPDX-License-Identifier: Apache-2.0
import TLSRPT

/// What is known of a domain's policy.
package enum PolicyLookup: Sendable, Hashable {
    /// A live policy: fresh, or cached and not expired.
    case policy(CachedPolicy)
    /// The domain announces none.
    case absent
    /// One is announced that cannot be fetched, and no older one applies: delivery goes on as if there were none.
    /// - RFC 8461 §3.3: HTTPS Policy Fetching.
    case failed(PolicyFailure)
    /// The DNS did not say whether there is one.
    case unknown(String)
    /// A live enforce policy is stored whose text cannot be read: nothing may be concluded until it is fetched anew.
    case unreadable(String)
}

extension PolicyLookup {
    /// The policy that applies; nil where none does.
    package var cached: CachedPolicy? { if case .policy(let cached) = self { cached } else { nil } }
}

/// Why an announced policy cannot be fetched or read. - RFC 8460 §4.3.2.2: MTA-STS-specific Policy Failures.
package struct PolicyFailure: Error, Sendable, Hashable {
    /// One of the three `sts-*` types.
    package let type: ResultType
    /// What a person reads, safe to print.
    package let text: String

    package init(_ type: ResultType, _ text: String) {
        self.type = type
        self.text = text
    }
}
