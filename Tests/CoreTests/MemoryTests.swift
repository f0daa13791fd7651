// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import Concurrency
@testable import Core
import Logging
import Testing

@Suite("Tables in memory are bounded in octets")
struct ExpiringTableTests {
    private let start = UTCTime(secondsSinceEpoch: 1_000_000)

    private func table(octets: Int) -> TTLCache<Int, String> {
        TTLCache(octets: octets) { _, text in text.heldOctets }
    }

    @Test("by what the entries hold, large ones and small")
    func budget() {
        let table = table(octets: 100_000)
        for number in 0..<5000 {
            let length = number % 7 == 0 ? 5000 : 30
            table.set(String(repeating: "x", count: length), for: number, at: start, keepFor: .seconds(60))
            #expect(table.octets <= 100_000)
        }
        #expect(table.count > 10)
        table.set(String(repeating: "x", count: 200_000), for: 0, at: start, keepFor: .seconds(60))
        #expect(table.value(for: 0, at: start) == nil)
        for number in 0..<5000 { table.remove(number) }
        #expect(table.octets == 0 && table.count == 0)
    }

    @Test("a flood pushes out its own kind before it pushes out what is in use")
    func flood() {
        let table = table(octets: 200_000)
        for number in 0..<100 { table.set("used", for: number, at: start, keepFor: .seconds(60)) }
        for number in 100..<20_000 {
            table.set("flood", for: number, at: start, keepFor: .seconds(60))
            if number % 50 == 0 { for used in 0..<100 { _ = table.value(for: used, at: start) } }
        }
        #expect((0..<100).allSatisfy { table.value(for: $0, at: start) == "used" })
        #expect(table.octets <= 200_000)
    }

    @Test("what is no longer good goes at a sweep, and its memory with it")
    func sweep() {
        let table = table(octets: 10 << 20)
        for number in 0..<20_000 {
            table.set("\(number)", for: number, at: start, keepFor: .seconds(number < 19_000 ? 30 : 90))
        }
        table.sweep(at: start + .seconds(29))
        #expect(table.count == 20_000)
        table.sweep(at: start + .seconds(60))
        #expect(table.count == 1000)
        #expect((19_000..<20_000).allSatisfy { table.value(for: $0, at: start + .seconds(60)) == "\($0)" })
        let octets = table.octets
        table.set("new", for: -1, at: start + .seconds(60), keepFor: .seconds(1))
        #expect(table.octets > octets)
        table.sweep(at: start + .seconds(100))
        #expect(table.count == 0 && table.octets == 0)
    }

    @Test("replacing, changing and removing keep the sum right")
    func sum() {
        let table = table(octets: 100_000)
        let long = String(repeating: "x", count: 1000)
        table.set("a", for: 1, at: start, keepFor: .seconds(60))
        let small = table.octets
        table.set(long, for: 1, at: start, keepFor: .seconds(60))
        #expect(table.octets > small + 1000)
        table.change(1, at: start, keepFor: .seconds(60)) { $0 == long ? "b" : nil }
        #expect(table.octets == small)
        table.change(1, at: start, keepFor: .seconds(60)) { _ in nil }
        #expect(table.octets == 0)
        #expect(table.all(at: start).isEmpty)
    }
}

@Suite("Strangers cannot fill the memory")
struct MemoryTests {
    /// A name of the greatest length, different for each number.
    private func longName(_ number: Int) throws -> DomainName {
        let label = String(repeating: "x", count: 60)
        return try DomainName("n\(number).\(label).\(label).\(label).\(String(repeating: "y", count: 50)).example")
    }

    private func keeper(_ world: World) -> PolicyCache {
        PolicyCache(
            memory: world, store: world, discoverer: world, clock: world,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: PolicyCacheSettings())
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
        let keeper = keeper(world)
        let resolver = NextHopResolver(keeper, world)
        let long = String(repeating: "x", count: 255)
        let failure = Failure(.validationFailure, reasonCode: long, text: long, helo: long)
        let now = world.now
        for number in 0..<20_000 {
            let candidate = MXHost(name: try longName(number), preference: 1, port: 25)
            resolver.hosts.table.set(
                .failing([failure, failure], nil),
                for: HostEvidenceCache.Key(candidate: candidate, routeIsSecure: false, generation: 0), at: now,
                keepFor: .seconds(60))
        }
        #expect(resolver.hosts.table.octets <= MemoryBudget.evidence)
        #expect(resolver.hosts.table.count > 5000)
        world.pass(.seconds(61))
        resolver.sweep()
        #expect(resolver.hosts.table.count == 0 && resolver.hosts.table.octets == 0)
    }

