// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TestKit
import Testing

@Suite("PolicyCache: no failure forgets or weakens a live policy")
struct PolicyCacheTests {
    let world = World()
    let policyCache: PolicyCache
    let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        policyCache = world.policyCache()
    }

    private func mode(_ finding: PolicyLookup) -> Policy.Mode? {
        if case .policy(let cached) = finding { cached.policy.mode } else { nil }
    }

    private func learn(_ mode: Policy.Mode, id: String, maxAge: Int = 86_400) async {
        world.discoverer.recordAnswer = announce(id)
        world.discoverer.policyAnswer = .success(body(mode, maxAge: maxAge))
        _ = await policyCache.recheck(domain)
    }

    @Test("fetches what is announced, saves it, and knows it from then on")
    func fetches() async {
        #expect(policyCache.cached(domain) == nil)
        await learn(.enforce, id: "1")
        #expect(policyCache.cached(domain).flatMap(mode) == .enforce)
        #expect(await mode(policyCache.resolve(domain)) == .enforce)
        #expect(world.discoverer.fetches == 1)
        #expect(await policyCache.saveUnsaved() == 0)
        #expect(world.store.saved[domain]?.id == "1")
    }

    @Test(
        "stays under an enforce policy, whatever happens to the record",
        arguments: [
            RecordLookup.found(.absent), .found(.invalid("2 records")), .unavailable("SERVFAIL"), announce("2"),
        ])
    func recordFailure(_ record: RecordLookup) async {
        await learn(.enforce, id: "1")
        world.discoverer.recordAnswer = record
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "connection refused")))
        #expect(await mode(policyCache.recheck(domain)) == .enforce)
        world.clock.advance(by: .seconds(80_000))
        #expect(await mode(policyCache.recheck(domain)) == .enforce)
        #expect(world.memory.policies[domain]?.id == "1")
    }

    @Test("what was not tried is no failure of the domain: unknown, without a pause")
    func notTried() async {
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .failure(.notTried("too many fetches under way"))
        #expect(await policyCache.resolve(domain) == .unknown("too many fetches under way"))
        #expect(policyCache.lastFailure(of: domain) == nil)
        // Nothing of it is kept.
        world.discoverer.recordAnswer = .notAsked("too many DNS queries under way")
        #expect(await policyCache.resolve(domain) == .unknown("too many DNS queries under way"))
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
        #expect(await mode(policyCache.resolve(domain)) == .enforce)
        // A policy that is cached stays, and is asked for again soon.
        world.discoverer.recordAnswer = announce("2")
        world.discoverer.policyAnswer = .failure(.notTried("too many fetches under way"))
        #expect(await mode(policyCache.recheck(domain)) == .enforce)
        #expect(policyCache.lastFailure(of: domain) == nil)
    }

    @Test("an invalid new body does not displace the policy")
    func invalidBody() async {
        await learn(.enforce, id: "1")
        world.discoverer.recordAnswer = announce("2")
        world.discoverer.policyAnswer = .success("version: STSv1\nmode: enforce\nmax_age: 1")
        #expect(await mode(policyCache.recheck(domain)) == .enforce)
    }

    @Test("a changed id is fetched once, an unchanged one is not")
    func changedID() async {
        await learn(.testing, id: "1")
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 1)
        await learn(.enforce, id: "2")
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 2)
        #expect(policyCache.cached(domain).flatMap(mode) == .enforce)
    }

    @Test("mode none ends an earlier enforce")
    func none() async {
        await learn(.enforce, id: "1")
        await learn(.none, id: "2")
        #expect(policyCache.cached(domain).flatMap(mode) == Policy.Mode.none)
    }

    @Test("is fetched anew after the refresh interval although the id stays, which alone prolongs its life")
    func refresh() async {
        await learn(.enforce, id: "1")
        world.clock.advance(by: .seconds(13 * 3600))
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 2)
        let now = world.clock.now
        #expect(world.memory.policies[domain]?.fetchedAt == now)
    }

    @Test("ends when max_age has passed and no fetch succeeded")
    func expiry() async {
        await learn(.enforce, id: "1", maxAge: 1000)
        world.discoverer.recordAnswer = .unavailable("timeout")
        world.clock.advance(by: .seconds(1000))
        #expect(await policyCache.resolve(domain) == .unknown("timeout"))
        // It stays for a clock that is put right.
        #expect(world.memory.policies[domain]?.isLive(at: world.clock.now) == false)
    }

    @Test("the end of an old policy does not take the new one with it")
    func expiryMeetsRenewal() async throws {
        await learn(.enforce, id: "1", maxAge: 1000)
        let old = try #require(world.memory.policies[domain])
        world.clock.advance(by: .seconds(1000))
        let new = CachedPolicy(domain: domain, id: "2", policy: old.policy, fetchedAt: world.clock.now)
        world.memory.nextPolicy = new
        world.store.saved[new.domain] = new
        policyCache.noteUse(of: domain, found: policyCache.cached(domain))
        #expect(world.memory.policies[domain] == new)
        await settle()
        #expect(world.store.saved[domain] == new)
    }

    @Test("a policy fetched by a clock that has been set back since is fetched anew")
    func clockSetBack() async {
        await learn(.testing, id: "1")
        world.clock.advance(by: .seconds(-1_000_000))
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 2)
        let now = world.clock.now
        #expect(world.memory.policies[domain]?.fetchedAt == now)
    }

    @Test("of two policies the newer one is in the store at last")
    func savesInOrder() async throws {
        world.store.isFull = true
        await learn(.testing, id: "1")
        for index in 0..<30 { _ = await policyCache.recheck(try DomainName("d\(index).example.org")) }
        _ = await policyCache.saveUnsaved()
        let post = Latch()
        world.store.isFull = false
        world.store.nextSave = post
        async let retried = policyCache.saveUnsaved()
        #expect(await eventually { world.store.nextSave == nil })
        await learn(.enforce, id: "2")
        await settle()
        await post.open()
        _ = await retried
        #expect(await policyCache.saveUnsaved() == 0)
        #expect(world.store.saved[domain]?.id == "2")
    }

    @Test("failed fetches pause for five minutes an id, then longer")
    func backOff() async {
        world.discoverer.recordAnswer = announce("1")
        guard case .failed(let failure) = await policyCache.resolve(domain) else {
            Issue.record("a failed fetch is no failure")
            return
        }
        #expect(failure.type == .stsPolicyFetchError)
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 1)
        world.clock.advance(by: .seconds(299))
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 1)
        world.clock.advance(by: .seconds(1))
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 2)
        world.clock.advance(by: .seconds(301))
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 2)
        world.discoverer.recordAnswer = announce("2")
        _ = await policyCache.recheck(domain)
        #expect(world.discoverer.fetches == 3)
    }

    @Test("fifty who ask at once cost one fetch")
    func singleFlight() async {
        let gate = Latch()
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
        world.discoverer.gate = gate
        await withTaskGroup(of: PolicyLookup.self) { group in
            for _ in 0..<50 { group.addTask { await policyCache.resolve(domain) } }
            group.addTask {
                #expect(await eventually { world.discoverer.fetches > 0 })
                await gate.open()
                return .absent
            }
            for await finding in group where finding != .absent { #expect(mode(finding) == .enforce) }
        }
        #expect(world.discoverer.fetches == 1)
    }

    @Test("a store that fails loses no policy, and gets it later")
    func storeFails() async {
        world.store.isFull = true
        await learn(.enforce, id: "1")
        #expect(await policyCache.saveUnsaved() == 1)
        #expect(policyCache.cached(domain).flatMap(mode) == .enforce)
        world.store.isFull = false
        #expect(await policyCache.saveUnsaved() == 0)
        #expect(world.store.saved[domain]?.id == "1")
    }

    @Test("a policy ends when it says, and a burst of mail costs one fetch", arguments: [0, 1, 10, 59])
    func shortLife(_ maxAge: Int) async {
        await learn(.enforce, id: "1", maxAge: maxAge)
        #expect(await mode(policyCache.resolve(domain)) == .enforce)
        #expect(world.discoverer.fetches == 1)
        world.clock.advance(by: .seconds(max(1, maxAge)))
        #expect(policyCache.cached(domain) == nil)
        world.discoverer.policyAnswer = .success(body(.none, maxAge: maxAge))
        #expect(await mode(policyCache.resolve(domain)) == Policy.Mode.none)
        #expect(world.discoverer.fetches == 2)
    }

    // MARK: A look at the record that is due

    /// Learns a policy, and has another in place when the look is due.
    private func replaced(by mode: Policy.Mode, id: String = "2") async {
        await learn(.enforce, id: "1")
        world.clock.advance(by: .seconds(3601))
        world.discoverer.recordAnswer = announce(id)
        world.discoverer.policyAnswer = .success(body(mode, mx: "mx2.example.org"))
    }

    @Test("a policy that was replaced does not answer once more", arguments: [Policy.Mode.enforce, .testing, .none])
    func lookFirst(_ new: Policy.Mode) async {
        await replaced(by: new)
        let found = policyCache.cached(domain)
        #expect(policyCache.noteUse(of: domain, found: found))
        #expect(await mode(policyCache.resolve(domain)) == new)
        #expect(!policyCache.noteUse(of: domain, found: policyCache.cached(domain)))
        #expect(world.discoverer.fetches == 2)
    }

    @Test("all who ask meanwhile join one look")
    func lookJoined() async {
        await replaced(by: .none)
        let post = Latch()
        world.discoverer.gate = post
        await withTaskGroup(of: Policy.Mode?.self) { group in
            group.addTask { await mode(policyCache.resolve(domain)) }
            // The record has been seen, and its policy is on its way.
            #expect(await eventually { world.discoverer.fetches > 1 })
            for _ in 0..<20 { group.addTask { await mode(policyCache.resolve(domain)) } }
            group.addTask {
                await settle()
                await post.open()
                return Policy.Mode.none
            }
            for await found in group { #expect(found == Policy.Mode.none) }
        }
        #expect(world.discoverer.fetches == 2)
    }

    @Test("a look that takes long is waited for once; the policy stays until the network says otherwise")
    func lookTakesLong() async {
        var settings = PolicyCacheSettings()
        settings.lookWait = .milliseconds(20)
        policyCache.apply(settings)
        await replaced(by: .none)
        let post = Latch()
        world.discoverer.gate = post
        #expect(await mode(policyCache.resolve(domain)) == .enforce)
        world.clock.advance(by: .seconds(1))
        #expect(!policyCache.noteUse(of: domain, found: policyCache.cached(domain)))
        await post.open()
        #expect(await eventually { policyCache.cached(domain).flatMap(mode) == Policy.Mode.none })
    }

    @Test("a record that is gone, or a DNS that fails, leaves the policy and is not asked again at once")
    func lookFails() async {
        for record in [RecordLookup.found(.absent), .unavailable("SERVFAIL")] {
            await replaced(by: .enforce)
            world.discoverer.recordAnswer = record
            let questions = world.discoverer.recordQuestions
            for _ in 0..<3 { #expect(await mode(policyCache.resolve(domain)) == .enforce) }
            #expect(world.discoverer.recordQuestions == questions + 1)
        }
    }

    @Test("no policy is believed for a short time only")
    func absent() async {
        #expect(await policyCache.resolve(domain) == .absent)
        #expect(policyCache.cached(domain) == .absent)
        world.clock.advance(by: .seconds(301))
        #expect(policyCache.cached(domain) == nil)
    }

    @Test("the operator's refresh asks in spite of a pause, his forget drops all")
    func operatorCommands() async throws {
        world.discoverer.recordAnswer = announce("1")
        _ = await policyCache.resolve(domain)
        world.discoverer.policyAnswer = .success(body(.enforce))
        #expect(await mode(policyCache.refresh(domain)) == .enforce)
        try await policyCache.forget(domain)
        #expect(policyCache.cached(domain) == nil)
        #expect(world.store.saved[domain] == nil)
    }
}
