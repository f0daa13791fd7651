// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TestKit
import Testing

/// - RFC 8461 §3.3, §10.2: a policy is fetched anew before it ends, and who keeps the record from us does not keep us from
///   its host.
@Suite("Mail does not put off the renewal of a policy whose record is kept from us")
struct RenewalWithoutRecordTests {
    let world = World()
    let cache: PolicyCache
    let refresher: PolicyRefresher
    let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        cache = world.policyCache()
        refresher = PolicyRefresher(cache)
    }

    private func learn(maxAge: Int) async {
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: maxAge))
        _ = await cache.resolve(domain)
        cache.noteUse(of: domain, found: cache.cached(domain))
    }

    /// What an attacker, or a failure, makes of the record alone.
    static let records: [RecordLookup] = [
        .unavailable("SERVFAIL"), .found(.absent), .found(.invalid("two records")), .notAsked("the resolver is silent"),
    ]

    /// Lets mail come in all the while, each minute a round of the refresher.
    /// - Parameter rechecks: whether each mail is deferred, with a last look at the record before.
    private func run(for duration: Int, mailEvery interval: Int, rechecks: Bool = false) async {
        for minute in 1...(duration / 60) {
            world.clock.advance(by: .seconds(60))
            if minute * 60 % interval == 0 {
                _ = await cache.resolve(domain)
                if rechecks { _ = await cache.recheck(domain) }
            }
            _ = await refresher.refreshDue()
        }
    }

    @Test("while its host has it, it lives on", arguments: records, [(86_400, 60), (86_400, 600), (7 * 86_400, 600)])
    func livesOn(_ record: RecordLookup, _ times: (maxAge: Int, mailEvery: Int)) async {
        await learn(maxAge: times.maxAge)
        world.discoverer.recordAnswer = record
        await run(for: times.maxAge * 3 / 2, mailEvery: times.mailEvery)
        #expect(cache.cached(domain)?.mode == .enforce && world.discoverer.fetches > 2)
        #expect(cache.ranOutPolicies.isEmpty && cache.lostCount == 0)
        // Within half a day, or half its life.
        let age = world.memory.policies[domain].map { world.clock.now - $0.fetchedAt }
        #expect(age.map { $0 < .seconds(43_200 + 120) } == true, "\(String(describing: age))")
    }

    @Test("also where each mail has the record looked at once more before it is deferred", arguments: records)
    func rechecked(_ record: RecordLookup) async {
        await learn(maxAge: 86_400)
        world.discoverer.recordAnswer = record
        await run(for: 130_000, mailEvery: 60, rechecks: true)
        #expect(cache.cached(domain)?.mode == .enforce)
    }

    @Test("a renewal does not take a look that mail began for itself", arguments: records)
    func joined(_ record: RecordLookup) async {
        await learn(maxAge: 86_400)
        world.discoverer.recordAnswer = record
        world.clock.advance(by: .seconds(43_200))
        let gate = Latch()
        world.discoverer.recordGate = gate
        let before = world.discoverer.recordQuestions
        // Mail has the record looked at.
        cache.noteUse(of: domain, found: cache.cached(domain))
        #expect(await eventually { world.discoverer.recordQuestions > before })
        async let tried = refresher.refreshDue()
        await settle()
        world.discoverer.recordGate = nil
        await gate.open()
        #expect(await tried == 1)
        #expect(world.discoverer.fetches == 2)
    }

    @Test("where its host is kept from us as well, its end is told of", arguments: records)
    func ranOut(_ record: RecordLookup) async {
        await learn(maxAge: 86_400)
        world.discoverer.recordAnswer = record
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "timed out")))
        await run(for: 86_400 + 600, mailEvery: 600)
        #expect(cache.cached(domain)?.mode == nil)
        #expect(cache.ranOutPolicies.map(\.domain) == [domain] && cache.lostCount == 1)
    }

    @Test("a failure of our own is no absence at the host: the next round tries again", arguments: records)
    func notTried(_ record: RecordLookup) async {
        await learn(maxAge: 86_400)
        let good = world.discoverer.policyAnswer
        world.discoverer.recordAnswer = record
        world.discoverer.policyAnswer = .failure(.notTried("too many fetches under way"))
        world.clock.advance(by: .seconds(43_200))
        #expect(await refresher.refreshDue() == 1)
        world.discoverer.policyAnswer = good
        world.clock.advance(by: .seconds(60))
        #expect(await refresher.refreshDue() == 1)
        let now = world.clock.now
        #expect(world.memory.policies[domain]?.fetchedAt == now)
    }

    /// Whether a policy is forgotten for another machine's word, by what its own renewal came to.
    static let forgetting: [(host: FetchError?, isForgotten: Bool)] = [
        (nil, false), (.notTried("too many fetches under way"), false),
        (.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 404")), true),
    ]

    @Test("what another machine had forgotten goes only if our own fetch finds nothing", arguments: records, forgetting)
    func forgotten(_ record: RecordLookup, _ row: (host: FetchError?, isForgotten: Bool)) async {
        await learn(maxAge: 86_400)
        world.discoverer.recordAnswer = record
        world.clock.advance(by: .seconds(3601))
        // Mail has just looked at the record.
        _ = await cache.resolve(domain)
        if let failure = row.host { world.discoverer.policyAnswer = .failure(failure) }
        #expect(await cache.forgetAsTold(domain, before: world.clock.now) == row.isForgotten)
        #expect((cache.cached(domain)?.mode == .enforce) == !row.isForgotten)
    }
}

extension PolicyLookup {
    fileprivate var mode: Policy.Mode? { if case .policy(let cached) = self { cached.policy.mode } else { nil } }
}