    @Test("of a route without DNSSEC and without a policy no hosts are kept, and it is not looked up twice")
    func routes() async throws {
        let world = World()
        let names = try (0..<100).map { try longName($0).ascii }
        world.change { $0.route = .success(names) }
        let routes = RouteCache(router: world, clock: world)
        let map = PolicyMapResolver(
            resolver: NextHopResolver(keeper(world), world, routes: routes), settings: MapSettings())
        for number in 0..<50 {
            let key = NextHop.mx(of: try longName(number), port: 25)
            #expect(await map.resolve(key) == .notFound)
            #expect(map.cached(key) == .notFound)
        }
        #expect(routes.octets < 50 * 1000)
        // A second later the answer of the second is gone, and what is known of the route still decides.
        world.pass(.seconds(2))
        world.change { $0.routesAnswered = 0 }
        #expect(map.cached(.mx(of: try longName(1), port: 25)) == .notFound)
        world.pass(.seconds(60))
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
        let keeper = PolicyCache(
            memory: world, store: world, discoverer: world, clock: world,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: PolicyCacheSettings())
        world.change {
            $0.record = announce("1")
            $0.fetch = .success(body(.enforce, maxAge: 7 * 86_400))
        }
        let policy = await keeper.policy(for: domain)
        world.change {
            $0.record = .found(.absent)
            $0.now = $0.now + .seconds(8 * 86_400)
        }
        #expect(keeper.known(domain) == nil)
        #expect(await keeper.policy(for: domain) == .absent)
        world.change { $0.now = $0.now - .seconds(8 * 86_400) }
        #expect(keeper.known(domain) == policy)
        #expect(world.look { $0.saved[domain] } != nil)
    }

    @Test("its end is said once, and as lost only while it is")
    func saidOnce() async throws {
        let world = World()
        let domain = try DomainName("example.org")
        let keeper = PolicyCache(
            memory: world, store: world, discoverer: world, clock: world,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: PolicyCacheSettings())
        world.change {
            $0.record = announce("1")
            $0.fetch = .success(body(.enforce))
        }
        _ = await keeper.policy(for: domain)
        world.change {
            $0.fetch = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
            $0.now = $0.now + .seconds(80_000)
        }
        _ = await keeper.refresh(domain)
        world.pass(.seconds(10_000))
        _ = keeper.known(domain)
        let lost = keeper.lostPolicies.map(\.at)
        #expect(lost == [world.now])
        world.pass(.seconds(60))
        _ = keeper.known(domain)
        #expect(keeper.lostPolicies.map(\.at) == lost)
        world.change { $0.now = $0.now - .seconds(10_060) }
        #expect(keeper.lostPolicies.isEmpty)
    }
}

@Suite("A stored policy that cannot be read holds mail back until it is fetched anew")
struct UnreadablePolicyTests {
    /// A memory in which one policy cannot be read.
    private final class Memory: PolicyMemory {
        let world: World
        init(_ world: World) { self.world = world }

        func policy(for domain: DomainName) -> CachedPolicy? { world.policy(for: domain) }
        func set(_ policy: CachedPolicy) { world.set(policy) }
        func remove(_ domain: DomainName) { world.remove(domain) as Void }
        func unreadable(_ domain: DomainName, at time: UTCTime) -> String? {
            world.policy(for: domain) == nil ? "cannot be read" : nil
        }
    }

    private let world = World()
    private let keeper: PolicyCache
    private let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        keeper = PolicyCache(
            memory: Memory(world), store: world, discoverer: world, clock: world,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: PolicyCacheSettings())
    }

    @Test(
        "whatever the network says that is no policy",
        arguments: [.found(.absent), .unavailable("SERVFAIL"), announce("1")] as [RecordLookup])
    func holds(_ record: RecordLookup) async {
        world.change { $0.record = record }
        for _ in 1...3 {
            #expect(await keeper.policy(for: domain) == .unreadable("cannot be read"))
            #expect(await keeper.recheck(domain) == .unreadable("cannot be read"))
            #expect(keeper.known(domain) == .unreadable("cannot be read"))
        }
        #expect(world.look(\.fetches) > 0)
    }

    @Test("and the first question fetches it, even without its record")
    func repaired() async {
        world.change {
            $0.record = .found(.absent)
            $0.fetch = .success(body(.enforce))
        }
        guard case .policy(let cached) = await keeper.policy(for: domain) else {
            Issue.record("not fetched")
            return
        }
        #expect(cached.policy.mode == .enforce)
        #expect(keeper.known(domain) == .policy(cached))
    }
}
