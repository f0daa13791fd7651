// SPDX-License-Identifier: Apache-2.0
import Core
import Metrics
import Testing
@testable import Milter

@Suite("The places of verdicts in the counts")
struct VerdictPlaceTests {
    private static let verdicts: [Verdict] = [
        .notJudged("local"), .noPolicy(nil), .modeNone, .conforming(.enforce), .testing([]), .unknown("cause"),
        .unproven(Doubt("cause")),
        .provenLately("cause"),
    ]

    @Test("each pair of a verdict's word and a decision has one of its own, with room for it", arguments: verdicts)
    func places(_ verdict: Verdict) throws {
        for decision in Decision.allCases {
            let place = VerdictPlace.of(verdict, decision)
            #expect(place < CounterArray.capacity)
            let (row, column) = place.quotientAndRemainder(dividingBy: Decision.allCases.count)
            #expect(VerdictPlace.words[row] == verdict.word && Decision.allCases[column] == decision)
        }
        #expect(VerdictPlace.words.count * Decision.allCases.count <= CounterArray.capacity)
    }
}
