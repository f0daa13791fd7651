// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Synchronization

/// Answers the policy map, from the same memory as the ``Gate``.
package final class PolicyMapResolver: MapResolver {
    /// How long an answer is kept whole: no policy and no host notices.
    private static let answerStandsFor = Duration.seconds(1)

    private let resolver: NextHopResolver
    private let settings: Locked<MapQuestionSettings>
    private let pause: Pause?
    /// What next hops came to in the current second.
    private let answers = TTLCache<NextHop, MapAnswer>(octets: MemoryBudget.answers) { hop, answer in
        hop.heldOctets + answer.heldOctets
    }
    private let held: HeldMail?
    /// Grows when answers are forgotten.
    private let generation = Atomic(0)

    /// - Parameters:
    ///   - pause: while it is in force each answer is `.notFound`, TLSA records or none.
    ///   - held: takes note of deliveries that the map holds back; nil where nobody asks for them.
    package init(
        resolver: NextHopResolver, settings: MapQuestionSettings, pause: Pause? = nil, held: HeldMail? = nil
    ) {
        self.resolver = resolver
        self.held = held
        self.settings = Locked(settings)
        self.pause = pause
    }

    /// Takes new settings; what was seen of hosts stays under the same ones, but for answers, which rest on others' too.
    package func apply(_ new: MapQuestionSettings) {
        let isChanged = settings.withLock { settings in
            defer { settings = new }
            return settings != new
        }
        forgetAnswers()
        if isChanged { resolver.dane.forgetAll() }
    }

    /// Forgets the answers of this second, which rest on routes and hosts that are forgotten.
    package func forgetAnswers() {
        answers.removeAll()
        generation.add(1, ordering: .sequentiallyConsistent)
    }

    /// Lets go of what is remembered no longer.
    package func sweep() { answers.sweep(at: resolver.clock.now) }

    package var answerPeriod: AnswerPeriod? {
        AnswerPeriod(
            second: resolver.clock.now, generation: generation.load(ordering: .sequentiallyConsistent))
    }

    package var letsAllGo: Bool { pause?.isInForce ?? false }

    package func cached(_ key: NextHop) -> MapAnswer? {
        if letsAllGo { return .notFound }
        let now = resolver.clock.now
        if let known = answers.value(for: key, at: now) { return known }
        guard let resolved = resolver.cached(question, about: key) else { return nil }
        // Without a policy nothing was looked for, so there is nothing to spare.
        if resolved.known.policy != nil { remember(resolved.answer, of: key, at: now) }
        return resolved.answer
    }

    package func resolve(_ key: NextHop) async -> MapAnswer {
        let answer = await resolver.resolve(question, about: key).answer
        return letsAllGo ? .notFound : answer
    }

    package func decideNow(_ key: NextHop, because ending: WaitEnding) -> MapAnswer {
        if letsAllGo { return .notFound }
        let question = question
        let resolved = resolver.decideNow(question, about: key, because: ending)
        // Nothing of this route, so not for `next` to see: whoever keeps us busy must not have a policy left out that was
        // never asked for.
        if ending == .crowded, !question.settings.isDryRun, case .unknown(let text)? = resolved.known.policy {
            return .temporary(text)
        }
        return resolved.answer
    }

    /// Whether the map may ever hold mail to the next hop.
    package func mayHold(_ hop: NextHop) -> Bool {
        guard let domain = hop.policyDomain else { return false }
        return question.concerns(hop, of: domain)
    }

    package func enforces(_ domain: DomainName) -> Bool {
        guard !letsAllGo, !settings.withLock({ $0.isDryRun || $0.neverPolices(domain) }) else { return false }
        let found = resolver.policies.cached(domain)
        resolver.policies.noteUse(of: domain, found: found)
        return switch found ?? resolver.policies.standIn(for: domain) {
        case .policy(let cached)?: cached.policy.mode == .enforce
        case .unreadable?: true
        case .absent?, .failed?, .unknown?, nil: false
        }
    }

    package func noteHeld(_ domain: DomainName, because text: String) {
        held?.note(domain, heldByMapBecause: text)
    }

    private var question: MapQuestion { MapQuestion(settings.withLock { $0 }) }

    private func remember(_ answer: MapAnswer, of key: NextHop, at now: UTCTime) {
        switch answer {
        case .temporary, .bogus: return
        case .notFound, .dane, .daneWherePresent, .enforce, .testing, .failed:
            answers.set(answer, for: key, at: now, keepFor: Self.answerStandsFor)
        }
    }
}
