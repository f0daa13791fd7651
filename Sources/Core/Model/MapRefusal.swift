// SPDX-License-Identifier: Apache-2.0

/// Why the policy map let no delivery go, where that is the domain's failure and not that of a lookup.
package enum MapRefusal: Sendable, Hashable {
    /// The policy covers none of the MX hosts. - RFC 8461 §4.1: MX Host Validation.
    case noHostInPolicy(CachedPolicy)
    /// What the DNS says of the hosts fails DNSSEC validation.
    case bogus
}

extension MapAnswer {
    /// Why the answer is "try again later", as far as it is the domain's failure. Whether the MTA was told so is the
    /// operator's choice: the MTA's log says it.
    package var refusal: MapRefusal? {
        switch self {
        case .bogus: .bogus
        case .enforce(let cached, .known(let hosts)) where !hosts.contains(where: cached.policy.covers):
            .noHostInPolicy(cached)
        case .enforce, .notFound, .temporary, .dane, .daneWherePresent, .testing, .failed: nil
        }
    }
}
