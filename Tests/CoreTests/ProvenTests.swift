// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TestKit
import Testing

@Suite("Gate: what is not seen is not safe, and a failure of our own holds up nobody who was safe yesterday")
struct ProvenTests {
    let world = World()
    let gate: Gate
    let hops: [NextHop]
    private let facts: TLSFacts
    private let expired = HostEvidence.failing([Failure(.certificateExpired, text: "certificate expired")], nil)
    /// Past the time that a host which conformed is taken to conform still.
    private let evidenceEnds = Duration.seconds(2 * 3600 + 1)

    init() throws {
        hops = [.mx(of: try DomainName("example.org"), port: 25)]
        var settings = PolicyCacheSettings()
        settings.recordCheckInterval = .seconds(30 * 86_400)
        let policyCache = world.policyCache(settings: settings)
        gate = Gate(
            resolver: world.resolver(policyCache), recorder: world.recorder, settings: GateSettings())
        let facts = TLSFacts(
            address: try #require(IPAddress("192.0.2.1")), version: "TLSv1.3", cipher: "x", subject: "", issuer: "",
            notBefore: nil, notAfter: nil, names: [], authentication: .pkix)
        self.facts = facts
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: 30 * 86_400))
        world.prober.evidence = ["mx1.example.org": .conforming(facts)]
    }

    private func word(_ verdict: Verdict) -> String {
        switch verdict {
        case .unproven(let doubt): doubt.isOurs ? "unproven by us" : "unproven"
        default: verdict.word.rawValue
        }
    }

    /// Each row: what happens after the route was seen to conform and that evidence has ended.
    static let rows: [(String, @Sendable (World) -> Void, String)] = [
        ("no room to look", { $0.prober.notTried = ["mx1.example.org"] }, "proven-lately"),
        (
            "our resolver is gone", { $0.router.answer = .failure(.notAsked("the resolver answers nothing")) },
            "proven-lately"
        ),
        ("the host is down", { $0.prober.evidence["mx1.example.org"] = .unreachable("timed out") }, "unproven"),
        ("the domain's DNS fails", { $0.router.answer = .failure(.unavailable("SERVFAIL")) }, "unproven"),
        ("a null MX", { $0.router.answer = .failure(.nullMX(isSecure: false)) }, "unproven"),
        (
            "the host does something else",
            { $0.prober.evidence["mx1.example.org"] = .failing([Failure(.starttlsNotSupported, text: "x")], nil) },
            "violating"
        ),
        ("another host, which we cannot look at", { $0.router.answer = .success(["mx9.example.org"]) }, "violating"),
    ]

    @Test("after a day of keeping the policy", arguments: rows.indices)
    func proven(_ index: Int) async {
        let (label, change, expected) = Self.rows[index]
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.clock.advance(by: evidenceEnds)
        change(world)
        #expect(await word(gate.resolve(hops).verdict) == expected, "\(label)")
        // It is no state of the domain's: with our trouble over, all is as it was.
        world.prober.notTried = []
        world.router.answer = .success(["mx1.example.org"])
        guard expected == "proven-lately" else { return }
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce), "\(label)")
    }

    @Test("what was never seen to conform, or more than a day ago, or under another policy, is not proven")
    func notProven() async {
        world.prober.notTried = ["mx1.example.org"]
        #expect(await word(gate.resolve(hops).verdict) == "unproven by us")
        world.prober.notTried = []
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.prober.notTried = ["mx1.example.org"]
        world.clock.advance(by: .seconds(86_399))
        #expect(await word(gate.resolve(hops).verdict) == "proven-lately")
        world.clock.advance(by: .seconds(2))
        #expect(await word(gate.resolve(hops).verdict) == "unproven by us")
    }

    @Test("a verdict that was reached by the rules of before makes no history")
    func newRules() async {
        let post = Latch()
        world.prober.gate = post
        async let looking = gate.resolve(hops).verdict
        #expect(await eventually { world.prober.probes > 0 })
        var rules = GateSettings()
        rules.conformingFor = .zero
        gate.apply(rules)
        await post.open()
        #expect(await looking == .conforming(.enforce))
        world.prober.notTried = ["mx1.example.org"]
        world.clock.advance(by: evidenceEnds)
        #expect(await word(gate.resolve(hops).verdict) == "unproven by us")
    }

    @Test("a host that was seen to fail is no longer proven, whatever our trouble")
    func lost() async {
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.clock.advance(by: evidenceEnds)
        world.prober.evidence["mx1.example.org"] = expired
        #expect(await word(gate.resolve(hops).verdict) == "violating")
        world.prober.notTried = ["mx1.example.org"]
        world.clock.advance(by: .seconds(120))
        #expect(await word(gate.resolve(hops).verdict) == "violating")
        world.clock.advance(by: .seconds(3600))
        #expect(await word(gate.resolve(hops).verdict) == "unproven by us")
    }

    @Test("when time is up a host that takes its time is its own doing, a queue of ours is not")
    func timeIsUp() async {
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.clock.advance(by: evidenceEnds)
        let post = Latch()
        world.prober.gate = post
        async let looking = gate.resolve(hops).verdict
        #expect(await eventually { world.prober.probes >= 2 })
        #expect(word(gate.decideNow(hops, because: .late).verdict) == "unproven")
        #expect(word(gate.decideNow(hops, because: .crowded).verdict) == "proven-lately")
        // The time of a message that other domains have used up is not ours either.
        #expect(word(gate.decideNow(hops, because: .spent).verdict) == "unproven")
        await post.open()
        #expect(await looking == .conforming(.enforce))

        world.clock.advance(by: evidenceEnds)
        let queue = Latch()
        world.prober.gate = queue
        world.prober.isFull = true
        async let waiting = gate.resolve(hops).verdict
        #expect(await eventually { world.prober.probes >= 3 })
        #expect(word(gate.decideNow(hops, because: .late).verdict) == "proven-lately")
        await queue.open()
        _ = await waiting
    }

    @Test("a lookup that is late while nobody's can be made is ours, one beside somebody else's excess is not")
    func lateRoute() async throws {
        let other = [NextHop.mx(of: try DomainName("other.example"), port: 25)]
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.clock.advance(by: evidenceEnds)
        world.router.answer = .failure(.notAsked("too many DNS queries under way"))
        _ = await gate.resolve(other).verdict
        #expect(word(gate.decideNow(hops).verdict) == "unproven")
        world.router.answer = .failure(.notAsked("the resolver answers nothing", concernsAll: true))
        _ = await gate.resolve(other).verdict
        #expect(word(gate.decideNow(hops).verdict) == "proven-lately")
        world.clock.advance(by: .seconds(20))
        #expect(word(gate.decideNow(hops).verdict) == "unproven")
    }

    @Test("a failure of our own is not kept: the next question asks again")
    func notKept() async {
        world.router.answer = .failure(.notAsked("busy"))
        #expect(await word(gate.resolve(hops).verdict) == "unproven by us")
        world.router.answer = .success(["mx1.example.org"])
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
    }

    @Test("a reload with the same settings forgets no violation")
    func reload() async {
        world.prober.evidence["mx1.example.org"] = expired
        #expect(await word(gate.resolve(hops).verdict) == "violating")
        world.clock.advance(by: .seconds(120))
        world.prober.evidence["mx1.example.org"] = .unreachable("timed out")
        gate.apply(GateSettings())
        #expect(await word(gate.resolve(hops).verdict) == "violating")
        var settings = GateSettings()
        settings.failingFor = .seconds(1)
        gate.apply(settings)
        #expect(await word(gate.resolve(hops).verdict) == "unproven")
    }
}
