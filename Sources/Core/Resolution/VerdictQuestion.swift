// SPDX-License-Identifier: Apache-2.0
import Basics

/// May mail go along this route? The question of the milter and of `check`.
package struct VerdictQuestion: Question {
    let enforcement: Enforcement
    private let hostCheck: HostCheck
    private let dane: DANEUse
    /// Whether route and hosts are wanted even where the policy decides without them, and the past is left out.
    private let isExamination: Bool

    /// - Parameter isExamination: for a person who wants to see all that there is, by `check`.
    package init(
        _ enforcement: Enforcement, _ hostCheck: HostCheck, dane: DANEUse = .policy, isExamination: Bool = false
    ) {
        self.enforcement = enforcement
        self.hostCheck = hostCheck
        self.dane = dane
        self.isExamination = isExamination
    }

    package func concerns(_ hop: NextHop, of domain: DomainName) -> Bool { true }

    package var answerWithoutPolicy: Verdict { .notJudged("address literal") }

    package func answer(under policy: PolicyLookup) -> Verdict? {
        isExamination || wantsDANE(under: policy) ? nil : judge(policy)
    }

    package var wantsDANEBesidePolicy: Bool { dane == .always && hostCheck == .probes }

    package func wantsHosts(under policy: PolicyLookup) -> Bool { isExamination || judge(policy) == nil }

    package func need(of route: Route, under policy: PolicyLookup) -> Need? {
        guard hostCheck == .probes else { return nil }
        // Of a route without a policy no host is dialled before it is known to have TLSA records.
        if isExamination || judge(policy) == nil { return .hosts }
        return route.isSecure ? .dane : nil
    }

    /// Whether TLSA records are to be kept although no policy is enforced.
    private func wantsDANE(under policy: PolicyLookup) -> Bool {
        guard dane == .always, hostCheck == .probes else { return false }
        return switch policy {
        case .policy(let cached): cached.policy.mode != .enforce
        case .absent, .failed, .unknown: true
        case .unreadable: false
        }
    }

    package func decide(_ known: Known, of domain: DomainName, under policy: PolicyLookup) -> Step<Verdict> {
        if wantsDANE(under: policy) {
            switch decideByDANE(known) {
            case .answer(.violating(let violation)): return act(on: violation, known)
            case let step?: return step
            case nil: break
            }
        }
        switch known.route {
        case .error(let error): return weigh(judge(error, of: domain, under: policy), known, policy)
        case .route(let route):
            let seen = known.evidence ?? Evidence()
            let verdict = judge(
                route, under: policy, seeing: seen, enforcement: enforcement, hostCheck: hostCheck)
            guard isOpen(verdict, seen, of: route, known) else { return weigh(verdict, known, policy) }
            guard let late = known.late else { return .need(.hosts) }
            // A testing policy never holds mail back, so its evidence must be complete to be worth counting.
            if case .testing = verdict { return .answer(judge(late, under: policy)) }
            return weigh(verdict, known, policy)
        case .insecure, nil:
            return weigh(judge(known.late ?? Doubt("no route"), under: policy), known, policy)
        }
    }

    /// Whether more hosts could change the verdict.
    private func isOpen(_ verdict: Verdict, _ seen: Evidence, of route: Route, _ known: Known) -> Bool {
        guard hostCheck == .probes, !known.areHostsAsked, seen.hosts.count < route.candidates.count else {
            return false
        }
        return switch verdict {
        case .testing, .unproven: true
        case .notJudged, .noPolicy, .modeNone, .conforming, .violating, .unknown, .provenLately: false
        }
    }

    /// A route that broke its policy still does until it is seen to keep it, so that nobody gains by hiding from a second
    /// look. One that kept it within the last day is not held up by a failure of our own.
    private func weigh(_ verdict: Verdict, _ known: Known, _ policy: PolicyLookup) -> Step<Verdict> {
        switch verdict {
        case .violating(let violation): return act(on: violation, known)
        case .unproven(let doubt):
            guard !isExamination, case .policy(let cached) = policy else { return .answer(verdict) }
            guard let history = known.history else { return .need(.history) }
            if let broken = history.broken, broken.policy == cached.policy { return act(on: broken.violation, known) }
            guard doubt.isOurs, history.proven == cached.policy else { return .answer(verdict) }
            return .answer(.provenLately(doubt.text))
        case .notJudged, .noPolicy, .modeNone, .conforming, .testing, .unknown, .provenLately: return .answer(verdict)
        }
    }

    private func act(on violation: Violation, _ known: Known) -> Step<Verdict> {
        known.isPolicyLatest || isExamination ? .answer(.violating(violation)) : .need(.secondLook(violation))
    }
}
