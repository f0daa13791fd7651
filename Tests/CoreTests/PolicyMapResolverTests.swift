// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TestKit
import Testing

@Suite("PolicyMapResolver: DANE, then the policy, then what is known of hosts")
struct PolicyMapResolverTests {
    let world = World()
    let map: PolicyMapResolver
    let key: NextHop

    init() throws {
        key = .mx(of: try DomainName("example.org"), port: 25)
        let policyCache = world.policyCache()
        map = PolicyMapResolver(resolver: world.resolver(policyCache), settings: MapQuestionSettings())
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
    }

    private func find() async -> MapAnswer { await map.resolve(key) }

    @Test("an enforce policy is enforced, from memory the second time")
    func enforce() async throws {
        guard case .enforce(let cached, let hosts) = await find() else {
            Issue.record("not enforced")
            return
        }
        #expect(cached.id == "1")
        #expect(hosts == .known([try DomainName("mx1.example.org")]))
        #expect(map.cached(key) == .enforce(cached, hosts))
    }

    @Test("answers stand for a second, and no longer once they are to be forgotten")
    func period() {
        var seen = [map.answerPeriod]
        #expect(map.answerPeriod == seen[0])
        world.clock.advance(by: .seconds(1))
        seen.append(map.answerPeriod)
        map.forgetAnswers()
        seen.append(map.answerPeriod)
        map.apply(MapQuestionSettings())
        seen.append(map.answerPeriod)
        #expect(Set(seen).count == 4)
    }

    @Test("testing, none, absent and failed enforce nothing")
    func nothing() async {
        world.discoverer.policyAnswer = .success(body(.none))
        #expect(await find() == .notFound)
        world.memory.policies = [:]
        world.discoverer.recordAnswer = .found(.absent)
        world.clock.advance(by: .seconds(1))
        #expect(await find() == .notFound)
    }

    @Test("wildcards bring the hosts with them")
    func wildcard() async throws {
        world.discoverer.policyAnswer = .success(body(.enforce, mx: "*.example.org"))
        guard case .enforce(let cached, .known(let hosts)) = await find() else {
            Issue.record("no hosts")
            return
        }
        #expect(hosts.map(\.ascii) == ["mx1.example.org"])
        #expect(cached.names(among: hosts).map(\.ascii) == ["mx1.example.org"])
        let forged = [try DomainName("a.b.example.org"), try DomainName("mx.attacker.example")]
        #expect(cached.names(among: forged).isEmpty)
    }

    /// - RFC 7672 §2.1, §2.2: which hosts DANE decides for.
    static let table: [([DANEStatus], Bool, String)] = [
        ([.usable], true, "dane"), ([.usable, .usable], true, "dane"), ([.usable, .absent], true, "enforce"),
        ([.absent, .usable], true, "dane"), ([.usable, .unusable], true, "enforce"),
        ([.usable, .bogus("x")], true, "dane"),
        ([.usable, .unknown("x")], true, "dane"), ([.unusable], true, "enforce"), ([.absent], true, "enforce"),
        ([.unusable, .absent], true, "enforce"), ([.bogus("x")], true, "temporary"),
        ([.bogus("x"), .absent], true, "temporary"),
        ([.unknown("x")], true, "temporary"), ([.unknown("x"), .absent], true, "temporary"),
        // A host without an address is passed over by the MTA, unless there is no other.
        ([.unreachable("x")], true, "temporary"), ([.unreachable("x"), .absent], true, "enforce"),
        // The first is outside the policy, and of the other nobody knows whether it has records.
        ([.unusable, .unreachable("x")], true, "temporary"), ([.usable, .unreachable("x")], true, "dane"),
        ([.unreachable("x"), .bogus("x")], true, "temporary"),
        ([.unreachable("x"), .unknown("x")], true, "temporary"),
        // Without a secure MX answer TLSA records prove nothing.
        ([.usable], false, "enforce"), ([.bogus("x")], false, "enforce"),
    ]

