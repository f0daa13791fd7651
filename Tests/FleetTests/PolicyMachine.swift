// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import LabKit
import MTASTS
import TestKit
@testable import Fleet

/// All domains and their policy hosts, and how often each was asked.
final class PolicyHosts: Sendable {
    struct State {
        var id = "1"
        var mode = Policy.Mode.enforce
        var mx = ["mx1.example.org"]
        var maxAge = 604_800
        var isDown = false
        var fetches: [DomainName: Int] = [:]
        /// How long a fetch takes.
        var delay = Duration.zero
    }

    let state = Locked(State())

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func fetches(of domain: DomainName) -> Int { state.withLock { $0.fetches[domain] ?? 0 } }
    var mostFetches: Int { state.withLock { $0.fetches.values.max() ?? 0 } }
    /// How many domains were fetched how often.
    var histogram: [Int: Int] { state.withLock { $0.fetches.values.reduce(into: [:]) { $0[$1, default: 0] += 1 } } }
    var allFetches: Int { state.withLock { $0.fetches.values.reduce(0, +) } }
    func forgetFetches() { state.withLock { $0.fetches = [:] } }
}

extension PolicyHosts: PolicyDiscoverer {
    func record(for domain: DomainName) async -> RecordLookup {
        .found(STSRecord.select(from: ["v=STSv1; id=\(state.withLock { $0.id })"]))
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        let (delay, isDown, body) = state.withLock { state in
            state.fetches[domain, default: 0] += 1
            return (state.delay, state.isDown, state.body)
        }
        if delay > .zero { try? await Task.sleep(for: delay) }
        if isDown { throw .failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")) }
        do throws(PolicyError) { return try Policy.read(body.utf8) } catch {
            throw .failed(PolicyFailure(.stsPolicyInvalid, "\(error)"))
        }
    }
}

extension PolicyHosts.State {
    var body: String {
        let lines = ["version: STSv1", "mode: \(mode.rawValue)"] + mx.map { "mx: \($0)" } + ["max_age: \(maxAge)"]
        return lines.map { $0 + "\n" }.joined()
    }
}

/// Policies in memory and on a disk that is one.
private final class Kept: PolicyMemory, PolicyStore {
    let memory = Locked<[DomainName: CachedPolicy]>([:])
    let stored = Locked<[DomainName: CachedPolicy]>([:])

    func policy(for domain: DomainName) -> CachedPolicy? { memory.withLock { $0[domain] } }
    func life(of domain: DomainName) -> PolicyLife? { policy(for: domain)?.life }
    func isLoaded(_ domain: DomainName) -> Bool { true }
    func load(_ domain: DomainName) async -> Bool { true }
    func unreadable(_ domain: DomainName, at time: UTCTime) -> String? { nil }
    func set(_ policy: CachedPolicy) { memory.withLock { $0[policy.domain] = policy } }
    func remove(_ domain: DomainName) { memory.withLock { $0[domain] = nil } }
    func replace(_ life: PolicyLife?, by policy: CachedPolicy) -> Bool {
        memory.withLock { memory in
            guard memory[policy.domain]?.life == life else { return false }
            memory[policy.domain] = policy
            return true
        }
    }
    func save(_ policy: CachedPolicy) async throws { stored.withLock { $0[policy.domain] = policy } }
    func save(uses: [DomainName: UTCTime]) async throws {}
    func remove(_ domain: DomainName) async throws { stored.withLock { $0[domain] = nil } }
}

/// A machine of the fleet, as far as policies go.
final class PolicyMachine: Sendable {
    let cache: PolicyCache
    let exchange: PolicyExchange
    let log = CapturedLog()
    private let kept = Kept()
    private let work: Task<Void, Never>

    /// - Parameter isPatient: whether it waits for as long as a loaded machine takes.
    init(
        _ name: String, in lab: FleetLab, _ hosts: PolicyHosts, _ clock: any WallClock, isPatient: Bool = true,
        poll: Duration = .milliseconds(200), forgotten: (any ForgottenPolicies)? = nil, by relay: TCPRelay? = nil
    ) throws {
        var limits = PolicyExchange.Limits()
        limits.poll = poll
        limits.catchUpPause = .zero
        if isPatient {
            limits.ask = FleetLab.limit
            limits.wait = FleetLab.limit
            limits.background = FleetLab.limit
        }
        exchange = try PolicyExchange(
            relay.map { try lab.server(by: $0) } ?? lab.owner, node: name, forgotten: forgotten, clock: clock,
            logger: log.logger, limits: limits)
        cache = PolicyCache(
            memory: kept, store: kept, discoverer: hosts, peers: exchange, clock: clock, logger: log.logger,
            settings: PolicyCacheSettings())
        work = Task { [exchange, cache] in await exchange.run(into: cache) }
    }

    deinit { work.cancel() }

    func stop() async {
        work.cancel()
        await work.value
    }

    func isWorking() async throws {
        try await Wait.until("the database is asked", within: FleetLab.limit) { exchange.isWorking }
    }

    var troubles: [String] {
        log.lines.filter { $0.hasPrefix("warning") || $0.contains("not asked for policies") }
    }

    func held(_ domain: DomainName) -> CachedPolicy? { kept.policy(for: domain) }
    func stored(_ domain: DomainName) -> CachedPolicy? { kept.stored.withLock { $0[domain] } }

    /// As mail does that comes again and again.
    func use(_ domain: DomainName) { cache.noteUse(of: domain, found: cache.cached(domain)) }

    func mode(_ domain: DomainName) async -> Policy.Mode? {
        if case .policy(let cached) = await cache.resolve(domain) { cached.policy.mode } else { nil }
    }
}
