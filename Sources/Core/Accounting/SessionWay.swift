// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// What is known of a recipient domain when its sessions are counted.
struct DomainFinding: Sendable {
    /// The MX hosts, as far as they matter.
    enum Hosts: Sendable {
        case known(Set<DomainName>)
        /// They could not be looked up.
        case unknown
        /// Somebody said that the mail goes by these records, whatever hosts they name.
        case vouchedFor
    }

    let domain: DomainName
    let hop: NextHop
    let policy: PolicyLookup
    var hosts = Hosts.vouchedFor
    /// When the policy map was last asked for the domain as a next hop of its own.
    var askedAt: UTCTime?
}

/// A next hop of the site's own that leads to a server.
struct RelayFinding: Sendable {
    let hop: NextHop
    /// When the policy map was asked for it.
    let askedAt: UTCTime
    /// Whether the next hop names the server, and not a domain whose MX host it is.
    let isNamed: Bool
    let policy: PolicyLookup
}

/// For which domain a session counts.
enum SessionWay: Sendable {
    case counts(for: DomainName, NextHop, PolicyLookup)
    case leftOut(AccountedSessions.LeftOut)

    /// How long before a delivery the MTA asks the map, at the most; it asks for each.
    private static let askedBefore = Duration.seconds(300)

    /// Decides by what was said and seen, in the order of how sure it is.
    init(of session: ObservedSession, _ finding: DomainFinding, relay: RelayFinding?) {
        // One that was not asked for of late took no mail now.
        let relay = relay.flatMap { $0.askedAt + Self.askedBefore >= session.time ? $0 : nil }
        let own = SessionWay.counts(for: finding.domain, finding.hop, finding.policy)
        guard !session.isDialledByAddress else {
            self = .leftOut(.byAddress)
            return
        }
        // A content filter, or a relay: mail goes to another port before it goes its way.
        guard finding.hop.isOn(session.port) else {
            if let relay, let domain = relay.hop.policyDomain, relay.hop.isOn(session.port) {
                self = .counts(for: domain, relay.hop, relay.policy)
            } else {
                self = .leftOut(.otherHost)
            }
            return
        }
        // Postfix itself says that an MX record named the host.
        guard session.host != nil || session.cutHost != nil, !session.isOutsidePolicy, !session.hasDatagram else {
            self = own
            return
        }
        if case .known(let hosts) = finding.hosts, hosts.contains(where: session.isMet(by:)) {
            self = own
            return
        }
        if let relay, let domain = relay.hop.policyDomain, !Self.isOwn(session, finding, besides: relay) {
            self = .counts(for: domain, relay.hop, relay.policy)
            return
        }
        if let askedAt = finding.askedAt, askedAt + Self.askedBefore >= session.time {
            self = own
            return
        }
        switch finding.hosts {
        case .vouchedFor: self = own
        case .known: self = .leftOut(.otherHost)
        // A host that the policy names is one of the domain's. Of one whose name the log has cut nobody can tell.
        case .unknown: self = session.host.map(finding.policy.covers) ?? true ? own : .leftOut(.wayUnknown)
        }
    }

    /// Whether the mail went by the domain's own records, although a relay leads to the server, too. The relay that was
    /// asked for by name and last is where it went.
    private static func isOwn(_ session: ObservedSession, _ finding: DomainFinding, besides relay: RelayFinding) -> Bool
    {
        guard let askedAt = finding.askedAt else { return false }
        if relay.isNamed, relay.askedAt > askedAt { return false }
        return askedAt + askedBefore >= session.time
    }
}

extension ObservedSession {
    /// Whether the host may be the session's.
    func isMet(by host: DomainName) -> Bool { self.host == host || (cutHost?.matches(host) ?? false) }

    /// The session with the host's name in full, if one alone of the hosts may be it.
    func named(from hosts: Set<DomainName>) -> ObservedSession {
        guard host == nil, cutHost != nil else { return self }
        let fitting = hosts.filter(isMet)
        guard fitting.count == 1, let host = fitting.first else { return self }
        var named = self
        named.host = host
        return named
    }
}

extension NextHop {
    /// Whether the next hop is dialled at the port; nil is any.
    fileprivate func isOn(_ port: UInt16?) -> Bool {
        switch self {
        case .mx(_, let own), .host(_, let own), .address(_, let own): port == nil || port == own
        }
    }
}

extension PolicyLookup {
    fileprivate func covers(_ host: DomainName) -> Bool {
        if case .policy(let cached) = self { cached.policy.covers(host) } else { false }
    }
}
