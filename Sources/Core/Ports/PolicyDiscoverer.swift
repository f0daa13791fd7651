// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// Asks the network for a domain's policy.
package protocol PolicyDiscoverer: Sendable {
    /// The TXT record; `nil` in `.unavailable` cases is never "absent".
    func record(for domain: DomainName) async -> RecordLookup
    /// The policy by HTTPS. The caller keeps any cached policy when this throws.
    /// - Parameter isRenewal: whether a live policy is cached, whose renewal must not wait behind strangers.
    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading
}

/// What the DNS said about a domain's STS record.
package enum RecordLookup: Sendable, Hashable {
    case found(STSRecord.Finding)
    /// No answer, SERVFAIL, or a bogus one: the text says which.
    case unavailable(String)
    /// A failure of our own kept us from asking, which says nothing of the domain and is not kept.
    case notAsked(String)
}

/// Why a policy was not fetched.
package enum FetchError: Error, Sendable, Hashable {
    /// The domain's part: no older policy applying, there is none. - RFC 8461 §3.3: HTTPS Policy Fetching.
    case failed(PolicyFailure)
    /// Our own part, such as too many fetches under way: it says nothing of the domain. The text is safe to print.
    case notTried(String)
}
