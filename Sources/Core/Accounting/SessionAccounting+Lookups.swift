// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

extension SessionAccounting {
    /// A host that a next hop leads to.
    struct HostOnWay: Hashable, Sendable {
        let host: DomainName
        let hop: NextHop
    }

    /// What is known of the domains before the deadline; nil for one whose mail takes a way that nobody can name.
    func findings(
        for domains: Set<DomainName>, until deadline: ContinuousClock.Instant
    ) async -> [DomainName: DomainFinding?] {
        var findings = await answers(about: domains, until: deadline) { [self] in await finding(for: $0) }
        for domain in domains where findings[domain] == nil {
            findings.updateValue(lateFinding(for: domain), forKey: domain)
        }
        return findings
    }

    /// The way of a domain's mail as far as the milter was told.
    private enum Way {
        /// By this next hop, of this domain.
        case by(NextHop, of: DomainName)
        /// By one of several relays: nobody says which of them took the mail.
        case several
        case unknown
    }

    private func way(of domain: DomainName) -> Way {
        guard let known = hops.hops(of: domain) else { return .unknown }
        guard known.count == 1, let hop = known.first, let other = hop.policyDomain else { return .several }
        return .by(hop, of: other)
    }

    private func finding(for domain: DomainName) async -> DomainFinding? {
        switch way(of: domain) {
        case .several: return nil
        case .by(let hop, let other):
            return DomainFinding(domain: other, hop: hop, policy: await policies.resolve(other))
        case .unknown:
            let own = NextHop.mx(of: domain, port: NextHop.smtpPort)
            async let policy = policies.resolve(domain)
            async let route = routes.resolve(own)
            return finding(for: domain, own, await policy, await route)
        }
    }

    /// What memory says where the lookups take too long: their mail went somewhere, and is counted as well as can be told.
    private func lateFinding(for domain: DomainName) -> DomainFinding? {
        let late = PolicyLookup.unknown("lookup still running")
        switch way(of: domain) {
        case .several: return nil
        case .by(let hop, let other):
            return DomainFinding(domain: other, hop: hop, policy: policies.cached(other) ?? late)
        case .unknown:
            let own = NextHop.mx(of: domain, port: NextHop.smtpPort)
            return finding(for: domain, own, policies.cached(domain) ?? late, routes.cached(own, at: policies.now))
        }
    }

    private func finding(
        for domain: DomainName, _ own: NextHop, _ policy: PolicyLookup, _ route: RouteLookup?
    ) -> DomainFinding {
        var finding = DomainFinding(
            domain: domain, hop: own, policy: policy, hosts: route?.found.map { .known($0.hosts) } ?? .unknown)
        if let note = mapKeys.note(of: domain), note.hop == own { finding.askedAt = note.askedAt }
        return finding
    }

    /// The hosts to which next hops lead, as far as they are known before the deadline.
    func hosts(
        of hops: Set<NextHop>, until deadline: ContinuousClock.Instant
    ) async -> [NextHop: Set<DomainName>] {
        await answers(about: hops, until: deadline) { [routes] hop in
            if case .host(let host, _) = hop { return [host] }
            return await routes.resolve(hop).found?.hosts ?? []
        }
    }

    /// The next hops of the site's own that lead to servers which are no MX hosts of the recipients' domains.
    func relays(
        to hosts: Set<DomainName>, until deadline: ContinuousClock.Instant
    ) async -> [DomainName: RelayFinding?] {
        guard !hosts.isEmpty else { return [:] }
        // All at once: some of them may be of domains whose name servers say nothing.
        let ways = await answers(
            about: Set(mapKeys.recent), until: min(deadline, .now + Self.lookupMargin)
        ) { [routes] hop -> Set<DomainName> in
            guard case .mx = hop else { return [] }
            return await routes.resolve(hop).found?.hosts ?? []
        }
        return await answers(about: hosts, until: deadline) { [self] in await relay(to: $0, among: ways) }
    }

    private func relay(to host: DomainName, among ways: [NextHop: Set<DomainName>]) async -> RelayFinding? {
        if let note = mapKeys.note(of: host), case .host = note.hop {
            return RelayFinding(
                hop: note.hop, askedAt: note.askedAt, isNamed: true, policy: await policies.resolve(host))
        }
        let leading = ways.filter { $0.value.contains(host) }.map(\.key)
        // Two that lead there do not say which of them did.
        guard leading.count == 1, let hop = leading.first, let domain = hop.policyDomain,
            let note = mapKeys.note(of: domain)
        else { return nil }
        return RelayFinding(hop: hop, askedAt: note.askedAt, isNamed: false, policy: await policies.resolve(domain))
    }

    /// The TLSA records of hosts that DANE decided about, as the map answered or a probe saw.
    func tlsaPolicies(
        of places: Set<HostOnWay>, until deadline: ContinuousClock.Instant
    ) async -> [HostOnWay: TLSAPolicy?] {
        guard let gate else { return [:] }
        return await answers(about: places, until: deadline) { await gate.tlsaPolicy(of: $0.host, via: $0.hop) }
    }

    /// Whether DANE may have decided about the host.
    func concernsDANE(_ place: HostOnWay, _ session: ObservedSession) -> Bool {
        if session.isDecidedByDANE(seeing: gate?.evidence(of: place.host, via: place.hop)) { return true }
        // Sendmail is answered the policy beside it.
        guard session.source == .postfixLog, let domain = place.hop.policyDomain else { return false }
        return mapKeys.note(of: domain)?.isDANE == true
    }

    /// What is known before the deadline. The lookups are tasks of their own: they go on for the next batch.
    func answers<Key: Hashable & Sendable, Answer: Sendable>(
        about keys: Set<Key>, until deadline: ContinuousClock.Instant, _ ask: @escaping @Sendable (Key) async -> Answer
    ) async -> [Key: Answer] {
        guard !keys.isEmpty else { return [:] }
        let (stream, continuation) = AsyncStream<(Key, Answer)?>.makeStream()
        for key in keys { Task { continuation.yield((key, await ask(key))) } }
        let timer = Task {
            try? await Task.sleep(until: deadline)
            continuation.yield(nil)
        }
        defer { timer.cancel() }
        var answers: [Key: Answer] = [:]
        for await answer in stream {
            guard let (key, value) = answer else { break }
            answers.updateValue(value, forKey: key)
            if answers.count == keys.count { break }
        }
        return answers
    }
}

extension Route {
    fileprivate var hosts: Set<DomainName> { Set(candidates.map(\.name) + unprobed) }
}
