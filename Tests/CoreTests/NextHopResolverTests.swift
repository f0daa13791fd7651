// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

@Suite("NextHopResolver: whichever way it walks, what is known comes to one answer")
struct NextHopResolverTests {
    typealias Change = @Sendable (World) -> Void

    let world = World()
    let resolver: NextHopResolver
    let hop: NextHop

    init() throws {
        hop = .mx(of: try DomainName("example.org"), port: 25)
        let policies = world.policyCache()
        resolver = world.resolver(policies)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
    }

    static let expired = HostEvidence.failing([Failure(.certificateExpired, text: "certificate expired")], nil)

    static let worlds: [(label: String, change: Change)] = [
        ("a host that is down", { _ in }),
        ("a host that fails", { $0.prober.evidence["mx1.example.org"] = expired }),
        (
            "a testing policy, broken",
            { world in
                world.discoverer.policyAnswer = .success(body(.testing))
                world.prober.evidence["mx1.example.org"] = expired
            }
        ),
        ("mode none", { $0.discoverer.policyAnswer = .success(body(.none)) }),
        ("a host outside the policy", { $0.router.answer = .success(["mx9.example.org"]) }),
        ("a wildcard", { $0.discoverer.policyAnswer = .success(body(.enforce, mx: "*.example.org")) }),
        ("no policy", { $0.discoverer.recordAnswer = .found(.absent) }),
        (
            "a policy that cannot be fetched",
            { $0.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsWebPKIInvalid, "expired"))) }
        ),
        ("a record that is unavailable", { $0.discoverer.recordAnswer = .unavailable("SERVFAIL") }),
        ("MX records that are unavailable", { $0.router.answer = .failure(.unavailable("SERVFAIL")) }),
        ("forged MX records", { $0.router.answer = .failure(.bogus("bad")) }),
        ("a null MX", { $0.router.answer = .failure(.nullMX(isSecure: false)) }),
        (
            "DANE",
            { world in
                world.router.isSecure = true
                world.surveyor.statuses["mx1.example.org"] = .usable
            }
        ),
        (
            "TLSA records that are unavailable",
            { world in
                world.router.isSecure = true
                world.surveyor.statuses["mx1.example.org"] = .unknown("SERVFAIL")
            }
        ),
    ]

    @Test("the milter's question", arguments: worlds.indices)
    func verdicts(_ index: Int) async {
        Self.worlds[index].change(world)
        for enforcement in Enforcement.allCases {
            await check(VerdictQuestion(enforcement, .probes), Self.worlds[index].label)
            await check(VerdictQuestion(enforcement, .namesOnly), Self.worlds[index].label)
        }
    }

    @Test("the map's question", arguments: worlds.indices)
    func mapAnswers(_ index: Int) async {
        Self.worlds[index].change(world)
        for isDANEFirst in [true, false] {
            var settings = MapQuestionSettings()
            settings.puttingDANEFirst = isDANEFirst
            await check(MapQuestion(settings), Self.worlds[index].label)
        }
    }

    @Test("where a policy applies, check comes to the milter's verdict", arguments: [0, 1, 2, 3, 4, 5, 9, 10])
    func examination(_ index: Int) async {
        Self.worlds[index].change(world)
        let examined = await resolver.resolve(VerdictQuestion(.milter, .probes, isExamination: true), about: hop)
        let verdict = await resolver.resolve(VerdictQuestion(.milter, .probes), about: hop)
        #expect(examined.answer == verdict.answer, "\(Self.worlds[index].label)")
    }

    private func check<Asked: Question>(_ question: Asked, _ label: String) async where Asked.Answer: Equatable {
        let asked = await resolver.resolve(question, about: hop).answer
        #expect(resolver.cached(question, about: hop)?.answer == asked, "\(label), from memory")
        #expect(resolver.decideNow(question, about: hop, because: .late).answer == asked, "\(label), when time is up")
    }
}
