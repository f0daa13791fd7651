// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Metrics
import Testing
@testable import Milter

@Suite("The places of verdicts in the counts")
struct VerdictPlaceTests {
    @Test("the place of a case is that in the list of all")
    func order() {
        #expect(VerdictWord.allCases.map(\.place) == Array(VerdictWord.allCases.indices))
        #expect(Decision.allCases.map(\.place) == Array(Decision.allCases.indices))
        #expect(HostStatus.allCases.map(\.place) == Array(HostStatus.allCases.indices))
    }

    private static let verdicts: [Verdict] = [
        .notJudged("local"), .noPolicy(nil), .modeNone, .conforming(.enforce), .testing([]), .unknown("cause"),
        .unproven(Doubt("cause")),
        .provenLately("cause"),
    ]

    @Test("each pair of a verdict's word and a decision has one of its own, with room for it", arguments: verdicts)
    func places(_ verdict: Verdict) throws {
        for decision in Decision.allCases {
            let place = VerdictPlace.of(verdict.word, decision)
            #expect(place < CounterArray.capacity)
            let (row, column) = place.quotientAndRemainder(dividingBy: Decision.allCases.count)
            #expect(VerdictWord.allCases[row] == verdict.word && Decision.allCases[column] == decision)
        }
        #expect(VerdictWord.allCases.count * Decision.allCases.count <= CounterArray.capacity)
    }
}
