// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Testing

@Suite("How long a host that conformed is taken to conform still, unless `probe.conforming_for` says otherwise")
struct EvidenceLifetimeTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let enforcement: EnforcementChoice
        /// As the operator set it.
        var conformingFor: Duration?
        let secondsLater: Int
        let isRemembered: Bool

        var testDescription: String { "\(enforcement), \(secondsLater) s later" }
    }

    static let rows = [
        // Nobody else is there at the delivery.
        Row(enforcement: .milter, secondsLater: 299, isRemembered: true),
        Row(enforcement: .milter, secondsLater: 301, isRemembered: false),
        // The MTA looks again, as the map asks of it.
        Row(enforcement: .milterAndPolicyMap, secondsLater: 7199, isRemembered: true),
        Row(enforcement: .milterAndPolicyMap, secondsLater: 7201, isRemembered: false),
        Row(enforcement: .milter, conformingFor: .seconds(900), secondsLater: 899, isRemembered: true),
        Row(enforcement: .milterAndPolicyMap, conformingFor: .seconds(900), secondsLater: 901, isRemembered: false),
    ]

    @Test("as long as it stands nobody looks again", arguments: rows)
    func stands(_ row: Row) async throws {
        let world = World()
        var policies = PolicyCacheSettings()
        policies.recordCheckInterval = .seconds(30 * 86_400)
        var settings = GateSettings()
        settings.enforcement = row.enforcement
        settings.conformingFor = row.conformingFor
        let gate = Gate(
            resolver: world.resolver(world.policyCache(settings: policies)), recorder: world.recorder,
            settings: settings)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce, maxAge: 30 * 86_400))
        // Policy and route outlast what was seen of the host.
        world.router.keepFor = .seconds(86_400)
        world.prober.evidence["mx1.example.org"] = .conforming(
            TLSFacts(
                address: try #require(IPAddress("192.0.2.1")), version: "TLSv1.3", cipher: "x", subject: "", issuer: "",
                notBefore: nil, notAfter: nil, names: [], authentication: .pkix))
        let hops = [NextHop.mx(of: try DomainName("example.org"), port: 25)]
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        world.clock.advance(by: .seconds(row.secondsLater))
        #expect((gate.cached(hops) != nil) == row.isRemembered)
        #expect(await gate.resolve(hops).verdict == .conforming(.enforce))
        #expect(world.prober.probes == (row.isRemembered ? 1 : 2))
    }
}
