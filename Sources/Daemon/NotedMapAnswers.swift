// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// The policy map, with note taken of what it was asked and what it answered.
struct NotedMapAnswers: MapResolver {
    let resolver: PolicyMapResolver
    /// Nil where no log is read: nobody asks for what was answered.
    let keys: ObservedMapKeys?
    let use: MapUse

    /// A note may be as late as an answer is old.
    var answerPeriod: AnswerPeriod? { resolver.answerPeriod }

    /// Each question comes here first.
    func cached(_ key: NextHop, for mta: DANESupport) -> MapAnswer? {
        use.noteAsked(key, by: mta)
        return resolver.cached(key, for: mta).map { noted($0, key) }
    }
    func resolve(_ key: NextHop, for mta: DANESupport) async -> MapAnswer {
        noted(await resolver.resolve(key, for: mta), key)
    }
    func decideNow(_ key: NextHop, for mta: DANESupport, because ending: WaitEnding) -> MapAnswer {
        noted(resolver.decideNow(key, for: mta, because: ending), key)
    }
    func enforces(_ domain: DomainName) -> Bool { resolver.enforces(domain) }
    var letsAllGo: Bool { resolver.letsAllGo }
    func noteHeld(_ domain: DomainName, because text: String) { resolver.noteHeld(domain, because: text) }

    private func noted(_ answer: MapAnswer, _ key: NextHop) -> MapAnswer {
        keys?.note(key, answer)
        return answer
    }
}
