// SPDX-License-Identifier: Apache-2.0
import Basics
import TestKit
import Testing

@testable import Core

@Suite("A pause lets all mail go, and ends by itself")
struct PauseTests {
    let world = World()
    let pause: Pause
    let map: PolicyMapResolver
    let key: NextHop

    init() throws {
        key = .mx(of: try DomainName("example.org"), port: 25)
        pause = Pause(clock: world.clock)
        map = PolicyMapResolver(
            resolver: world.resolver(world.policyCache()), settings: MapQuestionSettings(), pause: pause)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
    }

    @Test("it is in force until the second of its end")
    func length() {
        #expect(!pause.isInForce && pause.until == nil)
        let end = world.clock.now + .seconds(10)
        pause.begin(until: end)
        #expect(pause.until == end)
        world.clock.advance(by: .seconds(9))
        #expect(pause.isInForce)
        world.clock.advance(by: .seconds(1))
        #expect(!pause.isInForce && pause.until == nil)
        pause.begin(until: world.clock.now + .seconds(10))
        pause.begin(until: world.clock.now + .seconds(5))
        world.clock.advance(by: .seconds(5))
        #expect(!pause.isInForce)
        pause.begin(until: world.clock.now + .seconds(10))
        pause.stop()
        #expect(!pause.isInForce)
    }

    /// What the map would say: to be enforced by a policy, by TLSA records, not now, and not known.
    private func prepare(_ kind: String) {
        switch kind {
        case "dane":
            world.router.isSecure = true
            world.surveyor.statuses = ["mx1.example.org": .usable]
        case "bogus": world.router.answer = .failure(.bogus("x"))
        case "outside": world.router.answer = .success(["mx9.example.org"])
        default: break
        }
    }

    @Test("the map says of nothing that it is to be enforced", arguments: ["enforce", "dane", "bogus", "outside"])
    func map(_ kind: String) async throws {
        prepare(kind)
        let before = await map.resolve(key)
        #expect(before != .notFound)
        pause.begin(until: world.clock.now + .seconds(60))
        #expect(map.letsAllGo)
        #expect(map.cached(key) == .notFound)
        #expect(await map.resolve(key) == .notFound)
        #expect(map.decideNow(key, because: .crowded) == .notFound)
        #expect(map.cached(.mx(of: try DomainName("never.example"), port: 25)) == .notFound)
        #expect(!map.enforces(try DomainName("example.org")))
        world.clock.advance(by: .seconds(60))
        #expect(!map.letsAllGo)
        #expect(await map.resolve(key) == before)
    }

    @Test("a lookup that is under way when it begins holds nothing either")
    func underWay() async {
        let gate = Latch()
        world.discoverer.gate = gate
        async let answer = map.resolve(key)
        #expect(await eventually { world.discoverer.fetches > 0 })
        pause.begin(until: world.clock.now + .seconds(60))
        await gate.open()
        #expect(await answer == .notFound)
    }
}
