// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@testable import Core
/// The question of the policy map.
extension ResolutionTests {
    static let wildcard = Fixture.policy(.enforce, mx: "*.mail.example.org")
    static let exact = Fixture.policy(.enforce, mx: "mx1.example.org")

    static let mapRows: [Row<MapAnswer>] = [
        Row("RFC 8461 §3.4: an address literal has no policy", .answer(.notFound)) { $0 = Known(Fixture.literal) },
        // The policy.
        Row("RFC 8461 §5.1 step 1: first the policy", .need(.policy)) { _ in },
        Row("RFC 8461 §5.1 step 1: one that cannot be read may be being fetched", .need(.policy)) {
            $0.policy = .unreadable("checksum")
        },
        Row("RFC 8461 §5.1 step 1: one that still cannot be read is no leave to go", .answer(.temporary("checksum"))) {
            $0.policy = .unreadable("checksum")
            $0.isPolicyAsked = true
        },
        // The route, of which the hosts matter for DANE, or for wildcards.
        Row("RFC 7672 §2.2: DANE is looked for where there is no policy", .need(.route(wantsHosts: false))) {
            $0.policy = .absent
        },
        Row("RFC 7672 §2.2: and where nobody knows of one", .need(.route(wantsHosts: false))) {
            $0.policy = .unknown("SERVFAIL")
        },
        Row("RFC 7672 §2.2: and where there is one that does not bind", .need(.route(wantsHosts: false))) {
            $0.policy = Fixture.lookup(.testing)
        },
        Row("RFC 8461 §4.1: the hosts of one that binds are wanted", .need(.route(wantsHosts: true))) {
            $0.policy = .policy(exact)
        },
        Row(
            "RFC 8461 §4.1: a wildcard stands for hosts by one label, so they are wanted",
            .need(.route(wantsHosts: true))
        ) {
            $0.policy = .policy(wildcard)
        },
        Row("RFC 8461 §4.1: a route whose hosts were not kept is looked up for them", .need(.route(wantsHosts: true))) {
            $0.policy = .policy(wildcard)
            $0.route = .insecure
        },
        Row("RFC 7672 §2.2.1: without DNSSEC there is no DANE", .answer(.notFound)) {
            $0.policy = .absent
            $0.route = .insecure
        },
        Row("RFC 8461 §4.1: without a wildcard as well", .need(.route(wantsHosts: true))) {
            $0.policy = .policy(exact)
            $0.route = .insecure
        },
        Row(
            "RFC 8461 §5.1 step 3: hosts all of which are outside the policy are looked up again, and the policy",
            .need(.secondLook(Fixture.outside("mx9.example.org")))
        ) {
            $0.route(.enforce, ["mx9.example.org"])
        },
        Row(
            "RFC 8461 §4.1: and if that is so, no host is allowed",
            .answer(.enforce(Fixture.policy(.enforce), .known([Fixture.name("mx9.example.org")])))
        ) {
            $0.route(.enforce, ["mx9.example.org"])
            $0.isPolicyLatest = true
        },
        Row(
            "RFC 8461 §4.1: one host inside is enough",
            .answer(
                .enforce(
                    Fixture.policy(.enforce),
                    .known([Fixture.name("mx9.example.org"), Fixture.name("a.mail.example.org")])))
        ) {
            $0.route(.enforce, ["mx9.example.org", "a.mail.example.org"])
        },
        Row(
            "RFC 8461 §4.1: hosts that are judged by their names alone are hosts",
            .answer(.enforce(Fixture.policy(.enforce), .known(Fixture.hosts + Fixture.hosts)))
        ) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .route(
                Route(
                    policyDomain: Fixture.name("example.org"),
                    candidates: [Fixture.host("mx1.example.org")], unprobed: Fixture.hosts, isSecure: false))
        },
        Row("RFC 8461 §5 item 2: a testing policy is told as such", .answer(.testing(Fixture.policy(.testing)))) {
            $0.policy = Fixture.lookup(.testing)
            $0.route = .insecure
        },
        Row("RFC 8461 §5 item 3: mode none, as though there were no policy", .answer(.notFound)) {
            $0.policy = Fixture.lookup(.none)
            $0.route = .insecure
        },
        Row("RFC 8461 §3.3: one that cannot be fetched is told as such", .answer(.failed(Fixture.failure))) {
            $0.policy = .failed(Fixture.failure)
            $0.route = .insecure
        },
        Row("RFC 7505 §3: a null MX takes no policy away", .answer(.enforce(wildcard, .unknown("null MX")))) {
            $0.policy = .policy(wildcard)
            $0.route = .error(.nullMX(isSecure: true))
        },
        Row(
            "RFC 5321 §5.1: nor does a domain that is not there",
            .answer(.enforce(wildcard, .unknown("no such domain")))
        ) {
            $0.policy = .policy(wildcard)
            $0.route = .error(.noSuchDomain(isSecure: true))
        },
        Row(
            "RFC 7672 §2.1.2: MX records that are unavailable take DANE away from no policy",
            .answer(.temporary("the MX hosts could not be looked up: SERVFAIL"))
        ) {
            $0.policy = .policy(exact)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
        Row(
            "RFC 7672 §2.1.2: nor from a domain without one",
            .answer(.temporary("the MX hosts could not be looked up: SERVFAIL"))
        ) {
            $0.policy = .absent
            $0.route = .error(.unavailable("SERVFAIL"))
        },
        Row(
            "RFC 7672 §2.1.2: a failure of our own does not, either",
            .answer(.temporary("the MX hosts could not be looked up: busy"))
        ) {
            $0.policy = .policy(wildcard)
            $0.route = .error(.notAsked("busy"))
        },
        Row("RFC 5321 §5.1: and holds nothing back that no policy binds", .answer(.notFound)) {
            $0.policy = .absent
            $0.route = .error(.notAsked("busy"))
        },
        Row("RFC 7672 §2.1.1: forged MX records", .answer(.bogus("MX records fail DNSSEC validation: bad"))) {
            $0.policy = .absent
            $0.route = .error(.bogus("bad"))
        },
        // The hosts.
        Row("RFC 7672 §2.2.3: of a secure route the TLSA records are looked up", .need(.dane)) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
        },
        Row(
            "RFC 7672 §2.2.1: of another they prove nothing",
            .answer(.enforce(Fixture.policy(.enforce), .known(Fixture.hosts)))
        ) {
            $0.route(.enforce, ["mx1.example.org"])
        },
        Row(
            "RFC 8461 §2: hosts past the most whose TLSA records are looked up have no mail by their certificates",
            .answer(.enforce(Fixture.policy(.enforce), .only(Fixture.hosts)))
        ) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .route(
                Route(
                    policyDomain: Fixture.name("example.org"),
                    candidates: [Fixture.host("mx1.example.org")], unprobed: [Fixture.name("a.mail.example.org")],
                    isSecure: true))
            $0.dane = [.absent]
        },
        Row(
            "RFC 8461 §2: DANE goes first",
            .answer(.dane(besides: .enforce(Fixture.policy(.enforce), .known(Fixture.hosts))))
        ) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.dane = [.usable]
        },
        Row(
            "RFC 7672 §2.2: records none of which is usable leave it to the policy",
            .answer(.enforce(Fixture.policy(.enforce), .known(Fixture.hosts)))
        ) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.dane = [.unusable]
        },
        Row(
            "RFC 7672 §2.1.2: TLSA records that fail validation",
            .answer(.bogus("TLSA records fail DNSSEC validation: bad"))
        ) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.dane = [.bogus("bad")]
        },
        Row(
            "RFC 7672 §2.1.2: TLSA records that are unavailable",
            .answer(.temporary("TLSA records could not be looked up: SERVFAIL"))
        ) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.dane = [.unknown("SERVFAIL")]
        },
        // Time is up.
        Row(
            "RFC 8461 §5.1 step 1: nobody waits longer for the policy, but DANE may be known",
            .need(.route(wantsHosts: false))
        ) {
            $0.giveUp(.policy, because: Fixture.late)
        },
        // Whoever keeps a policy host silent must not take DANE away, of which nobody knows yet.
        Row("RFC 7672 §2.1.2: without the route nobody knows of DANE", .answer(.temporary(Fixture.late.text))) {
            $0.giveUp(.policy, because: Fixture.late)
            $0.giveUp(.route(wantsHosts: false), because: Fixture.late)
        },
        Row(
            "RFC 7672 §2.1.2: nor where the policy is late and its TLSA records", .answer(.temporary(Fixture.late.text))
        ) {
            $0.giveUp(.policy, because: Fixture.late)
            $0.route = .route(Fixture.route(["mx1.example.org"], isSecure: true))
            $0.giveUp(.dane, because: Fixture.late)
        },
        Row("RFC 7672 §2.2: what is known of DANE counts though the policy is late", .answer(.dane(besides: .notFound)))
        {
            $0.giveUp(.policy, because: Fixture.late)
            $0.route = .route(Fixture.route(["mx1.example.org"], isSecure: true))
            $0.dane = [.usable]
        },
        Row("RFC 8461 §5.1 step 1: without DANE the MTA goes on by its own settings", .answer(.notFound)) {
            $0.giveUp(.policy, because: Fixture.late)
            $0.route = .insecure
        },
        Row("RFC 5321 §5.1: a failure of our own holds nothing back that no policy binds", .answer(.notFound)) {
            $0.giveUp(.policy, because: Fixture.late)
            $0.giveUp(.route(wantsHosts: false), because: Doubt("busy", isOurs: true))
        },
        Row("RFC 8461 §5 item 1: a policy that is known is not left out", .answer(.temporary(Fixture.late.text))) {
            $0.policy = .policy(exact)
            $0.giveUp(.route(wantsHosts: false), because: Fixture.late)
        },
        Row("RFC 7672 §2.1.2: nor are TLSA records that are late", .answer(.temporary(Fixture.late.text))) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.giveUp(.dane, because: Fixture.late)
        },
        Row(
            "RFC 7672 §2.1.2: TLSA records that are late come before a testing policy as well",
            .answer(.temporary(Fixture.late.text))
        ) {
            $0.route(.testing, ["mx1.example.org"], isSecure: true)
            $0.giveUp(.dane, because: Fixture.late)
        },
        Row("RFC 7672 §2.1.2: and where there is no policy", .answer(.temporary(Fixture.late.text))) {
            $0.policy = .absent
            $0.route = .route(Fixture.route(["mx1.example.org"], isSecure: true))
            $0.giveUp(.dane, because: Fixture.late)
        },
        Row("RFC 7672 §2.1.2: a testing policy does not stand in for it", .answer(.temporary(Fixture.late.text))) {
            $0.policy = Fixture.lookup(.testing)
            $0.giveUp(.route(wantsHosts: false), because: Fixture.late)
        },
        // TLSA records on some hosts, an enforce policy that covers the others.
        Row("RFC 7672 §2.2: which of the hosts is up decides", .need(.hosts)) {
            $0.someHosts()
        },
        Row("RFC 8461 §2: DANE while a host that has it is up", .answer(.dane(besides: Fixture.enforced))) {
            $0.someHosts(seeing: Fixture.dane)
        },
        Row("RFC 8461 §2: also while it fails DANE", .answer(.dane(besides: Fixture.enforced))) {
            $0.someHosts(seeing: .failing([Failure(.tlsaInvalid, text: "no match")], nil))
        },
        Row(
            "RFC 8461 §4.1: the other hosts alone by the policy when it is down",
            .answer(.enforce(Fixture.policy(.enforce), .only([Fixture.name("a.mail.example.org")])))
        ) {
            $0.someHosts(seeing: .unreachable("connection refused"))
        },
        Row("RFC 8461 §2: DANE if there is no time to look", .answer(.dane(besides: Fixture.enforced))) {
            $0.someHosts()
            $0.giveUp(.hosts, because: Fixture.late)
        },
        Row("RFC 8461 §2: and if a failure of our own hides the host", .answer(.dane(besides: Fixture.enforced))) {
            $0.someHosts()
            $0.areHostsAsked = true
            $0.evidence?.notTried[Fixture.host("mx1.example.org")] = "no room"
        },
        Row(
            "RFC 8461 §4.1: nor do hosts count that the policy does not cover",
            .answer(
                .dane(
                    besides: .enforce(
                        Fixture.policy(.enforce),
                        .known([Fixture.name("mx1.example.org"), Fixture.name("mx9.example.net")])))
            )
        ) {
            $0.someHosts("mx9.example.net")
        },
    ]

    @Test("the map's question", arguments: mapRows)
    func map(_ row: Row<MapAnswer>) throws {
        #expect(next(try row.known(), for: MapQuestion(MapQuestionSettings())) == row.step)
    }

    static let dryRows: [Row<MapAnswer>] = [
        Row("an enforce policy wants no hosts", .need(.route(wantsHosts: false))) { $0.policy = .policy(wildcard) },
        Row("it is told as a testing policy is", .answer(.testing(exact))) {
            $0.policy = .policy(exact)
            $0.route = .insecure
        },
        Row("also where no host is in it, without a second look", .answer(.testing(Fixture.policy(.enforce)))) {
            $0.route(.enforce, ["mx9.example.org"])
        },
        Row("where its hosts are late", .answer(.testing(wildcard))) {
            $0.policy = .policy(wildcard)
            $0.giveUp(.route(wantsHosts: false), because: Fixture.late)
        },
        Row("where they cannot be looked up", .answer(.testing(wildcard))) {
            $0.policy = .policy(wildcard)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
        Row("one that cannot be read holds nothing", .answer(.notFound)) {
            $0.policy = .unreadable("checksum")
            $0.isPolicyAsked = true
            $0.route = .insecure
        },
        Row("RFC 7672 §2.2: TLSA records decide as they do under a testing policy", .need(.dane)) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
        },
        Row(
            "RFC 7672 §2.2: and are kept", .answer(.dane(besides: .testing(Fixture.policy(.enforce))))
        ) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.dane = [.usable]
        },
        Row(
            "RFC 4035 §5: forged MX records hold the mail of any domain",
            .answer(.bogus("MX records fail DNSSEC validation: x"))
        ) {
            $0.policy = .policy(exact)
            $0.route = .error(.bogus("x"))
        },
    ]

    @Test("the map's question in a dry run", arguments: dryRows)
    func mapInDryRun(_ row: Row<MapAnswer>) throws {
        var settings = MapQuestionSettings()
        settings.isDryRun = true
        #expect(next(try row.known(), for: MapQuestion(settings)) == row.step)
    }

    @Test("the map's question about what never has a policy")
    func neverPoliced() throws {
        var settings = MapQuestionSettings()
        settings.neverPoliced = [try DomainName("example.org")]
        #expect(next(Known(Fixture.hop), for: MapQuestion(settings)) == .answer(.notFound))
        settings.neverPoliced = []
        settings.neverPolicedHops = [Fixture.hop]
        #expect(next(Known(Fixture.hop), for: MapQuestion(settings)) == .answer(.notFound))
        settings.neverPolicedHops = [.host(try DomainName("example.org"), port: 587)]
        #expect(next(Known(Fixture.hop), for: MapQuestion(settings)) == .need(.policy))
    }
}
