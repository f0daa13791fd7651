// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Synchronization

/// Answers the policy map, from the same memory as the ``Gate``.
package final class PolicyMapResolver: MapResolver {
    /// How long an answer is kept whole: no policy and no host notices.
    private static let answerStandsFor = Duration.seconds(1)

    /// A next hop, and what is done about its TLSA records.
    private struct Asked: Sendable, TableKey {
        let hop: NextHop
        let mta: DANESupport

        var tableHash: UInt64 { KeyedHash.hash(hop.tableHash, UInt64(mta.rawValue)) }
        func hash(into hasher: inout Hasher) { hasher.combine(tableHash) }
    }

    private let resolver: NextHopResolver
    private let settings: Locked<MapQuestionSettings>
    private let pause: Pause?
    /// What next hops came to in the current second.
    private let answers = TTLCache<Asked, MapAnswer>(octets: MemoryBudget.answers) { asked, answer in
        asked.hop.heldOctets + answer.heldOctets
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

    package func cached(_ key: NextHop, for mta: DANESupport = .byLevel) -> MapAnswer? {
        if letsAllGo || isWithoutPolicy(key) { return .notFound }
        let now = resolver.clock.now
        let asked = Asked(hop: key, mta: mta)
        if let known = answers.value(for: asked, at: now) { return known }
        guard let resolved = resolver.cached(question(from: mta), about: key) else { return nil }
        // Without a policy nothing was looked for, so there is nothing to spare.
        if resolved.known.policy != nil { remember(resolved.answer, of: asked, at: now) }
        return resolved.answer
    }

    package func resolve(_ key: NextHop, for mta: DANESupport = .byLevel) async -> MapAnswer {
        if isWithoutPolicy(key) { return .notFound }
        let answer = await resolver.resolve(question(from: mta), about: key).answer
        return letsAllGo ? .notFound : answer
    }

    package func decideNow(
        _ key: NextHop, for mta: DANESupport = .byLevel, because ending: WaitEnding
    ) -> MapAnswer {
        if letsAllGo || isWithoutPolicy(key) { return .notFound }
        let question = question(from: mta)
        let resolved = resolver.decideNow(question, about: key, because: ending)
        guard ending == .crowded, !question.settings.isDryRun, let policy = resolved.known.policy else {
            return resolved.answer
        }
        // Nothing of this route, so not for `next` to see: whoever keeps us busy must not have a policy left out that was
        // never asked for, nor TLSA records.
        if case .unknown(let text) = policy { return .temporary(text) }
        if let late = resolved.known.late, resolved.known.route == nil, question.putsDANEFirst(policy) {
            return .temporary(late.text)
        }
        return resolved.answer
    }

    /// Whether the map may ever hold mail to the next hop.
    package func mayHold(_ hop: NextHop) -> Bool {
        guard let domain = hop.policyDomain else { return false }
        return question(from: .byLevel).concerns(hop, of: domain)
    }

    /// Whether the name is a single label, as of a host in the site's own network, which is not worth a question: only the
    /// site's own settings can give it a policy.
    private func isWithoutPolicy(_ hop: NextHop) -> Bool {
        guard let domain = hop.policyDomain, domain.labelCount == 1 else { return false }
        return resolver.policies.cached(domain) == nil
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

    private func question(from mta: DANESupport) -> MapQuestion { MapQuestion(settings.withLock { $0 }, from: mta) }

    private func remember(_ answer: MapAnswer, of key: Asked, at now: UTCTime) {
        switch answer {
        case .temporary, .bogus: return
        case .notFound, .dane, .daneWherePresent, .enforce, .testing, .failed:
            answers.set(answer, for: key, at: now, keepFor: Self.answerStandsFor)
        }
    }
}
