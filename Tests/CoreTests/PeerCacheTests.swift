// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TestKit
import Testing

@Suite("PolicyCache: what other machines fetch is judged, and nothing waits for them for ever")
struct PeerCacheTests {
    private let world = World()
    private let peers = FakePeers()
    private let cache: PolicyCache
    private let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        cache = world.policyCache(peers: peers)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: 604_800))
    }

    private func offered(
        _ mode: Policy.Mode = .enforce, id: String = "1", mx: String = "mx1.example.org", ago: Int64 = 60
    ) throws -> CachedPolicy {
        CachedPolicy(
            domain: domain, id: id, policy: try Policy.read(body(mode, mx: mx, maxAge: 604_800).utf8).policy,
            fetchedAt: world.clock.now - .seconds(ago))
    }

    private var held: CachedPolicy? { world.memory.policies[domain] }

    @Test("a first mail does not fetch what another machine has fetched: it is in memory and in the store")
    func first() async throws {
        let policy = try offered()
        peers.found = policy
        #expect(await cache.resolve(domain) == .policy(policy))
        #expect(world.discoverer.fetches == 0 && world.discoverer.recordQuestions == 1)
        #expect(await cache.saveUnsaved() == 0)
        #expect(world.store.saved[domain] == policy)
        #expect(peers.offered.isEmpty)
        #expect(cache.takenCount == 1)
    }

    @Test("nor one that comes by itself while it asks, whatever it is told then")
    func meanwhile() async throws {
        let policy = try offered()
        let cache = cache
        peers.meanwhile = { _ = await cache.take(policy) }
        for found in [policy, nil] {
            peers.found = found
            #expect(await cache.resolve(domain) == .policy(policy))
            #expect(world.discoverer.fetches == 0)
            world.memory.remove(domain)
        }
    }

    @Test("what a lookup is told is judged: a machine that holds a policy fetches another one itself")
    func judged() async throws {
        _ = await cache.resolve(domain)
        #expect(peers.offered.map(\.id) == ["1"])
        world.clock.advance(by: .seconds(7200))
        // The domain has moved to another host, and so the other machine says; or else it lies.
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
        for (id, mode, mx) in [("2", Policy.Mode.none, "mx1.example.org"), ("4", .enforce, "mx.attacker.example")] {
            world.discoverer.recordAnswer = announce(id)
            peers.found = try offered(mode, id: id, mx: mx)
            _ = await cache.recheck(domain)
            #expect(held?.id == "1" && held?.policy.mode == .enforce)
        }
        #expect(peers.questions == 3)
        #expect(peers.released == [domain, domain])
        world.discoverer.recordAnswer = announce("3")
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "mx2.example.org"))
        peers.found = try offered(id: "3", mx: "mx2.example.org")
        _ = await cache.recheck(domain)
        #expect(held?.id == "3" && world.discoverer.fetches == 4)
    }

    @Test("an answer for another id, or about another domain, is none")
    func otherAnswers() async throws {
        peers.found = try offered(id: "7")
        _ = await cache.resolve(domain)
        #expect(world.discoverer.fetches == 1 && held?.id == "1")
    }

    @Test("the operator's refresh asks nobody else")
    func refresh() async throws {
        peers.found = try offered()
        _ = await cache.refresh(domain)
        #expect(peers.questions == 0 && world.discoverer.fetches == 1)
    }

    @Test("a time that is ahead of ours does not count as the future")
    func ahead() async throws {
        #expect(await cache.take(try offered(ago: -200)) == .taken)
        #expect(held?.fetchedAt == world.clock.now)
    }

    @Test("one that comes while ours is fetched does not take its place")
    func race() async throws {
        #expect(await cache.take(try offered(ago: 9000)) == .taken)
        // From another thread, between the look and the change.
        let own = try offered(id: "2", mx: "mx2.example.org", ago: 0)
        world.memory.nextPolicy = own
        #expect(await cache.take(try offered(ago: 10)) == .leftAlone)
        #expect(held == own)
    }

    @Test("another policy is fetched here only where mail asks for it")
    func fetchedInstead() async throws {
        #expect(await cache.take(try offered(ago: 9000)) == .taken)
        #expect(await cache.take(try offered(.testing, id: "2")) == .fetchedFirst)
        #expect(await cache.fetchInstead(domain) == false)
        cache.noteUse(of: domain, found: cache.cached(domain))
        await settle()
        world.discoverer.recordAnswer = announce("2")
        world.discoverer.policyAnswer = .success(body(.testing))
        #expect(await cache.fetchInstead(domain))
        #expect(held?.policy.mode == .testing && held?.fetchedAt == world.clock.now)
    }

    @Test("what an operator had forgotten elsewhere is forgotten here unless its domain still serves it")
    func forgotten() async throws {
        _ = await cache.resolve(domain)
        world.clock.advance(by: .seconds(3600))
        let told = world.clock.now
        #expect(await cache.forgetAsTold(domain, before: told - .seconds(3601)) == false)
        #expect(await cache.forgetAsTold(domain, before: told + .seconds(301)) == false)
        #expect(world.discoverer.fetches == 1)
        #expect(await cache.forgetAsTold(domain, before: told - .seconds(3600)) == false)
        #expect(held?.fetchedAt == told)
        world.clock.advance(by: .seconds(3600))
        // What was not tried has shown nothing.
        world.discoverer.policyAnswer = .failure(.notTried("too many fetches"))
        #expect(await cache.forgetAsTold(domain, before: world.clock.now) == false)
        #expect(held?.fetchedAt == told)
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
        #expect(await cache.forgetAsTold(domain, before: world.clock.now))
        #expect(held == nil && cache.cached(domain) == nil)
        // An operator's word here is told; another's is not said again.
        #expect(peers.forgotten.isEmpty)
        try await cache.forget(domain)
        #expect(peers.forgotten == [domain: world.clock.now])
    }

    @Test("renewals are left to another machine for a while, never to the end")
    func renewals() async throws {
        _ = await cache.resolve(domain)
        cache.noteUse(of: domain, found: cache.cached(domain))
        await settle()
        let refresher = PolicyRefresher(cache)
        peers.claims = RenewalClaims(ours: [], fetched: [])
        let due = try #require(held).life.refreshTime(of: domain, every: .seconds(43_200))
        world.clock.set(due)
        #expect(cache.dueWork(at: due).refreshes == [domain])
        #expect(await refresher.refreshDue() == 0)
        world.clock.advance(by: .seconds(899))
        #expect(await refresher.refreshDue() == 0)
        world.clock.advance(by: .seconds(1))
        #expect(await refresher.refreshDue() == 1)
        #expect(world.discoverer.fetches == 2)
        // The claim is ours.
        world.clock.advance(by: .seconds(43_200))
        peers.claims = RenewalClaims(ours: [domain], fetched: [])
        #expect(await refresher.refreshDue() == 1)
        // Another has fetched the same.
        world.clock.advance(by: .seconds(43_200))
        peers.claims = RenewalClaims(ours: [domain], fetched: [try offered()])
        #expect(await refresher.refreshDue() == 0)
        #expect(held?.fetchedAt == world.clock.now - .seconds(60))
        // It has come by itself while this machine asked, and got the claim.
        world.clock.advance(by: .seconds(43_200))
        let (cache, policy) = (cache, try offered())
        peers.claims = RenewalClaims(ours: [domain], fetched: [policy])
        peers.meanwhile = { _ = await cache.take(policy) }
        #expect(await refresher.refreshDue() == 0)
        peers.meanwhile = nil
        // Another has fetched something else.
        world.clock.advance(by: .seconds(43_200))
        peers.claims = RenewalClaims(ours: [], fetched: [try offered(.none)])
        #expect(await refresher.refreshDue() == 1)
        #expect(held?.policy.mode == .enforce)
        // Nobody can say.
        world.clock.advance(by: .seconds(43_200))
        peers.claims = nil
        #expect(await refresher.refreshDue() == 1)
    }

    @Test("one whose end is near is not left to anybody")
    func nearEnd() async throws {
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: 1000))
        _ = await cache.resolve(domain)
        cache.noteUse(of: domain, found: cache.cached(domain))
        await settle()
        peers.claims = RenewalClaims(ours: [], fetched: [])
        world.clock.advance(by: .seconds(740))
        #expect(await PolicyRefresher(cache).refreshDue() == 0)
        world.clock.advance(by: .seconds(20))
        #expect(await PolicyRefresher(cache).refreshDue() == 1)
    }
}
