// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TestKit
import Testing

@Suite("Gate: policy, then route, then evidence")
struct GateTests {
    let world = World()
    let gate: Gate
    let hops: [NextHop]

    init() throws {
        hops = [.mx(of: try DomainName("example.org"), port: 25)]
        let policyCache = world.policyCache()
        gate = Gate(
            resolver: world.resolver(policyCache), recorder: world.recorder, settings: GateSettings())
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
        world.prober.evidence = ["mx1.example.org": .conforming(facts), "mx2.example.org": .conforming(facts)]
    }

    private let facts: TLSFacts = {
        guard let address = IPAddress("192.0.2.1") else { preconditionFailure("a literal") }
        return TLSFacts(
            address: address, version: "TLSv1.3", cipher: "x", subject: "", issuer: "", notBefore: nil, notAfter: nil,
            names: [],
            authentication: .pkix)
    }()
    private let expired = HostEvidence.failing([Failure(.certificateExpired, text: "certificate expired")], nil)

    @Test("mail of which the map is asked by another name is judged as if there were none, in the same second too")
    func askedByAnotherName() async {
        let gate = Gate(
            resolver: world.resolver(world.policyCache()), recorder: world.recorder, settings: GateSettings(),
            mapGuards: { _ in true })
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "*.example.org"))
        world.router.answer = .success(["mx1.example.org", "mx2.example.org"])
        world.prober.evidence = ["mx1.example.org": .conforming(facts), "mx2.example.org": .turnedAway("421")]
        for _ in 0..<3 {
            #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
            #expect(gate.cached(hops)?.verdict == .conforming(.enforce))
            #expect(await isUnproven(gate.resolve(hops, isMapAsked: false).verdict))
            #expect(gate.cached(hops, isMapAsked: false).map { isUnproven($0.verdict) } ?? true)
            #expect(isUnproven(gate.decideNow(hops, isMapAsked: false).verdict))
        }
    }

    private func isUnproven(_ verdict: Verdict?) -> Bool { if case .unproven = verdict { true } else { false } }
    private func isViolating(_ verdict: Verdict?) -> Bool { if case .violating = verdict { true } else { false } }

    @Test("a cold domain is asked for, a warm one is not")
    func warm() async {
        #expect(gate.cached(hops)?.verdict == nil)
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        #expect(gate.cached(hops)?.verdict == .conforming(.enforce))
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        #expect(world.prober.probes == 1)
        #expect(world.discoverer.fetches == 1)
    }

    @Test("a host for which there was no room leaves the route open, and is tried again")
    func notTried() async {
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "*.example.org"))
        world.router.answer = .success(["mx1.example.org", "mx2.example.org"])
        world.prober.notTried = ["mx2.example.org"]
        let verdict = await gate.resolve(hops).verdict
        guard case .unproven(let doubt) = verdict, doubt.isOurs else {
            Issue.record("a host that nobody looked at was taken for good: \(verdict)")
            return
        }
        world.prober.notTried = []
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
    }

    @Test("without a policy no host is looked at")
    func noPolicy() async {
        world.discoverer.recordAnswer = .found(.absent)
        #expect(await gate.resolve(hops).verdict == .noPolicy(nil))
        #expect(gate.cached(hops)?.verdict == .noPolicy(nil))
        #expect(world.prober.probes == 0)
    }

    @Test("a violation looks for a new policy at once, and the repaired policy frees the mail")
    func repairedPolicy() async {
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.router.answer = .success(["mx2.example.org"])
        world.clock.advance(by: .seconds(400))
        #expect(await isViolating(gate.resolve(hops).verdict))
        // Looked at just now: the violation is known.
        #expect(isViolating(gate.cached(hops)?.verdict))
        world.clock.advance(by: .seconds(61))
        world.discoverer.recordAnswer = announce("2")
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "mx2.example.org"))
        #expect(gate.cached(hops)?.verdict == nil)
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
    }

    @Test("a repaired host gets its mail after a minute")
    func repairedHost() async {
        world.prober.evidence["mx1.example.org"] = expired
        #expect(await isViolating(gate.resolve(hops).verdict))
        world.prober.evidence["mx1.example.org"] = .conforming(facts)
        world.clock.advance(by: .seconds(61))
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
    }

    @Test("when time is up, one bad host seen is enough to decide")
    func settles() async {
        #expect(gate.decideNow(hops).verdict == .unknown("lookup still running"))
        world.prober.evidence["mx1.example.org"] = expired
        _ = await gate.resolve(hops).verdict
        world.clock.advance(by: .seconds(29))
        #expect(isViolating(gate.decideNow(hops).verdict))
    }

    @Test("a route that broke its policy is not let through because it cannot be looked at now")
    func staysBroken() async {
        world.prober.evidence["mx1.example.org"] = expired
        #expect(await isViolating(gate.resolve(hops).verdict))
        // The host's failure is old, and the next look has not ended.
        world.clock.advance(by: .seconds(61))
        #expect(isViolating(gate.decideNow(hops).verdict))
        // The next look ends without an answer.
        world.prober.evidence["mx1.example.org"] = .unreachable("timed out")
        #expect(await isViolating(gate.resolve(hops).verdict))
        world.clock.advance(by: .seconds(400))
        world.router.answer = .failure(.unavailable("SERVFAIL"))
        #expect(await isViolating(gate.resolve(hops).verdict))
        #expect(isViolating(gate.decideNow(hops).verdict))
        // Seen to keep it, it is trusted again.
        world.clock.advance(by: .seconds(61))
        world.router.answer = .success(["mx1.example.org"])
        world.prober.evidence["mx1.example.org"] = .conforming(facts)
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.clock.advance(by: .seconds(301))
        #expect(gate.decideNow(hops).verdict == .unproven(Doubt("lookup of hosts still running")))
    }

    @Test("a violation does not turn into a pass while the route is looked up again")
    func routeLostAfterViolation() async {
        world.router.answer = .success(["mx9.example.org"])
        world.router.answersLeft = 1
        #expect(await isViolating(gate.resolve(hops).verdict))
    }

    @Test("another policy is judged anew")
    func brokenUnderAnotherPolicy() async {
        world.prober.evidence["mx1.example.org"] = expired
        #expect(await isViolating(gate.resolve(hops).verdict))
        world.clock.advance(by: .seconds(61))
        world.discoverer.recordAnswer = announce("2")
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "mx2.example.org"))
        world.router.answer = .failure(.unavailable("SERVFAIL"))
        world.clock.advance(by: .seconds(4000))
        _ = await gate.resolve(hops).verdict
        #expect(await gate.resolve(hops).verdict == .unproven(Doubt("SERVFAIL")))
    }

    @Test("a testing policy holds nothing back for want of time")
    func testingUnfinished() async {
        world.discoverer.policyAnswer = .success(body(.testing))
        #expect(await gate.resolve(hops).verdict == .conforming(.testing))
        world.clock.advance(by: .seconds(301))
        #expect(gate.decideNow(hops).verdict == .testing([]))
    }

    @Test("of several next hops a bad one decides although another is not known yet")
    func oneOfSeveral() async throws {
        world.prober.evidence["mx1.example.org"] = expired
        #expect(await isViolating(gate.resolve(hops).verdict))
        let other = NextHop.mx(of: try DomainName("other.example"), port: 25)
        #expect(isViolating(gate.decideNow(hops + [other]).verdict))
        #expect(isViolating(gate.decideNow([other] + hops).verdict))
    }

    @Test("what old settings saw does not count under new ones")
    func reloadDuringProbe() async {
        let post = Latch()
        world.prober.gate = post
        async let before = gate.resolve(hops).verdict
        #expect(await eventually { world.prober.probes > 0 })
        gate.forgetHosts()
        world.prober.gate = nil
        world.prober.evidence["mx1.example.org"] = expired
        await post.open()
        _ = await before
        #expect(await isViolating(gate.resolve(hops).verdict))
    }

    @Test("a domain with many hosts takes a few probes at a time")
    func manyHosts() async {
        let post = Latch()
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "*.example.org"))
        world.router.answer = .success((0..<30).map { "h\($0).example.org" })
        world.prober.gate = post
        async let verdict = gate.resolve(hops).verdict
        #expect(await eventually { world.prober.probes >= 8 })
        await settle()
        #expect(world.prober.probes == 8)
        await post.open()
        _ = await verdict
        #expect(world.prober.probes == 30)
    }

    @Test("routes that cannot be had")
    func noRoute() async {
        world.router.answer = .failure(.nullMX(isSecure: true))
        #expect(await gate.resolve(hops).verdict == .notJudged("null MX"))
        gate.forgetHosts()
        for error in [RouteError.nullMX(isSecure: false), .noSuchDomain(isSecure: false)] {
            world.router.answer = .failure(error)
            #expect(await isUnproven(gate.resolve(hops).verdict))
            gate.forgetHosts()
        }
        world.clock.advance(by: .seconds(61))
        world.router.answer = .failure(.bogus("signature"))
        #expect(await isViolating(gate.resolve(hops).verdict))
        gate.forgetHosts()
        world.router.answer = .failure(.unavailable("SERVFAIL"))
        #expect(await gate.resolve(hops).verdict == .unproven(Doubt("SERVFAIL")))
    }

    @Test("an address literal is not judged")
    func literal() async throws {
        let address = try #require(IPAddress("192.0.2.1"))
        #expect(gate.cached([.address(address, port: 25)])?.verdict == .notJudged("address literal"))
    }

    @Test("hosts are judged by their names alone when probes are off")
    func namesOnly() async {
        var settings = GateSettings()
        settings.hostCheck = .namesOnly
        gate.apply(settings)
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        #expect(world.prober.probes == 0)
    }

    @Test("counts what met a policy, with the policy")
    func counts() async throws {
        gate.note(Disposition(await gate.resolve(hops), of: hops, isHeldBack: true))
        gate.note(Disposition(Judgement(.unknown("x")), of: hops, isHeldBack: true))
        gate.note(Disposition(Judgement(.notJudged("x")), of: hops, isHeldBack: false))
        let outcomes = world.recorder.outcomes
        #expect(outcomes.count == 1)
        #expect(outcomes.first?.policy?.id == "1")
        #expect(outcomes.first?.verdict == .conforming(.enforce))
    }

    @Test("what is counted is the policy that the verdict rests on, not one that came since")
    func countsItsPolicy() async {
        let judgement = await gate.resolve(hops)
        #expect(gate.cached(hops)?.basis.policy?.id == "1")
        world.memory.policies = [:]
        world.discoverer.recordAnswer = .found(.absent)
        gate.note(Disposition(judgement, of: hops, isHeldBack: true))
        #expect(world.recorder.outcomes.map(\.policy?.id) == ["1"])
    }

    @Test("where it is left to us, the map is counted on for the next hops that the MTA asks it for, and no others")
    func auto() async throws {
        let guarded = Locked<Set<NextHop>>([])
        let gate = Gate(
            resolver: world.resolver(world.policyCache()), recorder: world.recorder, settings: GateSettings()
        ) { hop in guarded.withLock { $0.contains(hop) } }
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "*.example.org"))
        world.router.answer = .success(["mx1.example.org", "mx2.example.org"])
        world.prober.evidence["mx2.example.org"] = expired
        var judgement = await gate.resolve(hops)
        #expect(isViolating(judgement.verdict) && judgement.enforcement == .milter)
        guarded.withLock { $0 = Set(hops) }
        world.clock.advance(by: .seconds(1))
        judgement = await gate.resolve(hops)
        #expect(judgement.verdict == .conforming(.enforce) && judgement.enforcement == .milterAndPolicyMap)
        #expect(gate.cached(hops)?.enforcement == .milterAndPolicyMap)
        #expect(gate.decideNow(hops).enforcement == .milterAndPolicyMap)
        // Of a list of next hops nobody knows which the MTA asks for.
        let two = hops + [.mx(of: try DomainName("example.net"), port: 25)]
        #expect(await gate.resolve(two).enforcement == .milter)
        guarded.withLock { $0 = [] }
        world.clock.advance(by: .seconds(2))
        judgement = await gate.resolve(hops)
        #expect(isViolating(judgement.verdict) && judgement.enforcement == .milter)
        // The setting decides, where it does.
        var settings = GateSettings()
        settings.enforcement = .milterAndPolicyMap
        gate.apply(settings)
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
    }

    @Test("of several next hops the one counts whose verdict decided")
    func countsTheDecidingHop() async throws {
        var settings = GateSettings()
        settings.enforcement = .milterAndPolicyMap
        gate.apply(settings)
        let (broken, kept) = (try DomainName("broken.example"), try DomainName("kept.example"))
        for (domain, host) in [(broken, "mx9.example.org"), (kept, "mx1.example.org")] {
            let policy = try Policy.read(body(.enforce, mx: host).utf8).policy
            world.memory.set(CachedPolicy(domain: domain, id: "1", policy: policy, fetchedAt: world.clock.now))
        }
        let hops = [NextHop.mx(of: broken, port: 25), .mx(of: kept, port: 25)]
        let judgement = await gate.resolve(hops)
        #expect(judgement.verdict == .conforming(.enforce))
        gate.note(Disposition(judgement, of: hops, isHeldBack: false))
        #expect(world.recorder.outcomes.map(\.policyDomain) == [kept])
        #expect(world.recorder.outcomes.first?.policy?.domain == kept)
    }

    @Test("a verdict carries the route and what was seen of its hosts")
    func basis() async throws {
        let basis = await gate.resolve(hops).basis
        let host = try #require(basis.route?.candidates.first)
        #expect(host.name.ascii == "mx1.example.org")
        #expect(basis.evidence.hosts[host] == .conforming(facts))
    }

    @Test("a doubt that memory holds in full is an answer: nobody waits for it")
    func doubtFromMemory() async {
        world.prober.evidence["mx1.example.org"] = .unreachable("timed out")
        let verdict = await gate.resolve(hops).verdict
        #expect(isUnproven(verdict))
        #expect(gate.cached(hops)?.verdict == verdict)
        world.clock.advance(by: .seconds(61))
        #expect(gate.cached(hops)?.verdict == nil, "the host may be up again")
    }
}
