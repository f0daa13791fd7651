// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Synchronization

/// What a policy map says in doubt.
package struct MapSettings: Sendable, Equatable {
    /// What is said of a domain never seen while its policy is being looked up.
    package enum Unknown: Sendable { case notFound, temporary }

    /// Whether DANE is looked at, and put first.
    package var puttingDANEFirst = true
    package var onUnknown = Unknown.notFound
    /// Next hops, and all names below them, that never have a policy: no question is asked for them.
    package var neverPoliced: [DomainName] = []
    /// Single next hops that never have one, as a relayhost is written: `[relay.example.org]:587`.
    package var neverPolicedHops: Set<NextHop> = []

    package init() {}

    /// Whether a next hop never has a policy.
    fileprivate func neverPolices(_ key: NextHop, of domain: DomainName) -> Bool {
        neverPolicedHops.contains(key) || neverPoliced.contains { domain.isWithin($0) }
    }
}

/// Answers the policy map from the same memory as the gate: policy, then DANE, then the MX hosts where they matter.
///
/// - RFC 8461 §2: DANE comes first, a policy never overrides a DANE validation that fails.
package final class PolicyMapResolver: MapResolver {
    /// How long what the DNS said of a host's TLSA records is believed.
    private static let surveyStandsFor = Duration.seconds(300)
    /// How long a survey that got no answer is not tried again.
    private static let failureStandsFor = Duration.seconds(10)
    private static let maxFlights = 20_000

    private struct SurveyKey: Hashable, Sendable {
        let candidate: MXHost
        let routeIsSecure: Bool
    }

    private let policies: PolicyCache
    private let routes: RouteCache
    private let surveyor: any DANESurveyor
    private let clock: any WallClock
    private let settings: Mutex<MapSettings>
    private let surveys = TTLCache<SurveyKey, DANEStatus>(octets: MemoryBudget.surveys) { key, status in
        key.candidate.name.heldOctets + status.heldOctets
    }
    private let flights = SingleFlight<SurveyKey, DANEStatus>(capacity: maxFlights) { $0.candidate.name }
    /// What next hops came to in the current second.
    private let standing = TTLCache<NextHop, MapAnswer>(octets: MemoryBudget.answers) { hop, finding in
        hop.heldOctets + finding.heldOctets
    }

    package init(
        policies: PolicyCache, routes: RouteCache, surveyor: any DANESurveyor, clock: any WallClock,
        settings: MapSettings
    ) {
        self.policies = policies
        self.routes = routes
        self.surveyor = surveyor
        self.clock = clock
        self.settings = Mutex(settings)
    }

    /// Takes new settings; what was seen of hosts stays under the same ones, but for answers, which rest on others' too.
    package func apply(_ new: MapSettings) {
        let isChanged = settings.withLock { settings in
            defer { settings = new }
            return settings != new
        }
        standing.removeAll()
        if isChanged { surveys.removeAll() }
    }

    /// Forgets what was seen of hosts, for new settings or the operator.
    package func forget() {
        surveys.removeAll()
        standing.removeAll()
    }

    /// Lets go of what is remembered no longer.
    package func sweep() {
        let now = clock.now
        surveys.sweep(at: now)
        standing.sweep(at: now)
    }

    package func glance(_ key: NextHop) -> MapAnswer? {
        let now = clock.now
        if let known = standing.value(for: key, at: now) { return known }
        guard let domain = key.policyDomain else { return .notFound }
        let settings = settings.withLock { $0 }
        guard !settings.neverPolices(key, of: domain) else { return .notFound }
        let found = policies.cached(domain)
        policies.noteUse(of: domain, found: found)
        guard let policy = found else { return nil }
        if let doubt = doubt(about: policy, settings) { return doubt }
        guard settings.puttingDANEFirst || policy.needsHosts else {
            return remember(policy.finding(hosts: .unneeded), of: key, at: now)
        }
        if !policy.needsHosts, routes.isInsecure(key, at: now) {
            return remember(policy.finding(hosts: .unneeded), of: key, at: now)
        }
        guard let route = routes.known(key, at: now) else { return nil }
        var statuses: [DANEStatus] = []
        if case .route(let route) = route, settings.puttingDANEFirst, route.isSecure {
            for candidate in route.candidates {
                let key = SurveyKey(candidate: candidate, routeIsSecure: route.isSecure)
                guard let status = surveys.value(for: key, at: now) else { return nil }
                statuses.append(status)
            }
        }
        return remember(decide(policy, route, statuses), of: key, at: now)
    }

    package func enforces(_ domain: DomainName) -> Bool {
        let settings = settings.withLock { $0 }
        guard !settings.neverPoliced.contains(where: { domain.isWithin($0) }) else { return false }
        let found = policies.cached(domain)
        policies.noteUse(of: domain, found: found)
        return switch found ?? policies.standIn(for: domain) {
        case .policy(let cached)?: cached.policy.mode == .enforce
        case .unreadable?: true
        case .absent?, .failed?, .unknown?, nil: false
        }
    }

    package func find(_ key: NextHop, within patience: Duration) async -> MapAnswer {
        if let known = glance(key) { return known }
        let found = await firstValue(within: patience) { await self.find(key) }
        if let found { return found }
        // What is missing is late, not absent: a policy that is known must not be left out.
        let settings = settings.withLock { $0 }
        guard let domain = key.policyDomain, let policy = policies.cached(domain) ?? policies.standIn(for: domain)
        else {
            return doubt(about: .unknown("lookup still running"), settings) ?? .notFound
        }
        if let doubt = doubt(about: policy, settings) { return doubt }
        if case .policy(let cached) = policy, cached.policy.mode == .enforce {
            return .temporary("lookup of hosts still running")
        }
        return policy.finding(hosts: .unneeded)
    }

    private func find(_ key: NextHop) async -> MapAnswer {
        guard let domain = key.policyDomain else { return .notFound }
        let settings = settings.withLock { $0 }
        guard !settings.neverPolices(key, of: domain) else { return .notFound }
        let policy = await policies.resolve(domain)
        if let doubt = doubt(about: policy, settings) { return doubt }
        guard settings.puttingDANEFirst || policy.needsHosts else { return policy.finding(hosts: .unneeded) }
        let route = await routes.find(key, wantsHosts: policy.needsHosts)
        var statuses: [DANEStatus] = []
        if case .route(let route) = route, settings.puttingDANEFirst, route.isSecure {
            statuses = await survey(route)
        }
        return decide(policy, route, statuses)
    }

    private func survey(_ route: Route) async -> [DANEStatus] {
        await withTaskGroup(of: DANEStatus.self) { group in
            for candidate in route.candidates {
                group.addTask { await self.survey(SurveyKey(candidate: candidate, routeIsSecure: route.isSecure)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func survey(_ key: SurveyKey) async -> DANEStatus {
        if let known = surveys.value(for: key, at: clock.now) { return known }
        let found = await flights.join(key) { [self] in
            let status = await surveyor.survey(key.candidate, routeIsSecure: key.routeIsSecure)
            let keepFor =
                switch status {
                case .unknown, .unreachable: Self.failureStandsFor
                case .usable, .unusable, .absent, .bogus: Self.surveyStandsFor
                }
            surveys.set(status, for: key, at: clock.now, keepFor: keepFor)
            return status
        }
        return found ?? .unknown("too many lookups in flight")
    }

    /// What the operator has said of a domain whose policy is not known; nil if that is to be no policy.
    private func doubt(about policy: PolicyLookup, _ settings: MapSettings) -> MapAnswer? {
        switch policy {
        case .unreadable(let text): .temporary(text)
        case .unknown(let text): settings.onUnknown == .temporary ? .temporary("policy not known: \(text)") : nil
        case .policy, .absent, .failed: nil
        }
    }

    private func remember(_ finding: MapAnswer, of key: NextHop, at now: UTCTime) -> MapAnswer {
        if case .temporary = finding { return finding }
        standing.set(finding, for: key, at: now, keepFor: .seconds(1))
        return finding
    }

    private func decide(_ policy: PolicyLookup, _ route: RouteCache.Finding, _ statuses: [DANEStatus]) -> MapAnswer {
        switch route {
        case .route(let route):
            let finding = policy.finding(hosts: .known(route.candidates.map(\.name)))
            return judgeDANE(statuses, besides: finding) ?? finding
        // An MTA that sees the same never asks; one that sees hosts was not told what we were, and must not go free.
        case .error(.nullMX): return policy.finding(hosts: .unknown("null MX"))
        case .error(.noSuchDomain): return policy.finding(hosts: .unknown("no such domain"))
        case .error(.bogus(let text)): return .temporary("MX records fail DNSSEC validation: \(text)")
        case .error(.unavailable(let text)), .error(.notAsked(let text, _)):
            return policy.finding(hosts: .unknown(text))
        }
    }
}

/// What the TLSA records of a secure route's hosts mean for the whole: nil when DANE says nothing and a policy may.
///
/// A destination has one level for all its hosts. Where some have usable records, `dane-only` keeps DANE on those and
/// leaves the others out, which neither weakens DANE nor lets a host without proof in. A host that has no address
/// to be dialled does not hold up the others, as long as there are others.
/// - RFC 7672 §2.2: TLS Discovery.
package func judgeDANE(_ statuses: [DANEStatus], besides finding: MapAnswer) -> MapAnswer? {
    var bogus: String?
    var unknown: String?
    var unreachable: String?
    var isAnyOpen = false
    for status in statuses {
        switch status {
        case .usable: return .dane(besides: finding)
        case .bogus(let text): bogus = bogus ?? text
        case .unknown(let text): unknown = unknown ?? text
        case .unreachable(let text): unreachable = unreachable ?? text
        case .unusable, .absent: isAnyOpen = true
        }
    }
    if let bogus { return .temporary("TLSA records fail DNSSEC validation: \(bogus)") }
    if !isAnyOpen { unknown = unknown ?? unreachable }
    return unknown.map { .temporary("TLSA records could not be looked up: \($0)") }
}

extension PolicyLookup {
    /// Whether the MX hosts decide what is said of the policy.
    fileprivate var needsHosts: Bool {
        if case .policy(let cached) = self { cached.policy.mode == .enforce && cached.hasWildcard } else { false }
    }

    fileprivate func finding(hosts: MXSet) -> MapAnswer {
        switch self {
        case .absent, .unknown: return .notFound
        case .unreadable(let text): return .temporary(text)
        case .failed(let failure): return .failed(failure)
        case .policy(let cached):
            switch cached.policy.mode {
            case .enforce: return .enforce(cached, cached.hasWildcard ? hosts : .unneeded)
            case .testing: return .testing(cached)
            case .none: return .notFound
            }
        }
    }
}

/// The value if it comes within the time; the work goes on without its caller otherwise.
private func firstValue<Value: Sendable>(
    within patience: Duration, _ work: @escaping @Sendable () async -> Value
) async -> Value? {
    let (stream, continuation) = AsyncStream<Value?>.makeStream(bufferingPolicy: .bufferingOldest(1))
    Task { continuation.yield(await work()) }
    let timer = Task {
        try? await Task.sleep(for: patience)
        continuation.yield(nil)
    }
    defer { timer.cancel() }
    for await value in stream { return value }
    return nil
}
