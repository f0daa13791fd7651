// SPDX-License-Identifier: Apache-2.0
import Names

/// The hosts that an MTA may dial for one next hop.
package struct Route: Sendable, Hashable {
    package let nextHop: NextHop
    package let policyDomain: DomainName
    /// In order of preference, best first; never empty.
    package let candidates: [Candidate]
    /// Whether DNSSEC vouches for the list, which DANE needs. - RFC 7672 §2.2.1: MX resolution.
    package let isSecure: Bool

    package init(nextHop: NextHop, policyDomain: DomainName, candidates: [Candidate], isSecure: Bool) {
        self.nextHop = nextHop
        self.policyDomain = policyDomain
        self.candidates = candidates
        self.isSecure = isSecure
    }
}

/// One host of a route.
package struct Candidate: Sendable, Hashable {
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

/// Why there is no route to judge.
package enum RouteError: Error, Sendable, Hashable {
    /// The domain takes no mail: the MTA bounces, there is nothing to judge. - RFC 7505 §3: MX Resource Records Specifying Null MX.
    case nullMX
    /// The domain or every one of its hosts does not exist: the MTA bounces.
    case noSuchDomain
    /// The answer fails DNSSEC validation: somebody may have forged it, so no host in it may be used.
    case bogus(String)
    /// The DNS did not answer: nothing is known, ask again.
    case unavailable(String)
}
