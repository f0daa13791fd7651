// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import Testing

@Suite("Gate: policy, then route, then evidence")
struct GateTests {
    let world = World()
    let gate: Gate
    let hops: [NextHop]

    init() throws {
        hops = [.mx(of: try DomainName("example.org"), port: 25)]
        let keeper = PolicyCache(
            memory: world, store: world, discoverer: world, clock: world,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: PolicyCacheSettings())
        gate = Gate(
            policies: keeper, routes: RouteCache(router: world, clock: world), prober: world, recorder: world,
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

    private func isUnproven(_ verdict: Verdict?) -> Bool { if case .unproven = verdict { true } else { false } }
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

    @Test("a host for which there was no room leaves the route open, and is tried again")
    func notTried() async {
        world.change {
            $0.fetch = .success(body(.enforce, mx: "*.example.org"))
            $0.route = .success(["mx1.example.org", "mx2.example.org"])
            $0.notTried = ["mx2.example.org"]
        }
        let verdict = await gate.admit(hops)
        guard case .unproven(let doubt) = verdict, doubt.isOurs else {
            Issue.record("a host that nobody looked at was taken for good: \(verdict)")
            return
        }
        world.change { $0.notTried = [] }
        #expect(await gate.admit(hops) == .conforming(.enforce))
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

    @Test("a route that broke its policy is not let through because it cannot be looked at now")
    func staysBroken() async {
        world.change { $0.hosts["mx1.example.org"] = expired }
        #expect(await isViolating(gate.admit(hops)))
        // The host's failure is old, and the next look has not ended.
        world.pass(.seconds(61))
        #expect(isViolating(gate.settle(hops)))
        // The next look ends without an answer.
        world.change { $0.hosts["mx1.example.org"] = .unreachable("timed out") }
        #expect(await isViolating(gate.admit(hops)))
        world.pass(.seconds(400))
        world.change { $0.route = .failure(.unavailable("SERVFAIL")) }
        #expect(await isViolating(gate.admit(hops)))
        #expect(isViolating(gate.settle(hops)))
        // Seen to keep it, it is trusted again.
        world.pass(.seconds(61))
        world.change {
            $0.route = .success(["mx1.example.org"])
            $0.hosts["mx1.example.org"] = .conforming(facts)
        }
        #expect(await gate.admit(hops) == .conforming(.enforce))
        world.pass(.seconds(301))
        #expect(gate.settle(hops) == .unproven(Doubt("lookup of hosts still running")))
    }

    @Test("a violation does not turn into a pass while the route is looked up again")
    func routeLostAfterViolation() async {
        world.change { $0.route = .success(["mx9.example.org"]) }
        world.change { $0.routesAnswered = 1 }
        #expect(await isViolating(gate.admit(hops)))
    }

    @Test("another policy is judged anew")
    func brokenUnderAnotherPolicy() async {
        world.change { $0.hosts["mx1.example.org"] = expired }
        #expect(await isViolating(gate.admit(hops)))
        world.pass(.seconds(61))
        world.change {
            $0.record = announce("2")
            $0.fetch = .success(body(.enforce, mx: "mx2.example.org"))
            $0.route = .failure(.unavailable("SERVFAIL"))
        }
        world.pass(.seconds(4000))
        _ = await gate.admit(hops)
        #expect(await gate.admit(hops) == .unproven(Doubt("SERVFAIL")))
    }

    @Test("a testing policy holds nothing back for want of time")
    func testingUnfinished() async {
        world.change { $0.fetch = .success(body(.testing)) }
        #expect(await gate.admit(hops) == .conforming(.testing))
        world.pass(.seconds(301))
        #expect(gate.settle(hops) == .testing([]))
    }

    @Test("of several next hops a bad one decides although another is not known yet")
    func oneOfSeveral() async throws {
        world.change { $0.hosts["mx1.example.org"] = expired }
        #expect(await isViolating(gate.admit(hops)))
        let other = NextHop.mx(of: try DomainName("other.example"), port: 25)
        #expect(isViolating(gate.settle(hops + [other])))
        #expect(isViolating(gate.settle([other] + hops)))
    }

    @Test("what old settings saw does not count under new ones")
    func reloadDuringProbe() async {
        let post = Gatepost()
        world.change { $0.probeGate = post }
        async let before = gate.admit(hops)
        while world.look(\.probes) == 0 { await Task.yield() }
        gate.forgetEvidence()
        world.change {
            $0.probeGate = nil
            $0.hosts["mx1.example.org"] = expired
        }
        await post.open()
        _ = await before
        #expect(await isViolating(gate.admit(hops)))
    }

    @Test("a domain with many hosts takes a few probes at a time")
    func manyHosts() async {
        let post = Gatepost()
        world.change {
            $0.fetch = .success(body(.enforce, mx: "*.example.org"))
            $0.route = .success((0..<30).map { "h\($0).example.org" })
            $0.probeGate = post
        }
        async let verdict = gate.admit(hops)
        while world.look(\.probes) == 0 { await Task.yield() }
        try? await Task.sleep(for: .milliseconds(50))
        #expect(world.look(\.probes) <= 8)
        await post.open()
        _ = await verdict
        #expect(world.look(\.probes) == 30)
    }

    @Test("routes that cannot be had")
    func noRoute() async {
        world.change { $0.route = .failure(.nullMX(isSecure: true)) }
        #expect(await gate.admit(hops) == .notJudged("null MX"))
        gate.forgetEvidence()
        for error in [RouteError.nullMX(isSecure: false), .noSuchDomain(isSecure: false)] {
            world.change { $0.route = .failure(error) }
            #expect(await isUnproven(gate.admit(hops)))
            gate.forgetEvidence()
        }
        world.pass(.seconds(61))
        world.change { $0.route = .failure(.bogus("signature")) }
        #expect(await isViolating(gate.admit(hops)))
        gate.forgetEvidence()
        world.change { $0.route = .failure(.unavailable("SERVFAIL")) }
        #expect(await gate.admit(hops) == .unproven(Doubt("SERVFAIL")))
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
        gate.note(Disposition(await gate.admit(hops), of: hops, isHeldBack: true))
        gate.note(Disposition(.unknown("x"), of: hops, isHeldBack: true))
        gate.note(Disposition(.notJudged("x"), of: hops, isHeldBack: false))
        let outcomes = world.look(\.outcomes)
        #expect(outcomes.count == 1)
        #expect(outcomes.first?.policy?.id == "1")
        #expect(outcomes.first?.verdict == .conforming(.enforce))
    }
}
