// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT
import Testing

@testable import Core

/// The questions of the milter and of check; that of the map and what all have in common stand beside this file.

/// The question of a milter that judges DANE where no policy is enforced.
extension ResolutionTests {
    static let daneRows: [Row<Verdict>] = [
        Row("RFC 7672 §2.2: the route is wanted where there is no policy", .need(.route(wantsHosts: false))) {
            $0.policy = .absent
        },
        Row("RFC 7672 §2.2.1: without DNSSEC there is nothing to keep", .answer(.noPolicy(nil))) {
            $0.policy = .absent
            $0.route = .insecure
        },
        Row("RFC 7672 §2.2: no host is dialled before it is known to have records", .need(.dane)) { $0.open(nil) },
        Row("RFC 7672 §2.2: nor one that has none", .answer(.noPolicy(nil))) { $0.open([.absent]) },
        Row("RFC 7672 §2.2: those that have are", .need(.hosts)) { $0.open([.usable]) },
        Row("RFC 7672 §2.2: records that are kept", .answer(.noPolicy(nil))) { $0.open([.usable], Fixture.dane) },
        Row(
            "RFC 7672 §2.2: records that are not kept, for which the policy is looked at again",
            .need(.secondLook(Fixture.mismatch))
        ) {
            $0.open([.usable], Fixture.mismatched)
        },
        Row("RFC 7672 §2.2: and then the mail waits", .answer(.violating(Fixture.mismatch))) {
            $0.open([.usable], Fixture.mismatched)
            $0.isPolicyLatest = true
        },
        Row("RFC 7672 §2.2: a testing policy lets nothing past them", .answer(.violating(Fixture.mismatch))) {
            $0.open([.usable], Fixture.mismatched)
            $0.policy = Fixture.lookup(.testing)
            $0.isPolicyLatest = true
        },
        Row(
            "RFC 7672 §2.1.2: a host that is down proves nothing",
            .answer(.unproven(Doubt("unreachable: mx1.example.org: timed out", of: .dane)))
        ) {
            $0.open([.usable], .unreachable("timed out"))
            $0.areHostsAsked = true
        },
        Row(
            "RFC 7672 §2.1.2: nor do records that are late",
            .answer(.unproven(Doubt(Fixture.late.text, of: .dane)))
        ) {
            $0.open(nil)
            $0.giveUp(.dane, because: Fixture.late)
        },
        Row(
            "RFC 7672 §2.1.2: nor MX records that are forged", .answer(.unproven(Doubt("bad", of: .dane)))
        ) {
            $0.policy = .absent
            $0.route = .error(.bogus("bad"))
        },
        Row(
            "RFC 7672 §2.1.2: nor those that cannot be had, under a testing policy either",
            .answer(.unproven(Doubt("SERVFAIL", of: .dane)))
        ) {
            $0.policy = Fixture.lookup(.testing)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
        Row("RFC 7672 §2.1.2: nor those that are late", .answer(.unproven(Doubt(Fixture.late.text, of: .dane)))) {
            $0.policy = .absent
            $0.giveUp(.route(wantsHosts: false), because: Fixture.late)
        },
        Row("RFC 7672 §2.1.2: a failure of our own is not the domain's", .answer(.noPolicy(nil))) {
            $0.policy = .absent
            $0.route = .error(.notAsked("busy"))
        },
        Row(
            "RFC 7672 §2.1.2: nor does an only host whose address cannot be had",
            .answer(.unproven(Doubt("mx1.example.org: SERVFAIL", of: .dane)))
        ) {
            $0.open([.unreachable("mx1.example.org: SERVFAIL")])
        },
        Row("RFC 7672 §2.2: records that cannot be used ask for TLS alone", .answer(.noPolicy(nil))) {
            $0.open([.unusable], .failing([Failure(.certificateNotTrusted, text: "self-signed")], Fixture.facts(.pkix)))
        },
        Row("RFC 7672 §2.2: a host without records may have the mail", .answer(.noPolicy(nil))) {
            $0.policy = .absent
            $0.route = .route(Fixture.route(["mx1.example.org", "mx2.example.org"], isSecure: true))
            $0.dane = [.usable, .absent]
            $0.evidence = Fixture.evidence(["mx1.example.org": .unreachable("timed out")])
        },
        Row("RFC 8461 §5 item 1: an enforce policy is judged as ever", .answer(.conforming(.enforce))) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.evidence = Fixture.evidence(["mx1.example.org": Fixture.good])
        },
    ]

    @Test("the question of a milter that judges DANE without a policy", arguments: daneRows)
    func dane(_ row: Row<Verdict>) throws {
        // Not even the policy map is counted on: the MTA may not do DANE.
        for enforcement in [Enforcement.milter, .milterAndPolicyMap] {
            #expect(next(try row.known(), for: VerdictQuestion(enforcement, .probes, dane: .always)) == row.step)
        }
    }
}
