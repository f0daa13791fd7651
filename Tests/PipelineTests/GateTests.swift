// SPDX-License-Identifier: Apache-2.0
import Logging
import MTASTS
import Names
import Pipeline
import TLSRPT
import Testing

@Suite("Gate: policy, then route, then evidence")
struct GateTests {
    let world = World()
    let gate: Gate
    let hops: [NextHop]

    init() throws {
        hops = [.mx(of: try DomainName("example.org"), port: 25)]
        let keeper = PolicyKeeper(
            memory: world, store: world, discoverer: world, clock: world,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: KeeperSettings())
        gate = Gate(
            policies: keeper, routes: RouteBook(router: world, clock: world), prober: world, recorder: world,
            clock: world, settings: GateSettings())
        world.change {
            $0.record = announce("1")
            $0.fetch = .success(body(.enforce))
            $0.hosts = ["mx1.example.org": .conforming(facts), "mx2.example.org": .conforming(facts)]
        }
    }

    private let facts: TLSFacts = {
        guard let address = IPAddress("192.0.2.1") else { preconditionFailure("a literal") }
        return TLSFacts(
            address: address, version: "TLSv1.3", cipher: "x", subject: "", issuer: "", notBefore: nil, notAfter: nil,
            names: [],
            authentication: .pkix)
    }()
    private let expired = HostEvidence.failing([Failure(.certificateExpired, text: "certificate expired")], nil)

    private func isViolating(_ verdict: Verdict?) -> Bool { if case .violating = verdict { true } else { false } }

    @Test("a cold domain is asked for, a warm one is not")
    func warm() async {
        #expect(gate.glance(hops) == nil)
        #expect(await gate.admit(hops) == .conforming(.enforce))
        #expect(gate.glance(hops) == .conforming(.enforce))
        #expect(await gate.admit(hops) == .conforming(.enforce))
        #expect(world.look(\.probes) == 1)
        #expect(world.look(\.fetches) == 1)
    }

    @Test("without a policy no host is looked at")
    func noPolicy() async {
        world.change { $0.record = .found(.absent) }
        #expect(await gate.admit(hops) == .noPolicy(nil))
        #expect(gate.glance(hops) == .noPolicy(nil))
        #expect(world.look(\.probes) == 0)
    }

    @Test("a violation looks for a new policy at once, and the repaired policy frees the mail")
    func repairedPolicy() async {
        #expect(await gate.admit(hops) == .conforming(.enforce))
        world.change { $0.route = .success(["mx2.example.org"]) }
        world.pass(.seconds(400))
        #expect(await isViolating(gate.admit(hops)))
        // Looked at just now: the violation is known.
        #expect(isViolating(gate.glance(hops)))
        world.pass(.seconds(61))
        world.change {
            $0.record = announce("2")
            $0.fetch = .success(body(.enforce, mx: "mx2.example.org"))
        }
        #expect(gate.glance(hops) == nil)
        #expect(await gate.admit(hops) == .conforming(.enforce))
    }

    @Test("a repaired host gets its mail after a minute")
    func repairedHost() async {
        world.change { $0.hosts["mx1.example.org"] = expired }
        #expect(await isViolating(gate.admit(hops)))
        world.change { $0.hosts["mx1.example.org"] = .conforming(facts) }
        world.pass(.seconds(61))
        #expect(await gate.admit(hops) == .conforming(.enforce))
    }

    @Test("when patience ends, one bad host seen is enough to decide")
    func settles() async {
        #expect(gate.settle(hops) == .unknown("lookup still running"))
        world.change { $0.hosts["mx1.example.org"] = expired }
        _ = await gate.admit(hops)
        world.pass(.seconds(29))
        #expect(isViolating(gate.settle(hops)))
    }

    @Test("routes that cannot be had")
    func noRoute() async {
        world.change { $0.route = .failure(.nullMX) }
        #expect(await gate.admit(hops) == .notJudged("null MX"))
        world.pass(.seconds(61))
        world.change { $0.route = .failure(.bogus("signature")) }
        #expect(await isViolating(gate.admit(hops)))
        world.pass(.seconds(61))
        world.change { $0.route = .failure(.unavailable("SERVFAIL")) }
        #expect(await gate.admit(hops) == .unknown("SERVFAIL"))
    }

    @Test("an address literal is not judged")
    func literal() async throws {
        let address = try #require(IPAddress("192.0.2.1"))
        #expect(gate.glance([.address(address, port: 25)]) == .notJudged("address literal"))
    }

    @Test("hosts are judged by their names alone when probes are off")
    func namesOnly() async {
        var settings = GateSettings()
        settings.scrutiny = .namesOnly
        gate.apply(settings)
        #expect(await gate.admit(hops) == .conforming(.enforce))
        #expect(world.look(\.probes) == 0)
    }

    @Test("counts what met a policy, with the policy")
    func counts() async throws {
        gate.note(await gate.admit(hops), of: hops)
        gate.note(.unknown("x"), of: hops)
        gate.note(.notJudged("x"), of: hops)
        let outcomes = world.look(\.outcomes)
        #expect(outcomes.count == 1)
        #expect(outcomes.first?.policy?.id == "1")
        #expect(outcomes.first?.verdict == .conforming(.enforce))
    }
}
