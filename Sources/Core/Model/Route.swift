// SPDX-License-Identifier: Apache-2.0
import Basics

/// The hosts that an MTA may dial for one next hop.
package struct Route: Sendable, Hashable {
    package let policyDomain: DomainName
    /// The hosts that are looked at, in order of preference, best first; empty only if there are invalidTargets.
    package let candidates: [MXHost]
    /// Hosts past the most that are looked at, judged by their names alone.
    package let unprobed: [DomainName]
    /// What else the MX records name that is no host name, such as an address: an MTA may dial it all the same, and no
    /// policy can cover it. Safe to print.
    package let invalidTargets: [String]
    /// Whether DNSSEC vouches for the list, which DANE needs. - RFC 7672 §2.2.1: MX resolution.
    package let isSecure: Bool

    package init(
        policyDomain: DomainName, candidates: [MXHost], unprobed: [DomainName] = [],
        invalidTargets: [String] = [], isSecure: Bool
    ) {
        self.policyDomain = policyDomain
        self.candidates = candidates
        self.unprobed = unprobed
        self.invalidTargets = invalidTargets
        self.isSecure = isSecure
    }
}

/// One host of a route.
package struct MXHost: Sendable, Hashable {
    /// The name of the MX record, which policy and certificate must match.
    package let name: DomainName
    package let preference: UInt16
    package let port: UInt16

    package init(name: DomainName, preference: UInt16, port: UInt16) {
        self.name = name
        self.preference = preference
        self.port = port
    }
}

extension MXHost: TableKey {
    package var tableHash: UInt64 { KeyedHash.hash(name.tableHash, UInt64(preference) << 16 | UInt64(port)) }

    package func hash(into hasher: inout Hasher) { hasher.combine(tableHash) }
}

/// Why there is no route to judge.
package enum RouteError: Error, Sendable, Hashable {
    /// The domain takes no mail: the MTA bounces. - RFC 7505 §3: MX Resource Records Specifying Null MX.
    ///
    /// Only where DNSSEC vouches for it is there nothing to judge. Somebody who forges MX answers can give us this one,
    /// and the MTA a host of their own.
    case nullMX(isSecure: Bool)
    /// The domain or every one of its hosts does not exist: the MTA bounces. Forged as easily as a null MX.
    case noSuchDomain(isSecure: Bool)
    /// The answer fails DNSSEC validation: somebody may have forged it, so no host in it may be used.
    case bogus(String)
    /// The DNS did not answer: nothing is known, ask again.
    case unavailable(String)
    /// A failure of our own kept us from asking, which says nothing of the domain and is not kept.
    /// - Parameter concernsAll: whether nobody's route can be asked for now.
    case notAsked(String, concernsAll: Bool = false)
}
