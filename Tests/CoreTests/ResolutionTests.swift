// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT
import Testing

@testable import Core

/// The questions of the milter and of check; that of the map and what all have in common stand beside this file.
@Suite("next: policy, then route, then hosts, then the decision")
struct ResolutionTests {
    typealias Row = ResolutionRow

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
        Row(
            "RFC 8461 §5 item 1: a failure of our own does not undo what was proven",
            .answer(.provenLately("no resolver"))
        ) {
            $0.doubt(RouteHistory.Entry(proven: Fixture.policy(.enforce).policy), .notAsked("no resolver"))
        },
        Row(
            "RFC 8461 §5 item 1: what was never proven stays so under a failure of our own",
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
        Row("RFC 8461 §5 item 1: a failure of our own does not repair it", .need(.secondLook(violation))) {
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
        #expect(next(try row.known(), for: VerdictQuestion(.milter, .probes)) == row.step)
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
        #expect(next(try row.known(), for: VerdictQuestion(.milterAndPolicyMap, .probes)) == row.step)
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
        #expect(next(try row.known(), for: VerdictQuestion(.milter, .namesOnly)) == row.step)
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
        #expect(next(try row.known(), for: VerdictQuestion(.milter, .probes, isExamination: true)) == row.step)
    }
}
