// SPDX-License-Identifier: Apache-2.0
import Basics

extension Gate {
    /// What the last look at a host found, while it is good.
    func evidence(of host: DomainName, via hop: NextHop) -> HostEvidence? {
        probeKey(of: host, via: hop).flatMap { evidence.value(for: $0, at: clock.now) }
    }

    /// Learns from a delivery: a host that proved itself to the MTA needs no probe, one that failed is looked at anew.
    ///
    /// Only an MTA that is held to the policy by the policy map asks of a host what the policy does, and only there does
    /// it not matter that the host may have other addresses.
    func note(_ session: ObservedSession, via hop: NextHop) {
        guard let host = session.host, let key = probeKey(of: host, via: hop) else { return }
        let now = clock.now
        let settings = settings.withLock { $0 }
        switch session.result {
        case .verified:
            guard settings.enforcement == .milterAndPolicyMap, let address = session.address, isFresh(session, now)
            else {
                return
            }
            let known = evidence.value(for: key, at: now)
            if case .failing = known { return evidence.remove(key) }
            let facts: TLSFacts? = if case .conforming(let facts) = known { facts } else { nil }
            evidence.set(
                .conforming(facts ?? .delivered(at: address)), for: key, at: now, keepFor: settings.conformingFor)
        case .failed where !session.isOutsidePolicy && isFresh(session, now):
            evidence.remove(key)
            standing.remove(hop)
        case .failed, .trusted, .untrusted, .plaintext: return
        }
    }

    /// A log that is read again from its start says nothing about a host as it is now.
    private func isFresh(_ session: ObservedSession, _ now: UTCTime) -> Bool {
        now - session.time < Self.deliveryStandsFor && session.time <= now + Self.deliveryStandsFor
    }

    private func probeKey(of host: DomainName, via hop: NextHop) -> ProbeKey? {
        guard case .route(let route) = routes.known(hop, at: clock.now),
            let candidate = route.candidates.first(where: { $0.name == host })
        else { return nil }
        return ProbeKey(
            candidate: candidate, routeIsSecure: route.isSecure, generation: generation.load(ordering: .relaxed))
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
