// SPDX-License-Identifier: Apache-2.0
import Names

/// Finds the hosts of a next hop.
package protocol Router: Sendable {
    /// - Returns: the route, and how long it may be kept (the shortest TTL seen).
    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration)
}

/// Asks the network for a domain's policy.
package protocol PolicyDiscoverer: Sendable {
    /// The TXT record; `nil` in `.unavailable` cases is never "absent".
    func record(for domain: DomainName) async -> RecordFinding
    /// The policy by HTTPS. The caller keeps any cached policy when this throws.
    func fetch(for domain: DomainName) async throws(PolicyFailure) -> Policy.Reading
}

/// What the DNS said about a domain's STS record.
package enum RecordFinding: Sendable, Hashable {
    case found(STSRecord.Finding)
    /// No answer, SERVFAIL, or a bogus one: the text says which.
    case unavailable(String)
}

/// Tries STARTTLS on one host.
package protocol Prober: Sendable {
    /// Never throws: what goes wrong is what was seen.
    /// - Parameter routeIsSecure: whether DNSSEC vouches for the MX records, without which DANE does not apply.
    func probe(_ candidate: Candidate, routeIsSecure: Bool) async -> HostEvidence
}

/// Counts outcomes; must not block and must not fail.
package protocol Recorder: Sendable {
    func record(_ outcome: Outcome)
}

/// Keeps policies across restarts.
package protocol PolicyStore: Sendable {
    /// The caller keeps the policy in memory and tries again when this throws.
    func save(_ policy: CachedPolicy) async throws
    func remove(_ domain: DomainName) async throws
}

/// Tells the time, so that tests can set it.
package protocol WallClock: Sendable {
    var now: UTCTime { get }
}

/// The live policies, in memory: every answer is immediate.
package protocol PolicyMemory: Sendable {
    /// The policy last set, expired or not.
    func policy(for domain: DomainName) -> CachedPolicy?
    func set(_ policy: CachedPolicy)
    func remove(_ domain: DomainName)
}