    @Test("DANE comes first", arguments: table)
    func dane(_ statuses: [DANEStatus], _ isSecure: Bool, _ expected: String) async {
        let names = statuses.indices.map { "mx\($0).example.org" }
        world.router.answer = .success(names)
        world.router.isSecure = isSecure
        world.surveyor.statuses = Dictionary(zip(names, statuses)) { $1 }
        #expect(kind(await find()) == expected)
        if expected != "temporary" { #expect(map.cached(key).map(kind) == expected) }
    }

    /// - RFC 7672 §2.2: what is asked of each host where no policy asks for more.
    static let openTable: [([DANEStatus], String)] = [
        ([.usable, .usable], "dane"), ([.usable, .bogus("x")], "dane"), ([.usable, .unreachable("x")], "dane"),
        ([.usable, .absent], "daneWherePresent"), ([.absent, .usable], "daneWherePresent"),
        ([.usable, .unusable], "daneWherePresent"), ([.unusable], "daneWherePresent"),
        ([.unusable, .absent], "daneWherePresent"), ([.absent], "notFound"), ([.absent, .absent], "notFound"),
        // The MTA sees for itself which host must not be used.
        ([.bogus("x"), .absent], "daneWherePresent"), ([.absent, .unknown("x")], "daneWherePresent"),
        ([.unreachable("x"), .absent], "daneWherePresent"),
        ([.bogus("x")], "temporary"), ([.unknown("x")], "temporary"), ([.unreachable("x")], "temporary"),
    ]

    @Test("without a policy each host is used by what it has", arguments: openTable)
    func open(_ statuses: [DANEStatus], _ expected: String) async {
        let names = statuses.indices.map { "mx\($0).example.org" }
        world.discoverer.recordAnswer = .found(.absent)
        world.router.answer = .success(names)
        world.router.isSecure = true
        world.surveyor.statuses = Dictionary(zip(names, statuses)) { $1 }
        #expect(kind(await find()) == expected)
        if expected != "temporary" { #expect(map.cached(key).map(kind) == expected) }
        #expect(world.prober.probes == 0)
    }

    @Test("where hosts must not be dialled, DANE goes first whoever is up")
    func namesOnly() async {
        var settings = MapQuestionSettings()
        settings.probesHosts = false
        map.apply(settings)
        world.router.answer = .success(["mx0.example.org", "mx1.example.org"])
        world.router.isSecure = true
        world.surveyor.statuses = ["mx0.example.org": .usable]
        #expect(kind(await find()) == "dane")
        #expect(world.prober.probes == 0)
    }

    @Test("DANE can be left out")
    func withoutDANE() async {
        var settings = MapQuestionSettings()
        settings.puttingDANEFirst = false
        map.apply(settings)
        world.router.isSecure = true
        world.surveyor.statuses = ["mx1.example.org": .usable]
        #expect(kind(await find()) == "enforce")
    }

    /// What is said in a dry run of the hosts of an enforce policy: what is said of them under a testing policy.
    static let dryTable: [([DANEStatus], String)] = openTable.map { ($0, $1 == "notFound" ? "testing" : $1) }

    @Test("in a dry run an enforce policy gets what a testing policy gets, TLSA records or none", arguments: dryTable)
    func dryRun(_ statuses: [DANEStatus], _ expected: String) async {
        let names = statuses.indices.map { "mx\($0).example.org" }
        world.router.answer = .success(names)
        world.router.isSecure = true
        world.surveyor.statuses = Dictionary(zip(names, statuses)) { $1 }
        var settings = MapQuestionSettings()
        settings.isDryRun = true
        map.apply(settings)
        #expect(kind(await find()) == expected)
        world.memory.policies = [:]
        world.discoverer.recordAnswer = announce("2")
        world.discoverer.policyAnswer = .success(body(.testing))
        world.clock.advance(by: .seconds(7200))
        map.apply(MapQuestionSettings())
        #expect(kind(await find()) == expected)
        #expect(world.prober.probes == 0)
    }

    @Test("a dry run begins and ends at once, and holds nothing for what cannot be read or looked at")
    func dryRunAtOnce() async throws {
        // Held, since no host is in the policy.
        world.router.answer = .success(["mx9.example.org"])
        #expect(kind(await find()) == "enforce")
        let domain = try DomainName("example.org")
        #expect(map.enforces(domain))
        let period = map.answerPeriod
        var settings = MapQuestionSettings()
        settings.isDryRun = true
        map.apply(settings)
        #expect(map.answerPeriod != period)
        #expect(map.cached(key).map(kind) == "testing")
        #expect(!map.enforces(domain))
        map.apply(MapQuestionSettings())
        #expect(map.cached(key).map(kind) == "enforce")
        #expect(map.enforces(domain))
        // Never seen, and no room to look: there is no policy to leave out.
        let other = NextHop.mx(of: try DomainName("example.net"), port: 25)
        #expect(kind(map.decideNow(other, because: .crowded)) == "temporary")
        map.apply(settings)
        #expect(map.decideNow(other, because: .crowded) == .notFound)
    }

    @Test("routes that cannot be had")
    func routes() async {
        world.router.answer = .failure(.bogus("x"))
        #expect(kind(await find()) == "temporary")
        world.clock.advance(by: .seconds(31))
        // A forged "no mail here" must not take the policy away.
        for error in [RouteError.nullMX(isSecure: false), .noSuchDomain(isSecure: false)] {
            world.router.answer = .failure(error)
            #expect(kind(await find()) == "enforce")
            world.clock.advance(by: .seconds(31))
        }
        world.router.answer = .failure(.unavailable("x"))
        #expect(kind(await find()) == "temporary")
        #expect(kind(await map.resolve(key, for: .none)) == "enforce")
    }

    @Test("a single label has a policy by the site's own settings alone, and nobody is asked")
    func singleLabel() async throws {
        let label = try DomainName("mailhub")
        for hop in [NextHop.mx(of: label, port: 25), .host(label, port: 587)] {
            #expect(map.cached(hop) == .notFound && map.decideNow(hop, because: .late) == .notFound)
            #expect(await map.resolve(hop) == .notFound)
        }
        #expect(world.discoverer.fetches == 0)
    }

    @Test("what is late is temporary for a policy that is known, and by choice for a domain never seen")
    func late() async {
        let gate = Latch()
        world.discoverer.gate = gate
        async let found = find()
        #expect(await eventually { world.discoverer.fetches > 0 })
        // Of its route is known that it has no DANE.
        #expect(await eventually { map.decideNow(key, because: .late) == .notFound })
        // Whoever keeps us too busy to begin must not get a policy left out.
        #expect(kind(map.decideNow(key, because: .crowded)) == "temporary")
        var settings = MapQuestionSettings()
        settings.onUnknown = .temporary
        map.apply(settings)
        #expect(kind(map.decideNow(key, because: .late)) == "temporary")
        await gate.open()
        #expect(kind(await found) == "enforce")
        // The policy is known now, and its route may be looked up anew.
        world.clock.advance(by: .seconds(31))
        #expect(kind(map.decideNow(key, because: .late)) == "temporary")
        #expect(kind(await find()) == "enforce")
    }

    /// What is said when time is up while a policy host keeps silent, by what the DNS says of the hosts.
    /// - RFC 7672 §2.1.2, §2.2: a policy host that is silent takes no DANE away.
    static let silentTable: [(statuses: [DANEStatus]?, mta: DANESupport, expected: String)] = [
        ([.usable], .byLevel, "dane"), ([.usable, .absent], .byLevel, "daneWherePresent"),
        ([.absent], .byLevel, "notFound"), ([.unknown("x")], .byLevel, "temporary"), (nil, .byLevel, "notFound"),
        // Sendmail looks for itself, or not at all.
        ([.usable], .byItself, "notFound"), ([.usable], .none, "notFound"), (nil, .none, "notFound"),
    ]

    @Test("TLSA records are looked up while the policy host keeps silent", arguments: silentTable)
    func silentHost(_ row: (statuses: [DANEStatus]?, mta: DANESupport, expected: String)) async {
        let names = (row.statuses ?? [.usable]).indices.map { "mx\($0).example.org" }
        world.router.answer = .success(names)
        world.router.isSecure = row.statuses != nil
        world.surveyor.statuses = Dictionary(zip(names, row.statuses ?? [.usable])) { $1 }
        let gate = Latch()
        world.discoverer.gate = gate
        async let found = map.resolve(key, for: row.mta)
        #expect(await eventually { world.discoverer.fetches > 0 })
        #expect(await eventually { kind(map.decideNow(key, for: row.mta, because: .late)) == row.expected })
        await gate.open()
        _ = await found
    }

    @Test("a route that is late as well is no route without TLSA records, but in a dry run")
    func silentNames() async {
        // Nobody has asked yet: nothing is known.
        #expect(kind(map.decideNow(key, because: .late)) == "temporary")
        #expect(map.decideNow(key, for: .byItself, because: .late) == .notFound)
        #expect(map.decideNow(key, for: .none, because: .late) == .notFound)
        var settings = MapQuestionSettings()
        settings.isDryRun = true
        map.apply(settings)
        #expect(map.decideNow(key, because: .late) == .notFound)
        settings.isDryRun = false
        settings.puttingDANEFirst = false
        map.apply(settings)
        #expect(map.decideNow(key, because: .late) == .notFound)
    }

    @Test("who keeps us too busy to look does not take TLSA records away where no policy is known")
    func crowdedWithoutPolicy() async {
        world.discoverer.recordAnswer = .found(.absent)
        #expect(await find() == .notFound)
        world.clock.advance(by: .seconds(31))
        #expect(kind(map.decideNow(key, because: .crowded)) == "temporary")
        #expect(map.decideNow(key, for: .none, because: .crowded) == .notFound)
    }

    @Test("what is not known stays temporary, however often it is asked, if the operator chose so")
    func unknown() async {
        world.discoverer.recordAnswer = .unavailable("SERVFAIL")
        #expect(await find() == .notFound)
        for isDANEFirst in [true, false] {
            var settings = MapQuestionSettings()
            settings.onUnknown = .temporary
            settings.puttingDANEFirst = isDANEFirst
            map.apply(settings)
            for _ in 0..<3 { #expect(kind(await find()) == "temporary") }
            #expect(map.cached(key).map(kind) == "temporary")
        }
    }

    @Test("zones that never have policies cost no question")
    func zones() async throws {
        var settings = MapQuestionSettings()
        settings.neverPoliced = [try DomainName("example.org")]
        map.apply(settings)
        #expect(map.cached(key) == .notFound)
        #expect(map.cached(.host(try DomainName("relay.example.org"), port: 587)) == .notFound)
        #expect(world.discoverer.recordQuestions == 0)
    }

    /// Whose policy a key asks for, by RFC 8461 §3.4; nil where `never` has `intern.example.org` and
    /// `[relay.example.org]:587`.
    static let zoneTable: [(key: String, policyDomain: String?)] = [
        ("example.org", "example.org"), ("example.org:587", "example.org"),
        ("[smart.example.org]", "smart.example.org"), ("[smart.example.org]:587", "smart.example.org"),
        ("[smart.example.org]:submission", "smart.example.org"), ("smart.example.org:587", "smart.example.org"),
        ("[relay.example.org]", "relay.example.org"), ("[relay.example.org]:25", "relay.example.org"),
        ("relay.example.org", "relay.example.org"), ("relay.example.org:587", "relay.example.org"),
        ("[relay.example.org]:587", nil), ("[RELAY.example.org.]:587", nil), ("[relay.example.org]:submission", nil),
        ("intern.example.org", nil), ("a.b.intern.example.org", nil), ("[mx.intern.example.org]:2525", nil),
        ("notintern.example.org", "notintern.example.org"),
    ]

    @Test(
        "a relayhost is asked for by its own name, and `never` takes next hops as the MTA has them",
        arguments: zoneTable)
    func relayhosts(_ row: (key: String, policyDomain: String?)) async throws {
        var settings = MapQuestionSettings()
        settings.neverPoliced = [try DomainName("intern.example.org")]
        settings.neverPolicedHops = [.host(try DomainName("relay.example.org"), port: 587)]
        map.apply(settings)
        guard case .nextHop(let key) = MapKey(row.key, services: ServicePorts()) else {
            Issue.record("\(row.key) is no next hop")
            return
        }
        let finding = await map.resolve(key)
        if let expected = row.policyDomain {
            guard case .enforce(let cached, _) = finding else { throw RowError(finding: finding) }
            #expect(cached.domain.ascii == expected)
        } else {
            #expect(finding == .notFound && map.cached(key) == .notFound)
            #expect(world.discoverer.recordQuestions == 0)
        }
    }

    private struct RowError: Error { let finding: MapAnswer }

    private func kind(_ finding: MapAnswer) -> String {
        switch finding {
        case .notFound: "notFound"
        case .temporary, .bogus: "temporary"
        case .dane: "dane"
        case .daneWherePresent: "daneWherePresent"
        case .enforce: "enforce"
        case .testing: "testing"
        case .failed: "failed"
        }
    }
}
