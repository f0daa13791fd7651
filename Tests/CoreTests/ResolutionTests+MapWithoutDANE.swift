// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Core

/// The question of the policy map from an MTA whose answer DANE has no part in, or that looks for TLSA records itself.
extension ResolutionTests {
    static let policyFirstRows: [Row<MapAnswer>] = [
        Row("RFC 8461 §4.1: the MX hosts count as well", .need(.route(wantsHosts: true))) {
            $0.policy = .policy(exact)
        },
        Row("RFC 8461 §4.1: all the more for wildcards", .need(.route(wantsHosts: true))) {
            $0.policy = .policy(wildcard)
        },
        Row(
            "RFC 8461 §4.1: where they are late the policy's names still bind",
            .answer(.enforce(exact, .unknown(Fixture.late.text)))
        ) {
            $0.policy = .policy(exact)
            $0.giveUp(.route(wantsHosts: true), because: Fixture.late)
        },
        Row("RFC 8461 §4.1: but for wildcards, which bind nobody", .answer(.temporary(Fixture.late.text))) {
            $0.policy = .policy(wildcard)
            $0.giveUp(.route(wantsHosts: true), because: Fixture.late)
        },
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
        Row(
            "RFC 5321 §5.1: MX records that are unavailable take no policy away",
            .answer(.enforce(exact, .unknown("x")))
        ) {
            $0.policy = .policy(exact)
            $0.route = .error(.unavailable("x"))
        },
        Row("RFC 5321 §5.1: nor does a failure of our own", .answer(.enforce(wildcard, .unknown("busy")))) {
            $0.policy = .policy(wildcard)
            $0.route = .error(.notAsked("busy"))
        },
    ]

    @Test("the map's question, without DANE, and with the unknown as try again", arguments: policyFirstRows)
    func mapWithoutDANE(_ row: Row<MapAnswer>) throws {
        var settings = MapQuestionSettings()
        settings.puttingDANEFirst = false
        settings.onUnknown = .temporary
        #expect(next(try row.known(), for: MapQuestion(settings)) == row.step)
        // An MTA that does no DANE is answered the same, whatever the settings say of it.
        settings.puttingDANEFirst = true
        #expect(next(try row.known(), for: MapQuestion(settings, from: .none)) == row.step)
    }

    /// An MTA that looks for TLSA records itself: what is said must not weaken its own, and no mail waits for more.
    static let ownDANERows: [Row<MapAnswer>] = [
        Row("without a policy it needs no answer", .answer(.notFound)) { $0.policy = .absent },
        Row("nor under one that does not bind", .answer(.testing(Fixture.policy(.testing)))) {
            $0.policy = Fixture.lookup(.testing)
        },
        Row("RFC 8461 §2: of a secure route the TLSA records are looked up", .need(.dane)) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
        },
        Row(
            "RFC 7672 §2.1.2: and must be known", .answer(.temporary("TLSA records could not be looked up: SERVFAIL"))
        ) {
            $0.route(.enforce, ["mx1.example.org"], isSecure: true)
            $0.dane = [.unknown("SERVFAIL")]
        },
        Row(
            "RFC 7672 §2.1.2: as must be the MX records",
            .answer(.temporary("the MX hosts could not be looked up: SERVFAIL"))
        ) {
            $0.policy = .policy(exact)
            $0.route = .error(.unavailable("SERVFAIL"))
        },
    ]

    @Test("the map's question from an MTA that does DANE itself", arguments: ownDANERows)
    func mapForOwnDANE(_ row: Row<MapAnswer>) throws {
        #expect(next(try row.known(), for: MapQuestion(MapQuestionSettings(), from: .byItself)) == row.step)
    }
}
