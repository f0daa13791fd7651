// SPDX-License-Identifier: Apache-2.0
import Basics

/// What a policy map is to say about one key, before it is put into an MTA's words.
package enum MapAnswer: Sendable, Hashable {
    /// Nothing is to be enforced: the MTA goes on by its own settings.
    case notFound
    /// Not known, or not to be delivered now: the MTA tries again. The text is for a log.
    case temporary(String)
    /// What the DNS says of the MX hosts or their TLSA records fails DNSSEC validation: not to be delivered now. The text is
    /// for a log.
    case bogus(String)
    /// DANE authenticates the MX hosts, whatever a policy says. - RFC 8461 §2: Related Technologies.
    ///
    /// An MTA that cannot do DANE is still held to what the policy says beside it.
    indirect case dane(besides: MapAnswer)
    /// Some hosts have TLSA records and none has to be more than these ask for, since no policy does: each host by what it
    /// has. The MTA looks itself. - RFC 7672 §2.2: TLS Discovery.
    indirect case daneWherePresent(besides: MapAnswer)
    /// An enforce policy.
    case enforce(CachedPolicy, MXSet)
    /// A testing policy, or an enforce policy in a dry run: only an operator's choice makes it more than `.notFound`.
    case testing(CachedPolicy)
    /// A policy that is announced but cannot be fetched, and no older one applies: as above.
    case failed(PolicyFailure)
}

/// The MX hosts that were looked up for an enforce policy. MTAs take its wildcards for any depth, and those that compare
/// certificates alone would take a host outside the policy that shows the certificate of one inside.
package enum MXSet: Sendable, Hashable {
    /// Nobody asked for them.
    case unneeded
    case known([DomainName])
    /// Of those that the policy covers only these may be used, whether it has wildcards or not.
    case only([DomainName])
    /// The lookup failed; the text says how.
    case unknown(String)
}

extension MapAnswer {
    /// Whether DANE decides at hosts that have TLSA records.
    var leavesItToDANE: Bool {
        switch self {
        case .dane, .daneWherePresent: true
        case .notFound, .temporary, .bogus, .enforce, .testing, .failed: false
        }
    }
}

extension CachedPolicy {
    /// Whether some pattern is a wildcard.
    package var hasWildcard: Bool { policy.mx.contains { $0.isWildcard } }

    /// The exact names that stand for the policy: its own, and of `hosts` those that its wildcards cover by exactly one
    /// label. A forged host can only be left out, never let in.
    package func names(among hosts: [DomainName]) -> [DomainName] {
        var names = policy.mx.filter { !$0.isWildcard }.map(\.domain)
        for host in hosts where !names.contains(host) && policy.covers(host) { names.append(host) }
        return names
    }
}
