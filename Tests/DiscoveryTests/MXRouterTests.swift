// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Discovery
import LabKit
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("RFC 5321 §5.1: Locating the Target Host", .serialized)
struct MXRouterTests {
    static let example = "example.lab"

    private func route(_ world: World, timeout: Duration = .seconds(20)) async throws -> (Route, Duration) {
        let router = MXRouter(resolver: world.resolver, timeout: timeout)
        return try await router.route(to: .mx(of: try DomainName(Self.example), port: 25))
    }

    private func error(_ world: World, timeout: Duration = .seconds(20)) async throws -> RouteError? {
        do {
            _ = try await route(world, timeout: timeout)
            return nil
        } catch let error as RouteError {
            return error
        }
    }

    @Test func hostsAreOrderedByPreferenceAndNamedOnce() async throws {
        let world = try World()
        world.names.set(
            Self.example, .mx(20, "c.example.lab"), .mx(10, "B.example.lab."), .mx(10, "a.example.lab"),
            .mx(30, "a.example.lab"))
        let (route, keep) = try await route(world)
        #expect(route.candidates.map(\.name.ascii) == ["a.example.lab", "b.example.lab", "c.example.lab"])
        #expect(route.candidates.map(\.preference) == [10, 10, 20])
        #expect(route.candidates.allSatisfy { $0.port == 25 })
        #expect(route.policyDomain.ascii == Self.example)
        #expect(!route.isSecure)
        #expect(keep == .seconds(30))
    }

    static let lives: [(UInt32, Duration)] = [(0, .seconds(30)), (300, .seconds(300)), (86_400, .seconds(300))]

    @Test(arguments: lives.indices)
    func aRouteIsKeptAsTheDNSSaysWithinLimits(_ index: Int) async throws {
        let (ttl, expected) = Self.lives[index]
        let world = try World()
        world.names.ttl = ttl
        world.names.set(Self.example, .mx(10, "mx.example.lab"))
        #expect(try await route(world).1 == expected)
    }

    @Test func anAliasIsFollowedAndThePolicyDomainStays() async throws {
        let world = try World()
        world.names.set(Self.example, .cname("target.lab"))
        world.names.set("target.lab", .mx(10, "mx.target.lab"))
        let (route, _) = try await route(world)
        #expect(route.candidates.map(\.name.ascii) == ["mx.target.lab"])
        #expect(route.policyDomain.ascii == Self.example)
    }

    @Test func theMostPreferredOfManyAreLookedAt() async throws {
        let world = try World()
        world.names.set(Self.example, (1...60).reversed().map { .mx(UInt16($0), "mx\($0).example.lab") })
        let (route, _) = try await route(world)
        #expect(route.candidates.map(\.preference) == Array(1...32))
        #expect(route.unprobed.map(\.ascii) == (33...60).map { "mx\($0).example.lab" })
        #expect(route.invalidTargets == [])
    }

    @Test func moreRecordsThanAreReadAreNotVouchedFor() async throws {
        let world = try World()
        world.names.set(Self.example, (1...101).map { .mx(UInt16($0), "mx\($0).example.lab") })
        let (route, _) = try await route(world)
        #expect(route.invalidTargets == ["more than 100 records"])
    }

    @Test func withoutMXTheDomainItselfIsTheHost() async throws {
        for address in [DNSRecord.a("192.0.2.1"), .aaaa("2001:db8::1")] {
            let world = try World()
            world.names.set(Self.example, address)
            let (route, _) = try await route(world)
            #expect(route.candidates.map(\.name.ascii) == [Self.example])
            #expect(route.candidates.map(\.preference) == [0])
        }
    }

    @Test func aNullMXTakesNoMail() async throws {
        let world = try World()
        world.names.set(Self.example, .mx(0, "."))
        #expect(try await error(world) == .nullMX(isSecure: false))
    }

