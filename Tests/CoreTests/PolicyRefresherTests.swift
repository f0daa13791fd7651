// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

@Suite("PolicyRefresher: policies in use do not run out")
struct PolicyRefresherTests {
    let world = World()
    let policyCache: PolicyCache
    let refresher: PolicyRefresher
    let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        policyCache = world.policyCache()
        refresher = PolicyRefresher(policyCache)
    }

    private func learn(maxAge: Int = 7 * 86_400) async {
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: maxAge))
        _ = await policyCache.resolve(domain)
        policyCache.noteUse(of: domain, found: policyCache.cached(domain))
    }

    private var isEnforced: Bool {
        get async {
            guard case .policy(let cached) = await policyCache.resolve(domain) else { return false }
            return cached.policy.mode == .enforce
        }
    }

    @Test("a policy in use is fetched anew within the interval although its id stays")
    func inUse() async {
        await learn()
        #expect(await refresher.refreshDue() == 0)
        world.clock.advance(by: .seconds(12 * 3600))
        #expect(await refresher.refreshDue() == 1)
        #expect(world.discoverer.fetches == 2)
        #expect(await refresher.refreshDue() == 0)
    }

    @Test("a short-lived one at half its life")
    func shortLived() async {
        await learn(maxAge: 3600)
        world.clock.advance(by: .seconds(1800))
        #expect(await refresher.refreshDue() == 1)
    }

    @Test("one without mail for a month is let go")
    func unused() async {
        await learn(maxAge: 60 * 86_400)
        world.clock.advance(by: .seconds(31 * 86_400))
        #expect(await refresher.refreshDue() == 0)
    }

    @Test("failures pause, and what runs out for them is named")
    func lost() async {
        await learn(maxAge: 86_400)
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
        world.clock.advance(by: .seconds(12 * 3600))
        #expect(await refresher.refreshDue() == 1)
        #expect(await refresher.refreshDue() == 0)
        world.clock.advance(by: .seconds(301))
        #expect(await refresher.refreshDue() == 1)
        world.clock.advance(by: .seconds(12 * 3600))
        #expect(policyCache.cached(domain) == nil)
        policyCache.noteUse(of: domain, found: nil)
        #expect(policyCache.ranOutPolicies.map(\.domain) == [domain])
    }

    @Test("a DNS that is blocked does not keep the policy from its host")
    func blockedDNS() async {
        await learn()
        world.discoverer.recordAnswer = .unavailable("timeout")
        world.clock.advance(by: .seconds(12 * 3600))
        #expect(await refresher.refreshDue() == 1)
        #expect(world.discoverer.fetches == 2)
        let now = world.clock.now
        #expect(world.memory.policies[domain]?.fetchedAt == now)
    }

    @Test("a record that is gone, or forged away, does not keep the policy from its host")
    func recordGone() async {
        await learn()
        for isInvalid in [false, true] {
            world.discoverer.recordAnswer = .found(isInvalid ? .invalid("two records") : .absent)
            let before = world.discoverer.fetches
            world.clock.advance(by: .seconds(12 * 3600))
            #expect(await refresher.refreshDue() == 1)
            #expect(world.discoverer.fetches == before + 1)
            let now = world.clock.now
            #expect(world.memory.policies[domain]?.fetchedAt == now && world.memory.policies[domain]?.id == "1")
            #expect(await refresher.refreshDue() == 0)
        }
    }

    @Test("one whose record and host are gone does not take a turn in each round, and has not failed")
    func allGone() async {
        await learn()
        let good = world.discoverer.policyAnswer
        world.discoverer.recordAnswer = .found(.absent)
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 404")))
        world.clock.advance(by: .seconds(12 * 3600))
        #expect(await refresher.refreshDue() == 1)
        #expect(await refresher.refreshDue() == 0)
        #expect(policyCache.cached(domain) != nil && policyCache.lastFailure(of: domain) == nil)
        world.clock.advance(by: .seconds(3601))
        #expect(await refresher.refreshDue() == 1)
        #expect(world.discoverer.fetches == 3)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = good
        world.clock.advance(by: .seconds(3601))
        #expect(await refresher.refreshDue() == 1)
        let now = world.clock.now
        #expect(world.memory.policies[domain]?.fetchedAt == now)
    }

    @Test("the nearer the end the shorter the pause after a failure, and none outlasts it", arguments: [1, 7, 60])
    func pausesNearTheEnd(days: Int) async {
        await learn(maxAge: days * 86_400)
        let end = world.clock.now + .seconds(days * 86_400)
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
        var last = world.clock.now
        var fetches = world.discoverer.fetches
        while world.clock.now < end {
            world.clock.advance(by: .seconds(60))
            // Its mail goes on.
            policyCache.noteUse(of: domain, found: policyCache.cached(domain))
            _ = await refresher.refreshDue()
            if world.discoverer.fetches > fetches { (fetches, last) = (world.discoverer.fetches, world.clock.now) }
        }
        #expect(last >= end - .seconds(600) && fetches < 100 + 4 * days)
        // Its host is there again just as it has ended: the next mail finds it.
        world.discoverer.policyAnswer = .success(body(.enforce))
        #expect(await isEnforced)
    }

    @Test("a policy that ran out for failures is asked for again in a quarter of an hour at most")
    func afterTheEnd() async {
        await learn(maxAge: 86_400)
        let good = world.discoverer.policyAnswer
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
        for _ in 0..<(36 * 60) {
            world.clock.advance(by: .seconds(60))
            _ = await refresher.refreshDue()
            _ = await policyCache.resolve(domain)
        }
        world.discoverer.policyAnswer = good
        world.clock.advance(by: .seconds(900))
        #expect(await isEnforced)
    }

    @Test("policies learned together are fetched apart, and the same way after a restart")
    func spread() throws {
        let policy = try Policy.read(body(.enforce, maxAge: 604_800).utf8).policy
        let times = try (0..<100).map { number in
            let domain = try DomainName("d\(number).example")
            return CachedPolicy(domain: domain, id: "1", policy: policy, fetchedAt: UTCTime(secondsSinceEpoch: 0))
                .life.refreshTime(of: domain, every: .seconds(43_200)).secondsSinceEpoch
        }
        #expect(Set(times).count > 90)
        #expect(times.allSatisfy { (32_400...43_200).contains($0) })
    }
}
