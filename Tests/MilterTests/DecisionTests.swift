// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Testing
@testable import Milter

@Suite("Decisions")
struct DecisionTests {
    typealias Circumstances = Decision.Circumstances

    static let plain = Circumstances(
        onViolation: .defer, onUnknown: .accept, onUnproven: .defer, localSubmission: nil, awaitsHeader: false,
        canQuarantine: true)

    static func circumstances(
        _ onViolation: ViolationAction = .defer, unknown: UnknownAction = .accept,
        unproven: UnknownAction = .accept, local: LocalSubmissionAction? = nil,
        header: Bool = false, map: Bool = false, canQuarantine: Bool = true
    ) -> Circumstances {
        Circumstances(
            onViolation: onViolation, onUnknown: unknown, onUnproven: unproven, localSubmission: local,
            awaitsHeader: header, isGuardedByMap: map, canQuarantine: canQuarantine)
    }

    static let violations: [(Circumstances, Decision)] = [
        (circumstances(.defer), .defer),
        (circumstances(.log), .log),
        (circumstances(.quarantine), .quarantine),
        (circumstances(.quarantine, canQuarantine: false), .defer),
        (circumstances(.defer, local: .log), .log),
        (circumstances(.defer, local: .defer), .deferMessage),
        (circumstances(.quarantine, local: .log), .quarantine),
        (circumstances(.quarantine, local: .defer, canQuarantine: false), .deferMessage),
        (circumstances(.defer, header: true), .deferMessage),
        (circumstances(.defer, header: true, map: true), .leaveToMap),
        (circumstances(.defer, map: true), .defer),
        (circumstances(.defer, local: .defer, header: true, map: true), .deferMessage),
        (circumstances(.quarantine, header: true, map: true), .quarantine),
        (circumstances(.quarantine, header: true, map: true, canQuarantine: false), .leaveToMap),
        (circumstances(.log, header: true), .log),
        (circumstances(.quarantine, header: true), .quarantine),
    ]

    @Test("a violation", arguments: violations)
    func violation(_ circumstances: Circumstances, _ decision: Decision) throws {
        let violation = Violation(policyDomain: try DomainName("bad.lab"), findings: [])
        #expect(Decision(on: .violating(violation), circumstances) == decision)
    }

    static let unknowns: [(Circumstances, Decision)] = [
        (circumstances(unknown: .accept), .log),
        (circumstances(unknown: .defer), .defer),
        (circumstances(.log, unknown: .defer), .defer),
        (circumstances(unknown: .defer, local: .log), .log),
        (circumstances(unknown: .defer, local: .defer), .deferMessage),
        (circumstances(unknown: .defer, header: true), .deferMessage),
        (circumstances(unknown: .defer, header: true, map: true), .deferMessage),
    ]

    @Test("where TLSA records are not kept, no policy map guards the delivery")
    func dane() throws {
        let violation = Violation(policyDomain: try DomainName("bad.lab"), findings: [], requirement: .dane)
        let guarded = Self.circumstances(unproven: .accept, header: true, map: true)
        #expect(Decision(on: .violating(violation), guarded) == .deferMessage)
        #expect(Decision(on: .unproven(Doubt("x", of: .dane)), guarded) == .deferMessage)
        #expect(Decision(on: .unproven(Doubt("x")), guarded) == .log)
        var asked = Self.circumstances(unproven: .accept, map: true)
        asked.onUnprovenDANE = .accept
        #expect(Decision(on: .unproven(Doubt("x", of: .dane)), asked) == .log)
    }

    @Test("an unknown", arguments: unknowns)
    func unknown(_ circumstances: Circumstances, _ decision: Decision) {
        #expect(Decision(on: .unknown("x"), circumstances) == decision)
    }

    @Test("in a pause nothing is held back, and nothing is left to the map", arguments: violations)
    func paused(_ circumstances: Circumstances, _ decision: Decision) throws {
        let violation = Violation(policyDomain: try DomainName("bad.lab"), findings: [])
        var paused = circumstances
        paused.isPaused = true
        #expect(Decision(on: .violating(violation), paused) == (decision == .log ? .log : .paused))
        #expect(!Decision.paused.holdsBack)
        #expect(Decision(on: .conforming(.enforce), paused) == .deliver)
        #expect(Decision(on: .testing([]), paused) == .log)
    }

    @Test("an unproven route has a setting of its own")
    func unproven() {
        let doubt = Verdict.unproven(Doubt("x"))
        #expect(Decision(on: doubt, Self.circumstances(unknown: .accept, unproven: .defer)) == .defer)
        #expect(Decision(on: doubt, Self.circumstances(unknown: .defer, unproven: .accept)) == .log)
        #expect(Decision(on: .unknown("x"), Self.circumstances(unknown: .accept, unproven: .defer)) == .log)
        #expect(Decision(on: doubt, Self.circumstances(unproven: .defer, header: true)) == .deferMessage)
        // Where nothing is said, it goes on only where a map guards the delivery.
        #expect(UnknownAction.whereUnproven(under: .milter) == .defer)
        #expect(UnknownAction.whereUnproven(under: .milterAndPolicyMap) == .accept)
    }

    @Test("everything else goes on, whatever the settings")
    func others() {
        let strict = Self.circumstances(.defer, unknown: .defer, unproven: .defer)
        for verdict in [
            Verdict.notJudged("x"), .noPolicy(nil), .modeNone, .conforming(.enforce), .conforming(.testing),
        ] {
            #expect(Decision(on: verdict, strict) == .deliver)
        }
        #expect(Decision(on: .testing([]), strict) == .log)
        #expect(Decision(on: .provenLately("x"), strict) == .log)
    }
}
