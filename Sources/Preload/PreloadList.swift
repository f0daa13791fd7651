// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// A list of policies in the format of STARTTLS Everywhere, version 0.1.
///
/// Lookups are exact: a policy for `example.org` says nothing of `lists.example.org`.
/// Deviation: a suffix of a list covers one label. The format's two texts differ, one label or any number of them; the
/// stricter reading never lets a host in that the other keeps out.
package struct PreloadList: Sendable, Hashable {
    /// Largest list read, in bytes.
    package static let limitBytes = 16 << 20
    /// What every list says of itself.
    package static let version = "0.1"

    /// When the list was made; later lists have later ones.
    package let timestamp: UTCTime
    /// From then on the list does not apply.
    package let expires: UTCTime
    package let author: String?
    package let policies: [DomainName: Policy]
    /// What its maker should mend although the list can be used, safe to print.
    package let warnings: [String]

    init(
        timestamp: UTCTime, expires: UTCTime, author: String?, policies: [DomainName: Policy], warnings: [String] = []
    ) {
        self.timestamp = timestamp
        self.expires = expires
        self.author = author
        self.policies = policies
        self.warnings = warnings
    }

    package func isExpired(at time: UTCTime) -> Bool { time >= expires }

    /// The policy that applies to the domain; nil if there is none, or the list has expired.
    /// - Parameter earlyAdopter: whether testing policies are enforced.
    package func policy(for domain: DomainName, at time: UTCTime, earlyAdopter: Bool = false) -> CachedPolicy? {
        guard !isExpired(at: time), let listed = policies[domain] else { return nil }
        let isPromoted = earlyAdopter && listed.mode == .testing
        let policy = isPromoted ? Policy(unpublished: .enforce, mx: listed.mx) : listed
        return CachedPolicy(policy, of: domain, from: .preloaded, at: time)
    }
}
