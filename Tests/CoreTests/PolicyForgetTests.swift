// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TLSRPT
import TestKit
import Testing

@Suite("What is known of a domain is one entry: read without effect, forgotten as a whole")
struct PolicyForgetTests {
    private let world = World()
    private let cache: PolicyCache
    private let domain: DomainName
    private let down = FetchError.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503"))

    init() throws {
        domain = try DomainName("example.org")
        cache = world.policyCache()
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: 7 * 86_400))
    }

    private func noteUse() { cache.noteUse(of: domain, found: cache.cached(domain)) }

    @Test("a policy that ran out is no longer named to the operator")
    func ranOut() async throws {
        _ = await cache.resolve(domain)
        world.discoverer.policyAnswer = .failure(down)
        world.clock.advance(by: .seconds(6 * 86_400 + 80_000))
        _ = await cache.refresh(domain)
        world.clock.advance(by: .seconds(10_000))
        noteUse()
        #expect(cache.ranOutPolicies.map(\.domain) == [domain])
        try await cache.forget(domain)
        #expect(cache.ranOutPolicies.isEmpty)
    }

    @Test("its use is forgotten, so that a policy that is learned again is not in use before mail asks for it")
    func use() async throws {
        _ = await cache.resolve(domain)
        noteUse()
        try await cache.saveUses()
        #expect(world.store.uses[domain] != nil)
        try await cache.forget(domain)
        #expect(world.store.uses[domain] == nil)
        _ = await cache.resolve(domain)
        world.clock.advance(by: .seconds(86_400))
        #expect(cache.dueWork(at: world.clock.now).refreshes.isEmpty)
        // So that the look at the record which mail begins does not do the work.
        world.discoverer.recordAnswer = .notAsked("busy")
        noteUse()
        #expect(cache.dueWork(at: world.clock.now).refreshes == [domain])
    }

    @Test("a failure is forgotten: the next mail asks again")
    func failure() async throws {
        world.discoverer.policyAnswer = .failure(down)
        _ = await cache.resolve(domain)
        #expect(cache.lastFailure(of: domain) != nil)
        try await cache.forget(domain)
        #expect(cache.lastFailure(of: domain) == nil)
        _ = await cache.resolve(domain)
        #expect(world.discoverer.fetches == 2)
    }

    @Test("a write that is under way does not bring the policy back")
    func write() async throws {
        let post = Latch()
        world.store.nextSave = post
        _ = await cache.resolve(domain)
        #expect(await eventually { world.store.nextSave == nil })
        async let forgotten: Void = cache.forget(domain)
        await settle()
        await post.open()
        try await forgotten
        await settle()
        #expect(world.store.saved[domain] == nil)
        #expect(await cache.saveUnsaved() == 0)
    }

    @Test("a look into memory asks nobody and notes no use, mail does")
    func pure() async {
        _ = await cache.resolve(domain)
        world.clock.advance(by: .seconds(86_400))
        let questions = world.discoverer.recordQuestions
        for _ in 1...10 { #expect(cache.cached(domain) != nil) }
        await settle()
        #expect(world.discoverer.recordQuestions == questions)
        #expect(cache.dueWork(at: world.clock.now).refreshes.isEmpty)
        noteUse()
        #expect(await eventually { world.discoverer.recordQuestions > questions })
        #expect(world.discoverer.recordQuestions == questions + 1)
    }

    @Test("an end is said once, whether mail or the refresher comes upon it")
    func ended() async {
        _ = await cache.resolve(domain)
        noteUse()
        world.clock.advance(by: .seconds(8 * 86_400))
        #expect(cache.dueWork(at: world.clock.now).ended.keys.map { $0 } == [domain])
        await PolicyRefresher(cache).refreshDue()
        #expect(cache.dueWork(at: world.clock.now).ended.isEmpty)
    }

    @Test("uses that cannot be written wait for the next time")
    func unsavedUses() async {
        _ = await cache.resolve(domain)
        noteUse()
        world.store.isFull = true
        await #expect(throws: FakeStore.Full.self) { try await cache.saveUses() }
        world.store.isFull = false
        await #expect(throws: Never.self) { try await cache.saveUses() }
        #expect(world.store.uses[domain] == world.clock.now)
    }
}
