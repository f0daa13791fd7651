// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

@Suite("Policies of others than the domain: pinned, then the domain's own, then the list's")
struct PolicyOverrideTests {
    private final class Book: PolicyOverrides {
        struct State {
            var pins = LocalPolicies()
            var list: [DomainName: Policy] = [:]
        }
        let state = Locked(State())

        func pinned(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? {
            state.withLock { $0.pins }.policy(for: domain, at: time)
        }

        func preloaded(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? {
            state.withLock { $0.list[domain] }.map { CachedPolicy($0, of: domain, from: .preloaded, at: time) }
        }
    }

    private let world = World()
    private let book = Book()
    private let policyCache: PolicyCache
    private let gate: Gate
    private let domain: DomainName
    private let hop: NextHop

    init() throws {
        domain = try DomainName("example.org")
        hop = .mx(of: domain, port: 25)
        policyCache = world.policyCache(overrides: book)
        gate = Gate(
            resolver: world.resolver(policyCache), recorder: world.recorder, settings: GateSettings())
    }

    private func pin(_ mode: Policy.Mode, until: UTCDay? = nil) throws {
        let entry = LocalPolicy(domain: domain, mode: mode, mx: [try MXPattern("mx1.example.org")], until: until)
        book.state.withLock { $0.pins = LocalPolicies([entry]) }
    }

    private func preload(_ mode: Policy.Mode) throws {
        let policy = Policy(unpublished: mode, mx: [try MXPattern("*.example.org")])
        book.state.withLock { $0.list[domain] = policy }
    }

    private func origin(_ finding: PolicyLookup?) -> CachedPolicy.Origin? {
        if case .policy(let cached) = finding { cached.origin } else { nil }
    }

    @Test("a pinned policy is known at once, and nobody is asked")
    func pinned() async throws {
        try pin(.enforce)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.none))
        #expect(origin(policyCache.cached(domain)) == .pinned)
        #expect(origin(await policyCache.resolve(domain)) == .pinned)
        #expect(origin(await policyCache.recheck(domain)) == .pinned)
        #expect(policyCache.wasRecheckedLately(domain))
        #expect(world.discoverer.recordQuestions == 0)
        #expect(world.discoverer.fetches == 0)
    }

    @Test("a single label has the policy that is pinned for it, and nobody is asked for another")
    func pinnedLabel() async throws {
        let label = try DomainName("mailhub")
        let entry = LocalPolicy(domain: label, mode: .enforce, mx: [try MXPattern("mailhub")], until: nil)
        book.state.withLock { $0.pins = LocalPolicies([entry]) }
        world.router.answer = .success(["mailhub"])
        let map = PolicyMapResolver(resolver: world.resolver(policyCache), settings: MapQuestionSettings())
        guard case .enforce(let cached, _) = await map.resolve(.mx(of: label, port: 25)) else {
            Issue.record("the pin is not answered")
            return
        }
        #expect(cached.origin == .pinned && world.discoverer.recordQuestions == 0)
    }

    @Test("a pinned policy outranks a cached one, which comes back when the pin ends")
    func pinEnds() async throws {
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: 30 * 86_400))
        _ = await policyCache.resolve(domain)
        let today = world.clock.now.day
        try pin(.none, until: today)
        guard case .policy(let cached) = policyCache.cached(domain) else {
            Issue.record("the pin is not known")
            return
        }
        #expect(cached.policy.mode == .none && cached.origin == .pinned)
        world.clock.set(today.end)
        #expect(origin(policyCache.cached(domain)) == .pinned)
        world.clock.advance(by: .seconds(1))
        #expect(origin(policyCache.cached(domain)) == .published)
    }

    @Test("a pinned mode none lets mail go to a broken domain, a pinned enforce holds it back")
    func verdicts() async throws {
        world.router.answer = .success(["elsewhere.example.net"])
        try pin(.none)
        #expect(gate.cached([hop])?.verdict == .modeNone)
        try pin(.enforce)
        // The verdict of a second stands until it ends.
        world.clock.advance(by: .seconds(1))
        guard case .violating = await gate.resolve([hop]).verdict else {
            Issue.record("a pinned policy is not enforced")
            return
        }
    }

    static let failures: [RecordLookup] = [
        .found(.absent), .found(.invalid("2 records")), .unavailable("SERVFAIL"), announce("1"),
    ]

    @Test("the list's policy applies where the domain's own cannot be had", arguments: failures)
    func preloaded(_ record: RecordLookup) async throws {
        try preload(.enforce)
        world.discoverer.recordAnswer = record
        #expect(policyCache.cached(domain) == nil, "the domain's own is asked for first")
        #expect(origin(await policyCache.resolve(domain)) == .preloaded)
        #expect(world.discoverer.recordQuestions == 1)
        #expect(origin(policyCache.cached(domain)) == .preloaded)
        #expect(origin(await policyCache.recheck(domain)) == .preloaded)
    }

    @Test("without an entry all stays as it was")
    func unlisted() async throws {
        #expect(await policyCache.resolve(domain) == .absent)
        #expect(policyCache.standIn(for: domain) == nil)
    }

    @Test("a live policy outranks the list's, whatever its mode", arguments: Policy.Mode.allCases)
    func live(_ mode: Policy.Mode) async throws {
        try preload(.enforce)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(mode))
        #expect(origin(await policyCache.resolve(domain)) == .published)
        #expect(origin(policyCache.cached(domain)) == .published)
    }

    @Test("a cached policy outranks the list's while the domain cannot be asked")
    func cached() async throws {
        try preload(.enforce)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.testing, maxAge: 1000))
        _ = await policyCache.resolve(domain)
        world.discoverer.recordAnswer = .unavailable("timeout")
        #expect(origin(await policyCache.recheck(domain)) == .published)
        world.clock.advance(by: .seconds(1000))
        #expect(origin(await policyCache.resolve(domain)) == .preloaded)
    }

    @Test("a pinned policy outranks the list's")
    func pinnedAndListed() throws {
        try preload(.enforce)
        try pin(.testing)
        #expect(origin(policyCache.cached(domain)) == .pinned)
    }

    @Test("who delays the DNS does not get around the list")
    func delayed() async throws {
        world.router.answer = .success(["elsewhere.example.net"])
        #expect(gate.decideNow([hop]).verdict == .unknown("lookup still running"))
        try preload(.enforce)
        // The route is known from earlier mail, the policy is being asked for.
        _ = await gate.resolve([hop]).verdict
        world.clock.advance(by: .seconds(31))
        _ = await gate.resolve([hop]).verdict
        try await policyCache.forget(domain)
        #expect(policyCache.cached(domain) == nil)
        guard case .violating = gate.decideNow([hop]).verdict else {
            Issue.record("\(gate.decideNow([hop]).verdict)")
            return
        }
        #expect(gate.cached([hop])?.verdict == nil, "until time is up the domain's own policy is waited for")
    }

    @Test("a testing entry of the list never holds mail back")
    func testingEntry() async throws {
        try preload(.testing)
        world.router.answer = .success(["elsewhere.example.net"])
        guard case .testing = await gate.resolve([hop]).verdict else {
            Issue.record("not testing")
            return
        }
    }
}
