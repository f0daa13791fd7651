// SPDX-License-Identifier: Apache-2.0
import Basics

extension Gate {
    /// What the last look at a host found, while it is good.
    func evidence(of host: DomainName, via hop: NextHop) -> HostEvidence? {
        let now = clock.now
        return route(to: hop, at: now).flatMap { resolver.hosts.cached(host, on: $0, at: now) }
    }

    /// The TLSA records that a host of the next hop is held to; nil where DANE does not decide about it.
    func tlsaPolicy(of host: DomainName, via hop: NextHop) async -> TLSAPolicy? {
        guard let route = await resolver.routes.resolve(hop).found, route.isSecure,
            let candidate = route.candidates.first(where: { $0.name == host })
        else { return nil }
        return await resolver.dane.tlsaPolicy(of: candidate)
    }

    /// Learns from a delivery: a host that proved itself to the MTA needs no probe, one that failed is looked at anew.
    ///
    /// Only an MTA that is held to the policy by the policy map asks of a host what the policy does, and only there does
    /// it not matter that the host may have other addresses.
    func note(_ session: ObservedSession, via hop: NextHop) {
        let now = clock.now
        guard let host = session.host, let route = route(to: hop, at: now) else { return }
        switch session.result {
        case .verified:
            guard enforcement(settings.value, for: [hop]) == .milterAndPolicyMap, let address = session.address,
                session.isFresh(at: now)
            else { return }
            let known = resolver.hosts.cached(host, on: route, at: now)
            if case .failing = known { return resolver.hosts.forget(host, on: route) }
            let facts: TLSFacts? = if case .conforming(let facts) = known { facts } else { nil }
            // Where there may be TLSA records, nobody knows by what the host proved itself.
            if facts == nil, route.isSecure { return }
            resolver.hosts.note(.conforming(facts ?? .delivered(at: address)), of: host, on: route, at: now)
        case .failed where !session.isOutsidePolicy && session.isFresh(at: now):
            guard route.candidates.contains(where: { $0.name == host }) else { return }
            resolver.hosts.forget(host, on: route)
            judgements.remove(hop)
        case .failed, .trusted, .untrusted, .plaintext, .notWanted, .refusedByMap: return
        }
    }

    private func route(to hop: NextHop, at now: UTCTime) -> Route? {
        resolver.routes.cached(hop, at: now)?.found
    }
}

extension TLSFacts {
    /// What is known of a host that the MTA itself has seen conform.
    fileprivate static func delivered(at address: IPAddress) -> TLSFacts {
        TLSFacts(
            address: address, version: "", cipher: "", subject: "", issuer: "", notBefore: nil, notAfter: nil,
            names: [],
            authentication: .pkix)
    }
}
