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
            findings[domain] = DomainFinding(
                domain: domain, hop: .mx(of: domain, port: NextHop.smtpPort),
                policy: policies.cached(domain) ?? .unknown("lookup still running"), hosts: .unknown)
        }
        return findings
    }

    private func finding(for domain: DomainName) async -> DomainFinding? {
        let own = NextHop.mx(of: domain, port: NextHop.smtpPort)
        if let known = hops.hops(of: domain), known != [own] {
            // A list of relays does not say which of them took the mail.
            guard known.count == 1, let hop = known.first, let other = hop.policyDomain else { return nil }
            return DomainFinding(domain: other, hop: hop, policy: await policies.resolve(other))
        }
        if hops.hops(of: domain) != nil {
            return DomainFinding(domain: domain, hop: own, policy: await policies.resolve(domain))
        }
        async let policy = policies.resolve(domain)
        async let route = routes.resolve(own)
        var finding = DomainFinding(
            domain: domain, hop: own, policy: await policy,
            hosts: await route.found.map { .known($0.hosts) } ?? .unknown)
        if let note = mapKeys.note(of: domain), note.hop == own { finding.askedAt = note.askedAt }
        return finding
    }

    /// The next hops of the site's own that lead to servers which are no MX hosts of the recipients' domains.
    func relays(
        to hosts: Set<DomainName>, until deadline: ContinuousClock.Instant
    ) async -> [DomainName: RelayFinding?] {
        await answers(about: hosts, until: deadline) { [self] in await relay(to: $0) }
    }

    private func relay(to host: DomainName) async -> RelayFinding? {
        if let note = mapKeys.note(of: host) {
            return RelayFinding(
                hop: note.hop, askedAt: note.askedAt, isNamed: true, policy: await policies.resolve(host))
        }
        var found: (hop: NextHop, domain: DomainName)?
        for hop in mapKeys.recent {
            guard case .mx(let domain, _) = hop, await routes.resolve(hop).found?.hosts.contains(host) == true else {
                continue
            }
            // Two that lead there do not say which of them did.
            if found != nil { return nil }
            found = (hop, domain)
        }
        guard let found, let note = mapKeys.note(of: found.domain) else { return nil }
        return RelayFinding(
            hop: found.hop, askedAt: note.askedAt, isNamed: false, policy: await policies.resolve(found.domain))
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
        if gate?.evidence(of: place.host, via: place.hop).isAuthenticatedByDANE == true { return true }
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
