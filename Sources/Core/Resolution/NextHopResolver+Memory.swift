// SPDX-License-Identifier: Apache-2.0
import Basics

extension NextHopResolver {
    /// What memory says of a next hop, for a person who looks: nobody is asked, and the look is no use of the policy.
    /// - Returns: no answer where memory lacks something; what it has comes in any case.
    func remembered<Asked: Question>(
        _ question: Asked, about hop: NextHop
    ) -> (answer: Asked.Answer?, known: Known) {
        let now = clock.now
        var known = Known(hop)
        known.policy = hop.policyDomain.flatMap { policies.cached($0, at: now) }
        // A person is told of a violation as it was seen.
        known.isPolicyLatest = true
        while true {
            switch next(known, for: question) {
            case .answer(let answer): return (answer, known)
            case .need(.policy), .need(.secondLook): return (nil, known)
            case .need(let need): guard recall(need, into: &known, at: now) else { return (nil, known) }
            }
        }
    }
}

extension Gate {
    /// The verdict on mail to a next hop as memory has it, for a person who looks.
    /// - Returns: no verdict where memory lacks something; what it has comes in any case.
    package func remembered(_ hop: NextHop) -> (verdict: Verdict?, known: Known) {
        let settings = settings.value
        let question = VerdictQuestion(
            enforcement(settings, for: [hop]), settings.hostCheck, dane: settings.dane, isExamination: true)
        let (answer, known) = resolver.remembered(question, about: hop)
        return (answer, known)
    }
}
