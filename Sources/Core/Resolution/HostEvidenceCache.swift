// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Synchronization

/// What was seen of MX hosts, for as long as it is good; one look in flight for a host.
package final class HostEvidenceCache: Sendable {
    /// Hosts that may be looked at at one time.
    private static let maxFlights = 20_000
    /// Hosts of one route that are looked at at one time: a domain with many slow hosts must not take all probes.
    private static let maxProbesOfRoute = 8

    struct Key: TableKey {
        let candidate: MXHost
        let routeIsSecure: Bool
        /// Results of probes that began before ``forgetAll()`` are stored under the old number and ignored.
        let generation: Int
        /// The next hop for which alone it holds; nil for all.
        var nextHop: DomainName?

        /// Few hosts have entries that differ in more than that.
        var tableHash: UInt64 {
            let hash = candidate.tableHash
            guard let nextHop else { return hash }
            return KeyedHash.hash(hash, nextHop.tableHash)
        }

        func hash(into hasher: inout Hasher) { hasher.combine(tableHash) }
    }

    private let prober: any Prober
    private let clock: any WallClock
    private let settings = Locked(GateSettings())
    let table = TTLCache<Key, HostEvidence>(octets: MemoryBudget.evidence) { key, seen in
        key.candidate.name.heldOctets + seen.heldOctets
    }
    /// Hosts that wait for a place of ours: that they are not looked at yet is not their doing.
    private let queued = Locked<Set<Key>>([])
    private let generation = Atomic(0)
    private let flights = SingleFlight<Key, ProbeResult>(capacity: maxFlights) { $0.candidate.name }

    init(prober: any Prober, clock: any WallClock) {
        self.prober = prober
        self.clock = clock
    }

    /// Takes new lifetimes for what is seen from now on.
    func apply(_ new: GateSettings) { settings.withLock { $0 = new } }

    func forgetAll() {
        generation.add(1, ordering: .relaxed)
        table.removeAll()
    }

    /// Lets go of what is remembered no longer.
    func sweep() { table.sweep(at: clock.now) }

    // MARK: Hosts of a route

    /// What memory holds of the hosts of a route.
    /// - Parameter ending: why nobody waits for the others any longer; nil while somebody may.
    func cached(_ route: Route, because ending: WaitEnding? = nil, at now: UTCTime) -> Evidence {
        var seen = Evidence()
        seen.hosts.reserve(route.candidates.count)
        let generation = generation.load(ordering: .relaxed)
        for candidate in route.candidates {
            let key = Key(candidate: candidate, routeIsSecure: route.isSecure, generation: generation)
            if let known = value(for: key, of: route.policyDomain, at: now) {
                seen.hosts[candidate] = known
            } else if let ending, ending == .crowded || queued.withLock({ $0.contains(key) }) {
                seen.notTried[candidate] = "too much to do to look at it"
            }
        }
        return seen
    }

    /// What there is to see of the hosts of a route: each from memory, or looked at now.
    func resolve(_ route: Route) async -> Evidence {
        let generation = generation.load(ordering: .relaxed)
        return await withTaskGroup(of: (MXHost, ProbeResult).self) { group in
            var seen = Evidence()
            for (index, candidate) in route.candidates.enumerated() {
                if index >= Self.maxProbesOfRoute, let (candidate, result) = await group.next() {
                    seen.note(result, of: candidate)
                }
                let key = Key(candidate: candidate, routeIsSecure: route.isSecure, generation: generation)
                group.addTask { (candidate, await self.look(at: key, for: route.policyDomain)) }
            }
            for await (candidate, result) in group { seen.note(result, of: candidate) }
            return seen
        }
    }

    private func look(at key: Key, for domain: DomainName) async -> ProbeResult {
        if let known = value(for: key, of: domain, at: clock.now) { return .seen(known) }
        // Domains that share a host look together. Nearly all that is seen holds for all of them; what the name of
        // another one decided says nothing of ours.
        let found = await probe(key, for: domain, in: key)
        guard case .seen(let seen) = found, seen.isOfNextHop else { return found }
        var own = key
        own.nextHop = domain
        if let known = table.value(for: own, at: clock.now) { return .seen(known) }
        return await probe(key, for: domain, in: own)
    }

    /// - Parameter flight: looks that have it in common are one.
    private func probe(_ key: Key, for domain: DomainName, in flight: Key) async -> ProbeResult {
        let found = await flights.join(flight) { [self] in
            defer { _ = queued.withLock { $0.remove(key) } }
            let result = await prober.probe(key.candidate, routeIsSecure: key.routeIsSecure, for: domain) {
                [self] isTurn in
                queued.withLock { queued in
                    if isTurn { queued.remove(key) } else { queued.insert(key) }
                }
            }
            // What a failure of our own kept us from seeing is nobody's state, and nothing to remember.
            guard case .seen(let seen) = result else { return result }
            set(seen, for: key, of: domain, at: clock.now)
            return result
        }
        return found ?? .notTried("too many lookups in flight")
    }

    /// What is known of a host for mail to a domain.
    private func value(for key: Key, of domain: DomainName, at now: UTCTime) -> HostEvidence? {
        if let known = table.value(for: key, at: now) { return known }
        guard key.routeIsSecure else { return nil }
        var own = key
        own.nextHop = domain
        return table.value(for: own, at: now)
    }

    private func set(_ seen: HostEvidence, for key: Key, of domain: DomainName, at now: UTCTime) {
        var key = key
        if seen.isOfNextHop { key.nextHop = domain }
        table.set(seen, for: key, at: now, keepFor: settings.withLock { $0.lifetime(of: seen) })
    }

    // MARK: Single hosts

    /// What memory holds of one host; nil too if the route does not name it.
    func cached(_ host: DomainName, on route: Route, at now: UTCTime) -> HostEvidence? {
        key(of: host, on: route).flatMap { value(for: $0, of: route.policyDomain, at: now) }
    }

    /// Takes what somebody else saw of a host.
    func note(_ seen: HostEvidence, of host: DomainName, on route: Route, at now: UTCTime) {
        guard let key = key(of: host, on: route) else { return }
        set(seen, for: key, of: route.policyDomain, at: now)
    }

    /// Has a host looked at anew.
    func forget(_ host: DomainName, on route: Route) {
        guard var key = key(of: host, on: route) else { return }
        table.remove(key)
        key.nextHop = route.policyDomain
        table.remove(key)
    }

    private func key(of host: DomainName, on route: Route) -> Key? {
        route.candidates.first { $0.name == host }.map {
            Key(candidate: $0, routeIsSecure: route.isSecure, generation: generation.load(ordering: .relaxed))
        }
    }
}
