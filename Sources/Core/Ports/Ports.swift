// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// Finds the hosts of a next hop.
package protocol Router: Sendable {
    /// - Returns: the route, and how long it may be kept (the shortest TTL seen).
    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration)
}

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
    /// Our own trouble kept us from asking, which says nothing of the domain and is not kept.
    case notAsked(String)
}

/// Tries STARTTLS on one host.
package protocol Prober: Sendable {
    /// Never throws: what goes wrong is what was seen.
    /// - Parameters:
    ///   - routeIsSecure: whether DNSSEC vouches for the MX records, without which DANE does not apply.
    ///   - policyDomain: whose mail asks, by whose owner places are shared out.
    ///   - turn: called with false when the host has to wait for a place of ours, so that what takes time is our doing,
    ///     and with true when it has one.
    func probe(
        _ candidate: MXHost, routeIsSecure: Bool, for policyDomain: DomainName,
        turn: @escaping @Sendable (Bool) -> Void
    ) async -> ProbeResult
}

/// What came of looking at a host.
package enum ProbeResult: Sendable, Hashable {
    case seen(HostEvidence)
    /// Our own trouble kept us from looking, which says nothing of the host and is not kept; the text says what.
    case notTried(String)

    package var evidence: HostEvidence? { if case .seen(let evidence) = self { evidence } else { nil } }
}

/// Counts outcomes; must not block and must not fail.
package protocol Recorder: Sendable {
    func record(_ outcome: Outcome)
}

/// Keeps policies across restarts, and when mail last asked for them.
package protocol PolicyStore: Sendable {
    /// The caller keeps the policy in memory and tries again when this throws.
    func save(_ policy: CachedPolicy) async throws
    /// The caller keeps the uses in memory and tries again when this throws.
    func save(uses: [DomainName: UTCTime]) async throws
    /// Removes the domain's policy and its use.
    func remove(_ domain: DomainName) async throws
}

/// The policies in memory, those that have ended a while ago too: every answer is immediate.
package protocol PolicyMemory: Sendable {
    /// The policy last set, expired or not: the caller decides by the clock whether it is live.
    func policy(for domain: DomainName) -> CachedPolicy?
    /// When the policy begins and ends, without reading its text.
    func life(of domain: DomainName) -> PolicyLife?
    /// The domain's name as it stands here, so that who keeps it too holds the same octets; nil where there is no policy.
    func held(_ domain: DomainName) -> DomainName?
    /// Why the stored policy of the domain cannot be read, although it enforces and is live; nil where there is none
    /// such. A policy that is set takes its place.
    func unreadable(_ domain: DomainName, at time: UTCTime) -> String?
    func set(_ policy: CachedPolicy)
    func remove(_ domain: DomainName)
}

extension PolicyMemory {
    package func life(of domain: DomainName) -> PolicyLife? { policy(for: domain)?.life }
    package func held(_ domain: DomainName) -> DomainName? { life(of: domain) == nil ? nil : domain }
    package func unreadable(_ domain: DomainName, at time: UTCTime) -> String? { nil }
}

/// Answers policy map lookups.
package protocol MapResolver: Sendable {
    /// The answer if memory alone decides it; must not block.
    func cached(_ key: NextHop) -> MapAnswer?
    /// The answer after looking things up; may take long, and goes on although the caller stopped waiting.
    func resolve(_ key: NextHop) async -> MapAnswer
    /// The answer as memory stands when nobody waits any longer: what is not known is `.temporary` or `.notFound`, as
    /// the operator chose. Must not block.
    func decideNow(_ key: NextHop) -> MapAnswer
    /// Whether memory holds a live enforce policy of this domain, for keys that cannot be read; must not block.
    func enforces(_ domain: DomainName) -> Bool
}

/// Says whether DANE authenticates a host, without dialling it.
package protocol DANESurveyor: Sendable {
    func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus
    /// The records that a host of a secure route is held to; nil if there are none, or they cannot be looked up.
    func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy?
}

/// What the DNS says of a host's TLSA records. - RFC 7672 §2.2: TLS Discovery.
package enum DANEStatus: Sendable, Hashable {
    /// Secure records of which at least one is usable: DANE decides.
    case usable
    /// Secure records, none of which is usable: TLS without authentication, so another policy may ask for more.
    case unusable
    /// No records, or none that DNSSEC vouches for.
    case absent
    /// Forged or broken: the host must not be used.
    case bogus(String)
    /// No address can be looked up. The MTA cannot dial the host either, so it is passed over.
    /// - RFC 7672 §2.1.2: DNS Error Handling.
    case unreachable(String)
    /// Nobody knows whether there are records, and the host could be dialled.
    case unknown(String)
}
