// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Synchronization

/// The world as a table: what the ports answer, and how often they were asked.
final class World: PolicyDiscoverer, Router, Prober, DANESurveyor, PolicyStore, PolicyMemory, Recorder, WallClock {
    struct State {
        var now = UTCTime(secondsSinceEpoch: 1_000_000)
        var record: RecordLookup = .found(.absent)
        var fetch: Result<String, FetchError> = .failure(
            .failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 404")))
        var route: Result<[String], RouteError> = .success(["mx1.example.org"])
        /// Of these domains, others than ``route``.
        var routes: [DomainName: [String]] = [:]
        var routeIsSecure = false
        var hosts: [String: HostEvidence] = [:]
        /// Hosts for which there is no room.
        var notTried: Set<String> = []
        var dane: [String: DANEStatus] = [:]
        /// The records of the hosts.
        var tlsa: [String: TLSAPolicy] = [:]
        var storeFails = false
        /// Holds the next save back, which then counts as not there yet.
        var nextSave: Gatepost?
        var saved: [DomainName: CachedPolicy] = [:]
        /// The uses of policies in the store.
        var uses: [DomainName: UTCTime] = [:]
        var memory: [DomainName: CachedPolicy] = [:]
        /// Comes in place of the policy in memory right after the next look, as from another thread.
        var nextPolicy: CachedPolicy?
        var outcomes: [Outcome] = []
        var recordQuestions = 0
        var fetches = 0
        var probes = 0
        /// While set, fetches wait until it is released.
        var gate: Gatepost?
        /// While set, probes wait until it is released.
        var probeGate: Gatepost?
        /// Further questions for a route are not answered; nil answers all.
        var routesAnswered: Int?
        /// Whether probes wait for their turn, and so never begin.
        var probesQueue = false
    }

    struct StoreFull: Error {}

    let state = Mutex(State())

    func change(_ change: (inout sending State) -> Void) { state.withLock { change(&$0) } }
    func look<T: Sendable>(_ read: (State) -> T) -> T { state.withLock { read($0) } }
    func pass(_ duration: Duration) { change { $0.now = $0.now + duration } }

    var now: UTCTime { look(\.now) }

    func record(for domain: DomainName) async -> RecordLookup {
        state.withLock {
            $0.recordQuestions += 1
            return $0.record
        }
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        let (result, gate) = state.withLock {
            $0.fetches += 1
            return ($0.fetch, $0.gate)
        }
        await gate?.wait()
        let body = try result.get()
        do throws(PolicyError) { return try Policy.read(body.utf8) } catch {
            throw .failed(PolicyFailure(.stsPolicyInvalid, error.description))
        }
    }

    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
        let result: Result<[String], RouteError> = state.withLock {
            guard let left = $0.routesAnswered else { return $0.route }
            $0.routesAnswered = left - 1
            return left > 0 ? $0.route : .failure(.unavailable("timed out"))
        }
        guard let domain = nextHop.policyDomain else { throw .noSuchDomain(isSecure: false) }
        let names: [String]
        if let own = look({ $0.routes[domain] }) { names = own } else { names = try result.get() }
        let candidates = names.compactMap { try? DomainName($0) }.map { MXHost(name: $0, preference: 10, port: 25) }
        return (
            Route(nextHop: nextHop, policyDomain: domain, candidates: candidates, isSecure: look(\.routeIsSecure)),
            .seconds(30)
        )
    }

    func probe(
        _ candidate: MXHost, routeIsSecure: Bool, for policyDomain: DomainName,
        turn: @escaping @Sendable (Bool) -> Void
    ) async -> ProbeResult {
        if look({ $0.notTried.contains(candidate.name.ascii) }) { return .notTried("no room") }
        turn(!look(\.probesQueue))
        let (seen, gate) = state.withLock {
            $0.probes += 1
            return ($0.hosts[candidate.name.ascii] ?? .unreachable("connection refused"), $0.probeGate)
        }
        await gate?.wait()
        return .seen(seen)
    }

    func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus {
        look { $0.dane[candidate.name.ascii] ?? .absent }
    }

    func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy? { look { $0.tlsa[candidate.name.ascii] } }

    func save(_ policy: CachedPolicy) async throws {
        let post = state.withLock { state in
            let post = state.nextSave
            state.nextSave = nil
            return post
        }
        await post?.wait()
        try state.withLock {
            if $0.storeFails { throw StoreFull() }
            $0.saved[policy.domain] = policy
        }
    }

    func save(uses: [DomainName: UTCTime]) async throws {
        try state.withLock {
            if $0.storeFails { throw StoreFull() }
            $0.uses.merge(uses) { $1 }
        }
    }

    func remove(_ domain: DomainName) async throws {
        change {
            $0.saved[domain] = nil
            $0.uses[domain] = nil
        }
    }

    func policy(for domain: DomainName) -> CachedPolicy? {
        state.withLock { state in
            let policy = state.memory[domain]
            if let next = state.nextPolicy { (state.memory[domain], state.nextPolicy) = (next, nil) }
            return policy
        }
    }
    func set(_ policy: CachedPolicy) { change { $0.memory[policy.domain] = policy } }
    func remove(_ domain: DomainName) { change { $0.memory[domain] = nil } }
    func remove(_ policy: CachedPolicy) {
        change { if $0.memory[policy.domain] == policy { $0.memory[policy.domain] = nil } }
    }

    func record(_ outcome: Outcome) { change { $0.outcomes.append(outcome) } }
}

extension NextHopResolver {
    /// One that remembers nothing and asks the world.
    convenience init(_ policies: PolicyCache, _ world: World, routes: RouteCache? = nil) {
        self.init(
            policies: policies, routes: routes ?? RouteCache(router: world, clock: world), prober: world,
            surveyor: world, clock: world)
    }
}

/// Holds tasks back until it is opened.
actor Gatepost {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

func body(_ mode: Policy.Mode, mx: String = "mx1.example.org", maxAge: Int = 86_400) -> String {
    "version: STSv1\nmode: \(mode.rawValue)\nmx: \(mx)\nmax_age: \(maxAge)\n"
}

func announce(_ id: String) -> RecordLookup { .found(.record(STSRecord(id: id))) }

extension STSRecord {
    /// Only the parser makes records.
    init(id: String) {
        guard case .record(let record) = STSRecord.select(from: ["v=STSv1; id=\(id)"]) else {
            preconditionFailure("bad id")
        }
        self = record
    }
}
