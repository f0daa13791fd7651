// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import Testing

@testable import Core
/// What all questions have in common.
extension ResolutionTests {
    @Test("all three ask for the policy, then the route, then the hosts, and each only once")
    func order() throws {
        for mode in Policy.Mode.allCases {
            for isSecure in [false, true] {
                #expect(try needs(VerdictQuestion(.milter, .probes), mode, isSecure).isSubsequence(of: Self.fullOrder))
                let examined = try needs(VerdictQuestion(.milter, .probes, isExamination: true), mode, isSecure)
                #expect(examined == ["policy", "route", "hosts"])
                #expect(try needs(MapQuestion(MapQuestionSettings()), mode, isSecure).isSubsequence(of: Self.fullOrder))
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
            walk(MapQuestion(MapQuestionSettings()), known)
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
