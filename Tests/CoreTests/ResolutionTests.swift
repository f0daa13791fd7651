// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT
import Testing

@testable import Core

/// Each row is one transition: what is known, and what comes next.
@Suite("next: policy, then route, then hosts, then the decision")
struct ResolutionTests {
    typealias Change = @Sendable (inout Known) throws -> Void

    struct Row<Answer: Sendable & Equatable>: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let known: Change
        let step: Step<Answer>

        init(_ rule: String, _ step: Step<Answer>, _ known: @escaping Change) {
            testDescription = rule
            self.known = known
            self.step = step
        }
    }

    // MARK: The question of the milter

    static let violation = Fixture.violation(of: "mx1.example.org", .certificateExpired, "certificate expired")
    static let broken = RouteHistory.Broken(violation: violation, policy: Fixture.policy(.enforce).policy)
    static let unseen = Doubt("not yet looked at: mx1.example.org")

    static let verdictRows: [Row<Verdict>] = [
        // What no policy governs.
        Row("RFC 8461 §3.4: an address literal has no policy", .answer(.notJudged("address literal"))) {
            $0 = Known(Fixture.literal)
        },
        // The policy.
        Row("RFC 8461 §5.1 step 1: first the policy", .need(.policy)) { _ in },
        Row("RFC 8461 §5.1 step 1: one that cannot be read may be being fetched", .need(.policy)) {
            $0.policy = .unreadable("checksum")
        },
        Row("RFC 8461 §5.1 step 1: one that still cannot be read proves nothing", .answer(.unproven(Doubt("checksum"))))
        {
            $0.policy = .unreadable("checksum")
            $0.isPolicyAsked = true
        },
        Row("RFC 8461 §3: no policy, nothing to keep", .answer(.noPolicy(nil))) { $0.policy = .absent },
        Row(
            "RFC 8461 §3.3: one that cannot be fetched, with no older one, is none", .answer(.noPolicy(Fixture.failure))
        ) {
            $0.policy = .failed(Fixture.failure)
        },
        Row("RFC 8461 §5.1 step 1: the DNS did not say", .answer(.unknown("SERVFAIL"))) {
            $0.policy = .unknown("SERVFAIL")
        },
        Row("RFC 8461 §5 item 3: mode none, as though there were no policy", .answer(.modeNone)) {
            $0.policy = Fixture.lookup(.none)
        },
        // The route.
        Row("RFC 5321 §5.1: then the hosts for the mail", .need(.route(wantsHosts: true))) {
            $0.policy = Fixture.lookup(.enforce)
        },
        Row("RFC 5321 §5.1: also under a testing policy", .need(.route(wantsHosts: true))) {
            $0.policy = Fixture.lookup(.testing)
        },
        Row("RFC 8461 §4.1: a route whose hosts were not kept is looked up", .need(.route(wantsHosts: true))) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .insecure
        },
        Row("RFC 7505 §3: a null MX that DNSSEC vouches for is the MTA's to bounce", .answer(.notJudged("null MX"))) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .error(.nullMX(isSecure: true))
        },
        Row("RFC 5321 §5.1: so is a domain that does not exist", .answer(.notJudged("no such domain"))) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .error(.noSuchDomain(isSecure: true))
        },
        Row("RFC 7505 §3: one that anybody could forge leaves a doubt", .need(.history)) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .error(.nullMX(isSecure: false))
        },
        Row("RFC 5321 §5.1: so does a name that anybody could have made vanish", .need(.history)) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .error(.noSuchDomain(isSecure: false))
        },
        Row("RFC 7505 §3: under a testing policy it is the MTA's to bounce", .answer(.notJudged("null MX"))) {
            $0.policy = Fixture.lookup(.testing)
            $0.route = .error(.nullMX(isSecure: false))
        },
        Row(
            "RFC 7672 §2.1.1: forged MX records name no host that may have the mail",
            .need(.secondLook(Fixture.violation(of: nil, .dnssecInvalid, "MX records fail DNSSEC validation: bad")))
        ) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .error(.bogus("bad"))
        },
        Row("RFC 8461 §5 item 2: mail to a testing domain goes all the same", .answer(.testing([]))) {
            $0.policy = Fixture.lookup(.testing)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
        Row("RFC 5321 §5.1: MX records that are unavailable leave a doubt", .need(.history)) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
        // The hosts.
        Row("RFC 8461 §5.1 step 2: then each candidate is looked at", .need(.hosts)) {
            $0.route(.enforce, ["mx1.example.org"])
        },
        Row("RFC 8461 §4.2: a host that proved itself conforms", .answer(.conforming(.enforce))) {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.good])
        },
        Row("RFC 8461 §5 item 2: so under a testing policy", .answer(.conforming(.testing))) {
            $0.route(.testing, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.good])
        },
        Row("RFC 8461 §5.1 step 2: a host that nobody looked at could change all", .need(.hosts)) {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Evidence()
        },
        Row("RFC 8461 §5.1 step 2: nor do some of the hosts prove the others", .need(.hosts)) {
            $0.route(.enforce, ["mx1.example.org", "a.mail.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.good])
        },
        Row("RFC 8461 §4: one bad host decides, whatever the others are", .need(.secondLook(violation))) {
            $0.route(.enforce, ["mx1.example.org", "a.mail.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
        },
        Row(
            "RFC 8461 §4.1: a name outside the policy needs no look",
            .need(.secondLook(Fixture.outside("mx9.example.org")))
        ) {
            $0.route(.enforce, ["mx9.example.org"])
            $0.evidence = Evidence()
        },
        Row("RFC 8461 §2: DANE decides for a host that has it", .answer(.conforming(.enforce))) {
            $0.route(.enforce, ["mx9.example.org"])
            $0.evidence = Fixture.evidence(["mx9.example.org": Fixture.dane])
        },
        Row("RFC 8460 §4.3: of a testing route all hosts are looked at, to report on all", .need(.hosts)) {
            $0.route(.testing, ["mx1.example.org", "a.mail.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
        },
        Row("RFC 8461 §5 item 2: a testing route that fails is reported", .answer(.testing(violation.findings))) {
            $0.route(.testing, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
        },
        Row(
            "RFC 8461 §5.1 step 2: a host that could not be tried leaves a doubt when all were asked for",
            .need(.history)
        ) {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Fixture.notTried(["mx1.example.org"])
            $0.areHostsAsked = true
        },
        Row("RFC 8461 §5 item 2: under a testing policy such a host holds nothing back", .answer(.testing([]))) {
            $0.route(.testing, ["mx1.example.org"])
            $0.evidence = Fixture.notTried(["mx1.example.org"])
            $0.areHostsAsked = true
        },
        Row("RFC 8461 §5 item 1: a host that is down leaves a doubt", .need(.history)) {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": .unreachable("timed out")])
        },
        // A doubt, and what became of the route before.
        Row("RFC 8461 §5 item 1: what was not seen to conform is no proof", .answer(.unproven(Doubt("SERVFAIL")))) {
            $0.doubt(RouteHistory.Entry())
        },
        Row(
            "RFC 8461 §5 item 1: a host's own silence is no proof, though it kept the policy once",
            .answer(.unproven(Doubt("SERVFAIL")))
        ) {
            $0.doubt(RouteHistory.Entry(proven: Fixture.policy(.enforce).policy))
        },
        Row("RFC 8461 §5 item 1: our own trouble does not undo what was proven", .answer(.provenLately("no resolver")))
        {
            $0.doubt(RouteHistory.Entry(proven: Fixture.policy(.enforce).policy), .notAsked("no resolver"))
        },
        Row(
            "RFC 8461 §5 item 1: what was never proven stays so under our own trouble",
            .answer(.unproven(Doubt("no resolver", isOurs: true)))
        ) {
            $0.doubt(RouteHistory.Entry(), .notAsked("no resolver"))
        },
        Row(
            "RFC 8461 §5 item 1: what was proven of another policy proves nothing of this one",
            .answer(.unproven(Doubt("no resolver", isOurs: true)))
        ) {
            $0.doubt(
                RouteHistory.Entry(proven: Fixture.policy(.enforce, mx: "mx2.example.org").policy),
                .notAsked("no resolver"))
        },
        Row(
            "RFC 8461 §5 item 1: a broken route is broken until it is seen to be repaired",
            .need(.secondLook(violation))
        ) {
            $0.doubt(RouteHistory.Entry(broken: broken))
        },
        Row("RFC 8461 §5 item 1: our own trouble does not repair it", .need(.secondLook(violation))) {
            $0.doubt(RouteHistory.Entry(broken: broken, proven: broken.policy), .notAsked("no resolver"))
        },
        Row(
            "RFC 8461 §5.1 step 3: a violation of another policy is not one of this",
            .answer(.unproven(Doubt("SERVFAIL")))
        ) {
            $0.doubt(
                RouteHistory.Entry(
                    broken: RouteHistory.Broken(
                        violation: violation, policy: Fixture.policy(.enforce, mx: "mx2.example.org").policy)))
        },
        // The second look.
        Row("RFC 8461 §5.1 step 3: with the policy looked at lately a violation stands", .answer(.violating(violation)))
        {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
            $0.isPolicyLatest = true
        },
        Row("RFC 8461 §5.1 step 3: so does one that is remembered", .answer(.violating(violation))) {
            $0.doubt(RouteHistory.Entry(broken: broken))
            $0.isPolicyLatest = true
        },
        Row(
            "RFC 8461 §5.1 step 3: after the look at the policy the route is looked up anew",
            .need(.route(wantsHosts: true))
        ) {
            $0.policy = Fixture.lookup(.enforce)
            $0.isPolicyAsked = true
            $0.isPolicyLatest = true
        },
        // Time is up.
        Row("RFC 8461 §5.1 step 1: nobody waits longer for the policy", .answer(.unknown("lookup still running"))) {
            $0.giveUp(.policy, because: Fixture.late)
        },
        Row("RFC 8461 §5.1 step 1: nor for one that can be read", .answer(.unproven(Doubt("checksum")))) {
            $0.policy = .unreadable("checksum")
            $0.giveUp(.policy, because: Fixture.late)
        },
        Row("RFC 8461 §5.1 step 2: nor for the route", .need(.history)) {
            $0.policy = Fixture.lookup(.enforce)
            $0.giveUp(.route(wantsHosts: true), because: Fixture.late)
        },
        Row("RFC 8461 §5 item 1: an enforce policy without a route is unproven", .answer(.unproven(Fixture.late))) {
            $0.policy = Fixture.lookup(.enforce)
            $0.giveUp(.route(wantsHosts: true), because: Fixture.late)
            $0.giveUp(.history, because: Fixture.late)
        },
        Row("RFC 8461 §5 item 2: a testing policy without a route lets mail go", .answer(.testing([]))) {
            $0.policy = Fixture.lookup(.testing)
            $0.giveUp(.route(wantsHosts: true), because: Fixture.late)
        },
        Row("RFC 8461 §5.1 step 2: hosts that are late are judged as far as they were seen", .answer(.unproven(unseen)))
        {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Evidence()
            $0.giveUp(.hosts, because: Fixture.late)
            $0.giveUp(.history, because: Fixture.late)
        },
        Row("RFC 8460 §4.3: hosts of a testing route that are late are not reported", .answer(.testing([]))) {
            $0.route(.testing, ["mx1.example.org", "a.mail.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
            $0.giveUp(.hosts, because: Fixture.late)
        },
        Row(
            "RFC 8461 §5 item 1: one bad host seen is enough, also for a second look that is late",
            .answer(.violating(violation))
        ) {
            $0.route(.enforce, ["mx1.example.org", "a.mail.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
            $0.giveUp(.secondLook(violation), because: Fixture.late)
        },
    ]

    @Test("the milter's question", arguments: verdictRows)
    func verdict(_ row: Row<Verdict>) throws {
        #expect(next(try known(row), for: VerdictQuestion(.milter, .probes)) == row.step)
    }

    /// Where the MTA is held to the policy by the map, one good host is enough, and all must be bad.
    static let mapEnforcedRows: [Row<Verdict>] = [
        Row("RFC 8461 §5.1 step 2: one good candidate is enough", .answer(.conforming(.enforce))) {
            $0.route(.enforce, ["mx1.example.org", "a.mail.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.good])
        },
        Row("RFC 8461 §5.1 step 2: after a bad candidate the next is looked at", .need(.hosts)) {
            $0.route(.enforce, ["mx1.example.org", "a.mail.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
        },
        Row("RFC 8461 §5.1 step 3: with all of them bad the policy is looked at again", .need(.secondLook(violation))) {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
        },
    ]

    @Test("the milter's question, beside a policy map", arguments: mapEnforcedRows)
    func verdictBesideMap(_ row: Row<Verdict>) throws {
        #expect(next(try known(row), for: VerdictQuestion(.milterAndPolicyMap, .probes)) == row.step)
    }

    static let namesOnlyRows: [Row<Verdict>] = [
        Row("RFC 8461 §4.1: a name that a pattern covers is enough", .answer(.conforming(.enforce))) {
            $0.route(.enforce, ["mx1.example.org"])
        },
        Row(
            "RFC 8461 §4.1: one that none covers breaks the policy",
            .need(.secondLook(Fixture.outside("mx9.example.org")))
        ) {
            $0.route(.enforce, ["mx9.example.org"])
        },
    ]

    @Test("the milter's question, without probes", arguments: namesOnlyRows)
    func verdictByNames(_ row: Row<Verdict>) throws {
        #expect(next(try known(row), for: VerdictQuestion(.milter, .namesOnly)) == row.step)
    }

    // MARK: The question of `check`

    static let examinationRows: [Row<Verdict>] = [
        Row("RFC 8461 §5.1 step 1: first the policy", .need(.policy)) { _ in },
        Row("RFC 5321 §5.1: the route is shown without a policy as well", .need(.route(wantsHosts: true))) {
            $0.policy = .absent
        },
        Row("RFC 8461 §4.2: so are the hosts", .need(.hosts)) {
            $0.route(.none, ["mx1.example.org"])
        },
        Row("RFC 8461 §5 item 3: and decide nothing", .answer(.modeNone)) {
            $0.route(.none, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
        },
        Row("RFC 7505 §3: a null MX goes before a policy that is not there", .answer(.notJudged("null MX"))) {
            $0.policy = .absent
            $0.route = .error(.nullMX(isSecure: false))
        },
        Row("RFC 8461 §5.1 step 3: the policy was asked for just now", .answer(.violating(violation))) {
            $0.route(.enforce, ["mx1.example.org"])
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.bad])
        },
        Row("RFC 8461 §5 item 1: a doubt is shown as it is", .answer(.unproven(Doubt("SERVFAIL")))) {
            $0.policy = Fixture.lookup(.enforce)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
    ]

    @Test("the question of check", arguments: examinationRows)
    func examination(_ row: Row<Verdict>) throws {
        #expect(next(try known(row), for: VerdictQuestion(.milter, .probes, isExamination: true)) == row.step)
    }

    // MARK: The question of the policy map

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
        Row("RFC 7672 §2.2: and where there is one", .need(.route(wantsHosts: false))) { $0.policy = .policy(exact) },
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
        Row("RFC 8461 §5 item 1: then the policy is enforced", .answer(.enforce(exact, .unneeded))) {
            $0.policy = .policy(exact)
            $0.route = .insecure
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
        Row("RFC 5321 §5.1: nor MX records that are unavailable", .answer(.enforce(exact, .unneeded))) {
            $0.policy = .policy(exact)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
        Row("RFC 5321 §5.1: nor our own trouble", .answer(.enforce(wildcard, .unknown("busy")))) {
            $0.policy = .policy(wildcard)
            $0.route = .error(.notAsked("busy"))
        },
        Row("RFC 7672 §2.1.1: forged MX records", .answer(.temporary("MX records fail DNSSEC validation: bad"))) {
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
            .answer(.temporary("TLSA records fail DNSSEC validation: bad"))
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
        Row("RFC 8461 §5.1 step 1: without either the MTA goes on by its own settings", .answer(.notFound)) {
            $0.giveUp(.policy, because: Fixture.late)
            $0.giveUp(.route(wantsHosts: false), because: Fixture.late)
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
        Row("RFC 8461 §5 item 2: a testing policy waits for no route", .answer(.testing(Fixture.policy(.testing)))) {
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
        Row("RFC 8461 §2: and if our own trouble hides the host", .answer(.dane(besides: Fixture.enforced))) {
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
        #expect(next(try known(row), for: MapQuestion(MapSettings())) == row.step)
    }

    static let policyFirstRows: [Row<MapAnswer>] = [
        Row("RFC 8461 §5 item 1: the policy alone decides", .answer(.enforce(exact, .unneeded))) {
            $0.policy = .policy(exact)
        },
        Row("RFC 8461 §4.1: but for wildcards", .need(.route(wantsHosts: true))) { $0.policy = .policy(wildcard) },
        Row("RFC 8461 §3: no policy, nothing to say", .answer(.notFound)) { $0.policy = .absent },
        Row(
            "RFC 8461 §5.1 step 1: what is not known is try again, as the operator chose",
            .answer(.temporary("policy not known: x"))
        ) {
            $0.policy = .unknown("x")
        },
        Row(
            "RFC 8461 §5.1 step 1: what is late as well",
            .answer(.temporary("policy not known: lookup still running"))
        ) {
            $0.giveUp(.policy, because: Fixture.late)
        },
        Row(
            "RFC 8461 §4.1: a secure route is asked for no TLSA records",
            .answer(.enforce(Fixture.policy(.enforce), .known(Fixture.hosts)))
        ) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
        },
    ]

    @Test("the map's question, without DANE, and with the unknown as try again", arguments: policyFirstRows)
    func mapWithoutDANE(_ row: Row<MapAnswer>) throws {
        var settings = MapSettings()
        settings.puttingDANEFirst = false
        settings.onUnknown = .temporary
        #expect(next(try known(row), for: MapQuestion(settings)) == row.step)
    }

    @Test("the map's question about what never has a policy")
    func neverPoliced() throws {
        var settings = MapSettings()
        settings.neverPoliced = [try DomainName("example.org")]
        #expect(next(Known(Fixture.hop), for: MapQuestion(settings)) == .answer(.notFound))
        settings.neverPoliced = []
        settings.neverPolicedHops = [Fixture.hop]
        #expect(next(Known(Fixture.hop), for: MapQuestion(settings)) == .answer(.notFound))
        settings.neverPolicedHops = [.host(try DomainName("example.org"), port: 587)]
        #expect(next(Known(Fixture.hop), for: MapQuestion(settings)) == .need(.policy))
    }

    // MARK: All of them

    @Test("all three ask for the policy, then the route, then the hosts, and each only once")
    func order() throws {
        for mode in Policy.Mode.allCases {
            for isSecure in [false, true] {
                #expect(try needs(VerdictQuestion(.milter, .probes), mode, isSecure).isSubsequence(of: Self.fullOrder))
                let examined = try needs(VerdictQuestion(.milter, .probes, isExamination: true), mode, isSecure)
                #expect(examined == ["policy", "route", "hosts"])
                #expect(try needs(MapQuestion(MapSettings()), mode, isSecure).isSubsequence(of: Self.fullOrder))
            }
        }
    }

    @Test("when nothing is known every question still comes to an answer", arguments: Policy.Mode.allCases)
    func ends(_ mode: Policy.Mode) throws {
        func walk<Asked: Question>(_ question: Asked, _ known: Known) {
            var known = known
            for _ in 0..<8 {
                guard case .need(let need) = next(known, for: question) else { return }
                known.giveUp(need, because: Fixture.late)
            }
            Issue.record("no answer: \(question)")
        }
        var withPolicy = Known(Fixture.hop)
        withPolicy.policy = Fixture.lookup(mode)
        var withRoute = Known(Fixture.hop)
        withRoute.route(mode, ["mx1.example.org"], isSecure: true)
        for known in [Known(Fixture.hop), withPolicy, withRoute] {
            for enforcement in Enforcement.allCases {
                walk(VerdictQuestion(enforcement, .probes), known)
                walk(VerdictQuestion(enforcement, .namesOnly, isExamination: true), known)
            }
            walk(MapQuestion(MapSettings()), known)
        }
    }

    private static let fullOrder = ["policy", "route", "hosts", "dane", "history", "second look"]

    /// What a question needs on its way to an answer about a route that conforms.
    private func needs<Asked: Question>(_ question: Asked, _ mode: Policy.Mode, _ isSecure: Bool) throws -> [String] {
        var known = Known(Fixture.hop)
        var needs: [String] = []
        while case .need(let need) = next(known, for: question) {
            try #require(needs.count < 8)
            switch need {
            case .policy:
                needs.append("policy")
                known.policy = Fixture.lookup(mode)
            case .route:
                needs.append("route")
                known.route(mode, ["mx1.example.org"], isSecure: isSecure)
            case .hosts:
                needs.append("hosts")
                known.evidence = Fixture.evidence(["mx1.example.org": Fixture.good])
            case .dane:
                needs.append("dane")
                known.dane = [.usable]
            case .history:
                needs.append("history")
                known.history = RouteHistory.Entry()
            case .secondLook:
                needs.append("second look")
                known.isPolicyLatest = true
            }
        }
        return needs
    }

    private func known<Answer>(_ row: Row<Answer>) throws -> Known {
        var known = Known(Fixture.hop)
        try row.known(&known)
        return known
    }
}

extension [String] {
    fileprivate func isSubsequence(of other: [String]) -> Bool {
        var rest = other[...]
        for element in self {
            guard let place = rest.firstIndex(of: element) else { return false }
            rest = rest[(place + 1)...]
        }
        return true
    }
}

extension Known {
    /// The policy covers `mx1.example.org` and `*.mail.example.org`.
    fileprivate mutating func route(_ mode: Policy.Mode, _ hosts: [String], isSecure: Bool = false) {
        policy = Fixture.lookup(mode)
        route = .route(Fixture.route(hosts, isSecure: isSecure))
    }

    /// The first host has usable TLSA records, the second has none.
    fileprivate mutating func someHosts(_ other: String = "a.mail.example.org", seeing first: HostEvidence? = nil) {
        route(.enforce, ["mx1.example.org", other], isSecure: true)
        dane = [.usable, .absent]
        evidence = Fixture.evidence(first.map { ["mx1.example.org": $0] } ?? [:])
    }

    fileprivate mutating func doubt(_ history: RouteHistory.Entry, _ error: RouteError = .unavailable("SERVFAIL")) {
        policy = Fixture.lookup(.enforce)
        route = .error(error)
        self.history = history
    }
}

/// Values for rows.
private enum Fixture {
    static let hop = NextHop.mx(of: name("example.org"), port: 25)
    static let literal = NextHop.address(address, port: 25)
    static let late = Doubt("lookup of hosts still running")
    static let failure = PolicyFailure(.stsPolicyFetchError, "HTTP status 404")
    static let hosts = [name("mx1.example.org")]
    static let good = HostEvidence.conforming(facts(.pkix))
    static let dane = HostEvidence.conforming(facts(.dane))
    static let bad = HostEvidence.failing([Failure(.certificateExpired, text: "certificate expired")], nil)

    static var enforced: MapAnswer {
        .enforce(policy(.enforce), .known([name("mx1.example.org"), name("a.mail.example.org")]))
    }

    static func name(_ text: String) -> DomainName {
        guard let name = try? DomainName(text) else { preconditionFailure("no name: \(text)") }
        return name
    }

    static var address: IPAddress {
        guard let address = IPAddress("192.0.2.1") else { preconditionFailure("a literal") }
        return address
    }

    static func lookup(_ mode: Policy.Mode) -> PolicyLookup { .policy(policy(mode)) }

    static func policy(_ mode: Policy.Mode, mx: String = "mx1.example.org\nmx: *.mail.example.org") -> CachedPolicy {
        guard let policy = try? Policy.read(body(mode, mx: mx).utf8).policy else { preconditionFailure("no policy") }
        return CachedPolicy(
            domain: name("example.org"), id: "1", policy: policy, fetchedAt: UTCTime(secondsSinceEpoch: 1_000_000))
    }

    static func route(_ hosts: [String], isSecure: Bool) -> Route {
        Route(nextHop: hop, policyDomain: name("example.org"), candidates: hosts.map(host), isSecure: isSecure)
    }

    static func host(_ text: String) -> MXHost { MXHost(name: name(text), preference: 10, port: 25) }

    static func evidence(_ seen: [String: HostEvidence]) -> Evidence {
        var evidence = Evidence()
        for (name, seen) in seen { evidence.note(.seen(seen), of: host(name)) }
        return evidence
    }

    static func notTried(_ hosts: [String]) -> Evidence {
        var evidence = Evidence()
        for name in hosts { evidence.note(.notTried("no descriptors"), of: host(name)) }
        return evidence
    }

    static func violation(of host: String?, _ type: ResultType, _ text: String) -> Violation {
        Violation(
            policyDomain: name("example.org"),
            findings: [HostFinding(host: host.map(name), failures: [Failure(type, text: text)])])
    }

    static func outside(_ host: String) -> Violation {
        let failure = Failure(
            .validationFailure, reasonCode: mxNotInPolicyReason, text: "MX host is not in the policy")
        return Violation(
            policyDomain: name("example.org"), findings: [HostFinding(host: name(host), failures: [failure])])
    }

    private static func facts(_ authentication: TLSFacts.Authentication) -> TLSFacts {
        TLSFacts(
            address: address, version: "TLSv1.3", cipher: "x", subject: "", issuer: "", notBefore: nil, notAfter: nil,
            names: [], authentication: authentication)
    }
}