    @Test func aNullMXAmongOthersIsIgnored() async throws {
        let world = try World()
        world.names.set(Self.example, .mx(0, "."), .mx(10, "mx.example.lab"))
        #expect(try await route(world).0.candidates.map(\.name.ascii) == ["mx.example.lab"])
    }

    // Postfix dials an address that stands where a name should.
    @Test func namesNoHostCanHaveAreStrangers() async throws {
        let world = try World()
        world.names.set(Self.example, .mx(5, "192.0.2.1"), .mx(7, "a b.example.lab"), .mx(10, "mx.example.lab"))
        let (route, _) = try await route(world)
        #expect(route.candidates.map(\.name.ascii) == ["mx.example.lab"])
        #expect(route.invalidTargets.sorted() == ["192.0.2.1", "a b.example.lab"])
    }

    @Test func aHostWithAnUnderscoreIsDialledAndSoIsACandidate() async throws {
        let world = try World()
        world.names.set(Self.example, .mx(10, "mx_1.example.lab"))
        #expect(try await route(world).0.candidates.map(\.name.ascii) == ["mx_1.example.lab"])
    }

    @Test func strangersAloneMakeARoute() async throws {
        let world = try World()
        world.names.set(Self.example, .mx(5, "192.0.2.1"), .mx(0, "."))
        let (route, _) = try await route(world)
        #expect(route.candidates == [])
        #expect(route.invalidTargets == ["192.0.2.1"])
    }

    @Test func aDomainThatDoesNotExistHasNoRoute() async throws {
        let world = try World()
        world.names.fail(Self.example, nil, .nxdomain)
        #expect(try await error(world) == .noSuchDomain(isSecure: false))
    }

    @Test func aDomainWithoutMXAndAddressHasNoRoute() async throws {
        let world = try World()
        world.names.set(Self.example, .txt("v=spf1 -all"))
        #expect(try await error(world) == .noSuchDomain(isSecure: false))
    }

    static let failures: [(DNSType, DNSFault, String)] = [
        (.mx, .servfail, "MX of example.lab: DNS server failure"),
        (.mx, .silent, "MX of example.lab: DNS query timed out"),
    ]

    @Test(arguments: failures.indices)
    func aFailingDNSLeavesTheRouteUnknown(_ index: Int) async throws {
        let (type, fault, text) = Self.failures[index]
        let world = try World()
        world.names.set(Self.example, .a("192.0.2.1"))
        world.names.fail(Self.example, type, fault)
        let timeout: Duration = fault == .silent ? .milliseconds(500) : .seconds(20)
        #expect(try await error(world, timeout: timeout) == .unavailable(text))
    }

    @Test func failingAddressesOfADomainWithoutMXLeaveTheRouteUnknown() async throws {
        let world = try World()
        world.names.set(Self.example, .txt("x"))
        world.names.fail(Self.example, .a, .servfail)
        world.names.fail(Self.example, .aaaa, .servfail)
        #expect(try await error(world) == .unavailable("address of example.lab: DNS server failure"))
    }

    @Test func aForgedAnswerIsBogus() async throws {
        let world = try World(trustAnchor: World.anchor(for: "lab."))
        world.names.set(Self.example, .mx(10, "mx.example.lab"))
        guard case .bogus(let text) = try await error(world) else { throw LabError("not bogus") }
        #expect(text.hasPrefix("MX of example.lab: DNSSEC validation failed"))
    }

    @Test func aHostFromTheSettingsIsTheOnlyCandidate() async throws {
        let world = try World()
        let relay = try DomainName("relay.lab")
        let router = MXRouter(resolver: world.resolver)
        let (route, _) = try await router.route(to: .host(relay, port: 587))
        #expect(route.candidates == [MXHost(name: relay, preference: 0, port: 587)])
        #expect(route.policyDomain == relay)
        #expect(route.isSecure)
        #expect(world.names.queries("relay.lab") == 0)
    }
}
