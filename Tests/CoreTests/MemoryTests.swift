// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import Core
import Testing

@Suite("Strangers cannot fill the memory")
struct MemoryTests {
    /// A name of the greatest length, different for each number.
    private func longName(_ number: Int) throws -> DomainName {
        let label = String(repeating: "x", count: 60)
        return try DomainName("n\(number).\(label).\(label).\(label).\(String(repeating: "y", count: 50)).example")
    }

    @Test("what is kept of a host is cut when it comes in")
    func cut() throws {
        let long = String(repeating: "\u{E4}", count: 3000)
        let facts = TLSFacts(
            address: try #require(IPAddress("192.0.2.1")), version: "TLSv1.3", cipher: long, subject: long,
            issuer: long,
            notBefore: nil, notAfter: nil, names: Array(repeating: long, count: 100), authentication: .pkix)
        #expect(facts.names.count == 3 && facts.names.allSatisfy { $0.utf8.count <= 253 })
        #expect([facts.subject, facts.issuer, facts.cipher].allSatisfy { $0.utf8.count <= 100 })
        let failure = Failure(.validationFailure, reasonCode: long, text: long, helo: long)
        #expect([failure.text, failure.reasonCode, failure.helo].allSatisfy { ($0?.utf8.count ?? 0) <= 255 })
        let seen = HostEvidence.failing(Array(repeating: failure, count: 4), facts)
        #expect(seen.heldOctets < 8000)
    }

    @Test("thousands of hosts of the worst kind stay within the budget, and go when they are no longer good")
    func hosts() async throws {
        let world = World()
        let resolver = world.resolver(world.policyCache())
        let long = String(repeating: "x", count: 255)
        let failure = Failure(.validationFailure, reasonCode: long, text: long, helo: long)
        let now = world.clock.now
        for number in 0..<20_000 {
            let candidate = MXHost(name: try longName(number), preference: 1, port: 25)
            resolver.hosts.table.set(
                .failing([failure, failure], nil),
                for: HostEvidenceCache.Key(candidate: candidate, routeIsSecure: false, generation: 0), at: now,
                keepFor: .seconds(60))
        }
        #expect(resolver.hosts.table.octets <= MemoryBudget.evidence)
        #expect(resolver.hosts.table.count > 5000)
        world.clock.advance(by: .seconds(61))
        resolver.sweep()
        #expect(resolver.hosts.table.count == 0 && resolver.hosts.table.octets == 0)
    }

    @Test("the routes of a hundred thousand domains in use are kept, two hosts each")
    func manyRoutes() async throws {
        let world = World()
        world.router.state.withLock { $0.answer = .success(["mx0.hosts.lab", "mx1.hosts.lab"]) }
        let routes = RouteCache(router: world.router, clock: world.clock)
        let hops = try (0..<100_000).map { NextHop.mx(of: try DomainName("customer-\($0 * 10).many.lab"), port: 25) }
        for hop in hops { _ = await routes.resolve(hop) }
        let kept = hops.count { routes.cached($0, at: world.clock.now) != nil }
        #expect(kept == hops.count, "\(routes.octets) octets")
    }

    @Test("of a route without DNSSEC and without a policy no hosts are kept, and it is not looked up twice")
    func routes() async throws {
        let world = World()
        let names = try (0..<100).map { try longName($0).ascii }
        world.router.answer = .success(names)
        let routes = RouteCache(router: world.router, clock: world.clock)
        let map = PolicyMapResolver(
            resolver: world.resolver(world.policyCache(), routes: routes), settings: MapQuestionSettings())
        for number in 0..<50 {
            let key = NextHop.mx(of: try longName(number), port: 25)
            #expect(await map.resolve(key) == .notFound)
            #expect(map.cached(key) == .notFound)
        }
        #expect(routes.octets < 50 * 1000)
        // A second later the answer of the second is gone, and what is known of the route still decides.
        world.clock.advance(by: .seconds(2))
        world.router.answersLeft = 0
        #expect(map.cached(.mx(of: try longName(1), port: 25)) == .notFound)
        world.clock.advance(by: .seconds(60))
        routes.sweep()
        #expect(routes.octets == 0)
    }
}

@Suite("A clock that jumps loses no policy")
struct ClockJumpTests {
    @Test("ahead past the end of a policy and back: it is there again")
    func jump() async throws {
        let world = World()
        let domain = try DomainName("example.org")
        let policyCache = world.policyCache()
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: 7 * 86_400))
        let policy = await policyCache.resolve(domain)
        world.discoverer.recordAnswer = .found(.absent)
        world.clock.advance(by: .seconds(8 * 86_400))
        #expect(policyCache.cached(domain) == nil)
        #expect(await policyCache.resolve(domain) == .absent)
        world.clock.advance(by: .seconds(-8 * 86_400))
        #expect(policyCache.cached(domain) == policy)
        #expect(await policyCache.saveUnsaved() == 0)
        #expect(world.store.saved[domain] != nil)
    }

    @Test("its end is said once, and as lost only while it is")
    func saidOnce() async throws {
        let world = World()
        let domain = try DomainName("example.org")
        let policyCache = world.policyCache()
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
        _ = await policyCache.resolve(domain)
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
        world.clock.advance(by: .seconds(80_000))
        _ = await policyCache.refresh(domain)
        world.clock.advance(by: .seconds(10_000))
        policyCache.noteUse(of: domain, found: policyCache.cached(domain))
        let lost = policyCache.ranOutPolicies.map(\.at)
        #expect(lost == [world.clock.now])
        world.clock.advance(by: .seconds(60))
        policyCache.noteUse(of: domain, found: policyCache.cached(domain))
        #expect(policyCache.ranOutPolicies.map(\.at) == lost)
        world.clock.advance(by: .seconds(-10_060))
        #expect(policyCache.ranOutPolicies.isEmpty)
    }
}

@Suite("A stored policy that cannot be read holds mail back until it is fetched anew")
struct UnreadablePolicyTests {
    private let world = World()
    private let policyCache: PolicyCache
    private let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        policyCache = world.policyCache()
        world.memory.isDamaged = true
    }

    @Test(
        "whatever the network says that is no policy",
        arguments: [.found(.absent), .unavailable("SERVFAIL"), announce("1")] as [RecordLookup])
    func holds(_ record: RecordLookup) async {
        world.discoverer.recordAnswer = record
        for _ in 1...3 {
            #expect(await policyCache.resolve(domain) == .unreadable("cannot be read"))
            #expect(await policyCache.recheck(domain) == .unreadable("cannot be read"))
            #expect(policyCache.cached(domain) == .unreadable("cannot be read"))
        }
        #expect(world.discoverer.fetches > 0)
    }

    @Test("and the first question fetches it, even without its record")
    func repaired() async {
        world.discoverer.recordAnswer = .found(.absent)
        world.discoverer.policyAnswer = .success(body(.enforce))
        guard case .policy(let cached) = await policyCache.resolve(domain) else {
            Issue.record("not fetched")
            return
        }
        #expect(cached.policy.mode == .enforce)
        #expect(policyCache.cached(domain) == .policy(cached))
    }
}
