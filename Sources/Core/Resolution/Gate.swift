// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import MTASTS
import Synchronization

/// How routes are judged, and how long what was seen of hosts is trusted.
package struct GateSettings: Sendable, Equatable {
    package var enforcement: Enforcement = .milter
    package var scrutiny: HostCheck = .probes
    /// How long a host that conformed is taken to conform still.
    package var conformingFor: Duration = .seconds(2 * 3600)
    /// How long a host that did not conform is not tried again: short, so that a repaired host gets its mail.
    package var failingFor: Duration = .seconds(60)
    /// How long a host that could not be reached is not tried again.
    package var unreachableFor: Duration = .seconds(60)

    package init() {}
}

/// From next hops to a verdict: policy, then route, then evidence, each from memory if memory has it.
package final class Gate: Sendable {
    /// Hosts that may be looked at at one time.
    static let maxFlights = 20_000
    /// Hosts of one route that are looked at at one time: a domain with many slow hosts must not take all probes.
    static let maxProbesOfRoute = 8
    /// How long a route that broke its policy is held to break it while it cannot be looked at again.
    static let brokenFor = Duration.seconds(3600)
    /// How long a route that kept its policy is taken to keep it while our own trouble keeps us from looking.
    static let provenFor = Duration.seconds(86_400)
    /// How old a delivery may be that still says something about its host.
    static let deliveryStandsFor = Duration.seconds(300)

    struct ProbeKey: Hashable, Sendable {
        let candidate: MXHost
        let routeIsSecure: Bool
        /// Results of probes that began before a reload are stored under the old generation, and are ignored.
        let generation: Int
    }

    /// A violation with the policy that was broken.
    private struct Broken: Sendable {
        let violation: Violation
        let policy: Policy
    }

    /// A verdict with the policy it rests on.
    struct Standing: Sendable {
        let verdict: Verdict
        let policy: CachedPolicy?
    }

    private let policies: PolicyCache
    let routes: RouteCache
    private let prober: any Prober
    private let recorder: any Recorder
    let clock: any WallClock
    let settings: Mutex<GateSettings>
    /// Whether the MTA's own words are read, so that only mail held back here is counted here.
    private let mtaTellsSessions: Bool
    let evidence = TTLCache<ProbeKey, HostEvidence>(octets: MemoryBudget.evidence) { key, seen in
        key.candidate.name.heldOctets + seen.heldOctets
    }
    /// What single next hops came to in the current second: the same mail for the same domain is one look.
    let standing = TTLCache<NextHop, Standing>(octets: MemoryBudget.verdicts) { hop, standing in
        hop.heldOctets + standing.verdict.heldOctets + (standing.policy?.heldOctets ?? 0)
    }
    /// Routes that broke their policy when they were last seen. Not to be able to look again does not mend them.
    private let broken = TTLCache<NextHop, Broken>(octets: MemoryBudget.broken) { hop, broken in
        hop.heldOctets + broken.violation.heldOctets + broken.policy.heldOctets
    }
    /// Routes that kept their policy when they were last looked at, and the policy.
    private let proven = TTLCache<NextHop, Policy>(octets: MemoryBudget.proven) { hop, policy in
        hop.heldOctets + policy.heldOctets
    }
    /// Hosts that wait for a place of ours: that they are not looked at yet is not their doing.
    private let queued = Mutex<Set<ProbeKey>>([])
    let generation = Atomic(0)
    private let probeFlights = SingleFlight<ProbeKey, ProbeResult>(capacity: maxFlights) { $0.candidate.name }

    package init(
        policies: PolicyCache, routes: RouteCache, prober: any Prober, recorder: any Recorder, clock: any WallClock,
        settings: GateSettings, mtaTellsSessions: Bool = false
    ) {
        self.policies = policies
        self.routes = routes
        self.prober = prober
        self.recorder = recorder
        self.clock = clock
        self.settings = Mutex(settings)
        self.mtaTellsSessions = mtaTellsSessions
    }

    /// Takes new settings; what was seen under the same ones stays, but for verdicts, which rest on others' as well.
    package func apply(_ new: GateSettings) {
        standing.removeAll()
        let isChanged = settings.withLock { settings in
            defer { settings = new }
            return settings != new
        }
        guard isChanged else { return }
        broken.removeAll()
        proven.removeAll()
    }

    /// Forgets all routes and hosts seen, for new settings or the operator.
    package func forgetEvidence() {
        generation.add(1, ordering: .relaxed)
        routes.forgetAll()
        evidence.removeAll()
        standing.removeAll()
        broken.removeAll()
        proven.removeAll()
    }

    /// Lets go of what is remembered no longer.
    package func sweep() {
        let now = clock.now
        evidence.sweep(at: now)
        standing.sweep(at: now)
        broken.sweep(at: now)
        proven.sweep(at: now)
    }

    // MARK: From memory, at once

    /// The verdict if memory alone decides it; asks nobody and waits for nothing.
    ///
    /// A violation counts as decided only while the policy was looked at lately: before, it must be looked at again.
    package func glance(_ hops: [NextHop]) -> Verdict? {
        if hops.count == 1, let known = standing.value(for: hops[0], at: clock.now) { return known.verdict }
        let verdict = settle(hops) { [policies] verdict in
            switch verdict {
            case .unknown, .unproven, .provenLately: false
            case .violating(let violation): policies.wasRecheckedLately(violation.policyDomain)
            case .notJudged, .noPolicy, .modeNone, .conforming, .testing: true
            }
        }
        if hops.count == 1, let verdict { remember(verdict, of: hops[0]) }
        return verdict
    }

    /// Keeps a verdict that lets mail go until the second ends, which no policy and no host notices; a violation is
    /// looked at each time, so that nothing repaired waits.
    private func remember(_ verdict: Verdict, of hop: NextHop) {
        switch verdict {
        case .unknown, .unproven, .provenLately, .violating, .testing: return
        case .notJudged, .noPolicy, .modeNone, .conforming: break
        }
        let now = clock.now
        var policy: CachedPolicy?
        if let domain = hop.policyDomain, case .policy(let cached) = policies.cached(domain) { policy = cached }
        if let policy, !policy.isLive(at: now + .seconds(1)) { return }
        standing.set(Standing(verdict: verdict, policy: policy), for: hop, at: now, keepFor: .seconds(1))
    }

    /// The verdict as memory stands when nobody waits any longer: one bad host seen is enough to decide, and what is
    /// still missing makes it unknown, or unproven where a policy is known.
    package func settle(_ hops: [NextHop], because ending: WaitEnding = .late) -> Verdict {
        let settings = settings.withLock { $0 }
        return combine(hops.map { settle($0, settings, ending) }, enforcement: settings.enforcement)
    }

    private func settle(_ hop: NextHop, _ settings: GateSettings, _ ending: WaitEnding) -> Verdict {
        guard let domain = hop.policyDomain else { return .notJudged("address literal") }
        guard let policy = cachedPolicy(of: domain) ?? policies.standIn(for: domain) else {
            return .unknown("lookup still running")
        }
        let verdict =
            known(hop, of: domain, under: policy, settings, ending: ending)
            ?? judge(Doubt("lookup of hosts still running", isOurs: isOurs(ending)), under: policy)
        return inDoubt(verdict, of: hop, under: policy)
    }

    /// Whether a lookup that is still running is late by our own doing.
    private func isOurs(_ ending: WaitEnding) -> Bool {
        ending == .crowded || routes.ownTrouble(at: clock.now) != nil
    }

    /// What a doubt comes to. A route that broke its policy still does until it is seen to keep it, so that nobody gains
    /// by hiding from a second look. One that kept it within the last day is not held up by our own trouble.
    private func inDoubt(_ verdict: Verdict, of hop: NextHop, under finding: PolicyLookup) -> Verdict {
        guard case .unproven(let doubt) = verdict, case .policy(let cached) = finding else { return verdict }
        let now = clock.now
        if let broken = broken.value(for: hop, at: now), broken.policy == cached.policy {
            return .violating(broken.violation)
        }
        guard doubt.isOurs, proven.value(for: hop, at: now) == cached.policy else { return verdict }
        return .provenLately(doubt.text)
    }

    private func settle(_ hops: [NextHop], _ isDecided: (Verdict) -> Bool) -> Verdict? {
        let settings = settings.withLock { $0 }
        if hops.count == 1 {
            let verdict = known(hops[0], settings)
            return verdict.flatMap { isDecided($0) ? $0 : nil }
        }
        var verdicts: [Verdict] = []
        for hop in hops {
            guard let verdict = known(hop, settings), isDecided(verdict) else { return nil }
            verdicts.append(verdict)
        }
        return combine(verdicts, enforcement: settings.enforcement)
    }

    private func known(_ hop: NextHop, _ settings: GateSettings) -> Verdict? {
        guard let domain = hop.policyDomain else { return .notJudged("address literal") }
        return cachedPolicy(of: domain).flatMap { known(hop, of: domain, under: $0, settings, ending: nil) }
    }

    /// What memory knows of the policy, its use noted.
    private func cachedPolicy(of domain: DomainName) -> PolicyLookup? {
        let found = policies.cached(domain)
        policies.noteUse(of: domain, found: found)
        return found
    }

    /// - Parameter ending: why nobody waits any longer; nil while somebody may.
    private func known(
        _ hop: NextHop, of domain: DomainName, under policy: PolicyLookup, _ settings: GateSettings,
        ending: WaitEnding?
    ) -> Verdict? {
        guard policy.needsRoute else { return judge(Doubt("no route needed"), under: policy) }
        let now = clock.now
        switch routes.known(hop, at: now) {
        case nil: return nil
        case .error(let error): return judge(error, of: domain, under: policy)
        case .route(let route):
            var seen = Evidence()
            let generation = generation.load(ordering: .relaxed)
            for candidate in route.candidates {
                let key = ProbeKey(candidate: candidate, routeIsSecure: route.isSecure, generation: generation)
                if let known = evidence.value(for: key, at: now) {
                    seen.hosts[candidate] = known
                } else if let ending, ending == .crowded || queued.withLock({ $0.contains(key) }) {
                    seen.notTried[candidate] = "too much to do to look at it"
                }
            }
            let verdict = judge(
                route, under: policy, seeing: seen, enforcement: settings.enforcement, scrutiny: settings.scrutiny)
            // A testing policy never holds mail back, so its evidence must be complete to be worth counting.
            if case .testing = verdict, settings.scrutiny == .probes, seen.hosts.count < route.candidates.count {
                return nil
            }
            return verdict
        }
    }

    // MARK: By asking

    /// The verdict after looking up what memory lacks; joins lookups in flight.
    package func admit(_ hops: [NextHop]) async -> Verdict {
        let enforcement = settings.withLock { $0.enforcement }
        return await withTaskGroup(of: (Int, Verdict).self) { group in
            for (index, hop) in hops.enumerated() { group.addTask { (index, await self.admit(hop)) } }
            var verdicts = [Verdict](repeating: .unknown("not asked"), count: hops.count)
            for await (index, verdict) in group { verdicts[index] = verdict }
            return combine(verdicts, enforcement: enforcement)
        }
    }

    private func admit(_ hop: NextHop) async -> Verdict {
        guard let domain = hop.policyDomain else { return .notJudged("address literal") }
        let policy = await policies.resolve(domain)
        let verdict = conclude(await verdict(on: hop, of: domain, under: policy), of: hop, under: policy)
        guard case .violating = verdict, !policies.wasRecheckedLately(domain) else { return verdict }
        // - RFC 8461 §5.1: step 3, a delivery fails only after a look for a new policy.
        let latest = await policies.recheck(domain)
        // The route may have been repaired as well as the policy.
        routes.forget(hop)
        return conclude(await self.verdict(on: hop, of: domain, under: latest), of: hop, under: latest)
    }

    /// Remembers a violation until the route is seen to keep its policy, and for a day that it was seen to.
    private func conclude(_ verdict: Verdict, of hop: NextHop, under finding: PolicyLookup) -> Verdict {
        switch verdict {
        case .violating(let violation):
            guard case .policy(let cached) = finding else { break }
            broken.set(
                Broken(violation: violation, policy: cached.policy), for: hop, at: clock.now, keepFor: Self.brokenFor)
            proven.remove(hop)
        case .unknown, .provenLately: break
        case .unproven: return inDoubt(verdict, of: hop, under: finding)
        case .conforming(let mode):
            broken.remove(hop)
            guard mode == .enforce, case .policy(let cached) = finding else { break }
            proven.set(cached.policy, for: hop, at: clock.now, keepFor: Self.provenFor)
        case .notJudged, .noPolicy, .modeNone, .testing: broken.remove(hop)
        }
        return verdict
    }

    private func verdict(on hop: NextHop, of domain: DomainName, under policy: PolicyLookup) async -> Verdict {
        guard policy.needsRoute else { return judge(Doubt("no route needed"), under: policy) }
        switch await routes.find(hop) {
        case .error(let error): return judge(error, of: domain, under: policy)
        case .route(let route):
            let settings = settings.withLock { $0 }
            let seen = settings.scrutiny == .probes ? await look(at: route) : Evidence()
            return judge(
                route, under: policy, seeing: seen, enforcement: settings.enforcement, scrutiny: settings.scrutiny)
        }
    }

    private func look(at route: Route) async -> Evidence {
        let generation = generation.load(ordering: .relaxed)
        return await withTaskGroup(of: (MXHost, ProbeResult).self) { group in
            var seen = Evidence()
            for (index, candidate) in route.candidates.enumerated() {
                if index >= Self.maxProbesOfRoute, let (candidate, result) = await group.next() {
                    seen.note(result, of: candidate)
                }
                let key = ProbeKey(candidate: candidate, routeIsSecure: route.isSecure, generation: generation)
                group.addTask { (candidate, await self.look(at: key, for: route.policyDomain)) }
            }
            for await (candidate, result) in group { seen.note(result, of: candidate) }
            return seen
        }
    }

    private func look(at key: ProbeKey, for domain: DomainName) async -> ProbeResult {
        if let known = evidence.value(for: key, at: clock.now) { return .seen(known) }
        let found = await probeFlights.join(key) { [self] in
            defer { _ = queued.withLock { $0.remove(key) } }
            let result = await prober.probe(key.candidate, routeIsSecure: key.routeIsSecure, for: domain) {
                [self] isTurn in
                queued.withLock { queued in
                    if isTurn { queued.remove(key) } else { queued.insert(key) }
                }
            }
            // What our own trouble kept us from seeing is nobody's state, and nothing to remember.
            guard case .seen(let seen) = result else { return result }
            let settings = settings.withLock { $0 }
            let keepFor =
                switch seen {
                case .conforming: settings.conformingFor
                case .failing: settings.failingFor
                case .unreachable, .turnedAway: settings.unreachableFor
                }
            evidence.set(seen, for: key, at: clock.now, keepFor: keepFor)
            return result
        }
        return found ?? .notTried("too many lookups in flight")
    }

    // MARK: Counting

    /// Counts what was done about a recipient, once per message and next hops.
    package func note(_ ruling: Disposition) {
        let hops = ruling.hops
        let domain: DomainName? =
            if case .violating(let violation) = ruling.verdict { violation.policyDomain } else {
                hops.lazy.compactMap(\.policyDomain).first
            }
        guard let domain else { return }
        // What goes on becomes a session of the MTA, which tells of it itself.
        if mtaTellsSessions, !ruling.isHeldBack { return }
        switch ruling.verdict {
        case .notJudged, .noPolicy(nil), .modeNone, .unknown, .unproven, .provenLately: return
        case .noPolicy, .conforming, .testing, .violating: break
        }
        let now = clock.now
        var policy: CachedPolicy?
        if hops.count == 1, let known = standing.value(for: hops[0], at: now) {
            policy = known.policy
        } else if case .policy(let cached) = policies.cached(domain) {
            policy = cached
        }
        recorder.record(Outcome(time: now, policyDomain: domain, policy: policy, verdict: ruling.verdict))
    }
}

extension PolicyLookup {
    /// Whether the verdict depends on the route: only enforce and testing policies say anything about hosts.
    fileprivate var needsRoute: Bool {
        if case .policy(let cached) = self { cached.policy.mode != .none } else { false }
    }
}
