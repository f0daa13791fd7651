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

    @Test("one whose record is gone does not take a turn in each round")
    func recordGone() async {
        await learn()
        world.discoverer.recordAnswer = .found(.absent)
        world.clock.advance(by: .seconds(12 * 3600))
        #expect(await refresher.refreshDue() == 1)
        #expect(await refresher.refreshDue() == 0)
        world.clock.advance(by: .seconds(3601))
        #expect(await refresher.refreshDue() == 1)
        world.discoverer.recordAnswer = announce("1")
        world.clock.advance(by: .seconds(3601))
        #expect(await refresher.refreshDue() == 1)
        #expect(world.discoverer.fetches == 2)
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
