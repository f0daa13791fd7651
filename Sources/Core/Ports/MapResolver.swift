// SPDX-License-Identifier: Apache-2.0
import Basics

/// Answers policy map lookups. What is right for a next hop depends on what the MTA that asks does about TLSA records.
package protocol MapResolver: Sendable {
    /// The answer if memory alone decides it; must not block.
    func cached(_ key: NextHop, for mta: DANESupport) -> MapAnswer?
    /// While this is the same, what ``cached(_:for:)`` has answered stands, unless it is `.temporary` or `.bogus`: whoever keeps
    /// the answer need not ask again. Nil if nothing may be kept. To be read before the question.
    var answerPeriod: AnswerPeriod? { get }
    /// The answer after looking things up; may take long, and goes on although the caller stopped waiting.
    func resolve(_ key: NextHop, for mta: DANESupport) async -> MapAnswer
    /// The answer as memory stands when nobody waits any longer: what is not known is `.temporary` or `.notFound`, as
    /// the operator chose, and `.temporary` where a failure of our own is why. Must not block.
    func decideNow(_ key: NextHop, for mta: DANESupport, because ending: WaitEnding) -> MapAnswer
    /// Whether memory holds a live enforce policy of this domain that is to be kept, for keys that cannot be read; must not
    /// block.
    func enforces(_ domain: DomainName) -> Bool
    /// Whether nothing at all is to be held by the map now; must not block.
    var letsAllGo: Bool { get }
    /// Takes note that the MTA was told to try again later, and why; must not block.
    func noteHeld(_ domain: DomainName, because text: String)
}

/// How long answers of the policy map stand: for the second in which they were given, while the settings are the same.
package struct AnswerPeriod: Sendable, Hashable {
    private let second: UTCTime
    private let generation: Int

    /// - Parameter generation: another one whenever answers are to be forgotten.
    package init(second: UTCTime, generation: Int) {
        self.second = second
        self.generation = generation
    }
}
