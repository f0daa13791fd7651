// SPDX-License-Identifier: Apache-2.0
import Basics

/// Walks from next hops to answers: ``next(_:for:)`` says what is needed, and memory or the network gives it.
package final class NextHopResolver: Sendable {
    let policies: PolicyCache
    package let routes: RouteCache
    let hosts: HostEvidenceCache
    let dane: DANECache
    let history = RouteHistory()
    let clock: any WallClock

    package init(
        policies: PolicyCache, routes: RouteCache, prober: any Prober, surveyor: any DANESurveyor,
        clock: any WallClock
    ) {
        self.policies = policies
        self.routes = routes
        hosts = HostEvidenceCache(prober: prober, clock: clock)
        dane = DANECache(surveyor: surveyor, clock: clock)
        self.clock = clock
    }

    /// Has what is seen of hosts from now on trusted for as long as the settings say.
    package func trustHosts(by settings: GateSettings) { hosts.apply(settings) }

    /// Has routes and hosts looked at anew, for new settings or the operator.
    package func forgetHosts() {
        routes.forgetAll()
        hosts.forgetAll()
        dane.forgetAll()
        history.forgetAll()
    }

    /// Forgets which routes kept or broke their policies, since other rules say so now.
    package func forgetHistory() { history.forgetAll() }

    /// Lets go of what is remembered no longer.
    package func sweep() {
        routes.sweep()
        hosts.sweep()
        dane.sweep()
        history.sweep(at: clock.now)
    }

    // MARK: The three ways to walk

    /// The answer if memory alone decides it; asks nobody and waits for nothing.
    /// - Parameter now: nil for what the clock says.
    package func cached<Asked: Question>(
        _ question: Asked, about hop: NextHop, at now: UTCTime? = nil
    ) -> Resolved<Asked.Answer>? {
        var known = Known(hop)
        let answer = cached(question, at: now ?? clock.now, into: &known)
        return answer.map { Resolved(answer: $0, known: known) }
    }

    /// The same, for who only looks at what is known: handing all of it on costs as much as a look at a table.
    /// - Parameter known: of nothing but the next hop; takes what memory has, also where that does not decide.
    func cached<Asked: Question>(
        _ question: Asked, at now: UTCTime, into known: inout Known
    ) -> Asked.Answer? {
        while true {
            switch next(known, for: question) {
            case .answer(let answer): return answer
            case .need(let need): guard recall(need, into: &known, at: now) else { return nil }
            }
        }
    }

    /// The answer after looking up what memory lacks; joins lookups in flight.
    /// - Parameter generation: that of the ``history`` before the question's rules were read; nil for the one now.
    package func resolve<Asked: Question>(
        _ question: Asked, about hop: NextHop, in generation: Int? = nil
    ) async -> Resolved<Asked.Answer> {
        let generation = generation ?? history.generation
        var known = Known(hop)
        while true {
            switch next(known, for: question) {
            case .answer(let answer): return Resolved(answer: answer, known: known)
            case .need(let need):
                if need == .policy, question.wantsDANEBesidePolicy { lookUpDANE(of: hop) }
                await ask(for: need, into: &known, in: generation)
            }
        }
    }

    /// The answer as memory stands when nobody waits any longer. What is still missing is in doubt, by our own doing if
    /// that is why it is missing.
    package func decideNow<Asked: Question>(
        _ question: Asked, about hop: NextHop, because ending: WaitEnding
    ) -> Resolved<Asked.Answer> {
        let now = clock.now
        var known = Known(hop)
        while true {
            switch next(known, for: question) {
            case .answer(let answer): return Resolved(answer: answer, known: known)
            case .need(let need):
                if recall(need, into: &known, because: ending, at: now) { continue }
                let isOurs = ending == .crowded || routes.localFailure(at: now) != nil
                known.giveUp(need, because: Doubt("lookup of hosts still running", isOurs: isOurs))
            }
        }
    }

    // MARK: What is needed, from memory and by asking

    /// Notes what memory has.
    /// - Parameter ending: why nobody waits any longer; nil while somebody may.
    /// - Returns: whether something was added.
    func recall(
        _ need: Need, into known: inout Known, because ending: WaitEnding? = nil, at now: UTCTime
    ) -> Bool {
        switch need {
        case .policy:
            guard known.policy == nil, let domain = known.hop.policyDomain else { return false }
            let found = policies.cached(domain, at: now)
            // A look at the record that is due comes first, as long as somebody may wait for it.
            if policies.noteUse(of: domain, found: found, at: now), ending == nil { return false }
            known.policy = found
            // Whoever delays the DNS must not get around the list's policy.
            if known.policy == nil, ending != nil { known.policy = policies.standIn(for: domain) }
            return known.policy != nil
        case .secondLook:
            known.isPolicyLatest = wasLookedAtLately(known.hop)
            return known.isPolicyLatest
        case .route(let wantsHosts):
            known.route = routes.cached(known.hop, wantsHosts: wantsHosts, at: now)
            return known.route != nil
        case .hosts:
            guard known.evidence == nil, case .route(let route) = known.route else { return false }
            known.evidence = hosts.cached(route, because: ending, at: now)
            return true
        case .dane:
            guard case .route(let route) = known.route else { return false }
            known.dane = dane.cached(route, at: now)
            return known.dane != nil
        case .history:
            known.history = history.cached(known.hop, at: now)
            return true
        }
    }

    /// Notes what memory has, or else what the network says.
    private func ask(for need: Need, into known: inout Known, in generation: Int) async {
        switch need {
        case .policy:
            guard let domain = known.hop.policyDomain else { return }
            known.policy = await policies.resolve(domain)
            known.isPolicyAsked = true
        case .secondLook(let violation): await lookAgain(because: violation, &known, in: generation)
        case .route(let wantsHosts): known.route = await routes.resolve(known.hop, wantsHosts: wantsHosts)
        case .hosts:
            guard case .route(let route) = known.route else { return }
            known.evidence = await hosts.resolve(route)
            known.areHostsAsked = true
        case .dane:
            guard case .route(let route) = known.route else { return }
            known.dane = await dane.resolve(route)
        case .history: known.history = history.cached(known.hop, at: clock.now)
        }
    }

    /// Begins to look up the route and the TLSA records of its hosts, and does not wait: whoever needs them joins.
    private func lookUpDANE(of hop: NextHop) {
        Task { [routes, dane] in
            guard let route = await routes.resolve(hop, wantsHosts: false).found, route.isSecure else { return }
            _ = await dane.resolve(route)
        }
    }

    /// Starts the walk anew with the policy as it is now.
    private func lookAgain(because violation: Violation, _ known: inout Known, in generation: Int) async {
        guard !wasLookedAtLately(known.hop), let domain = known.hop.policyDomain else {
            known.isPolicyLatest = true
            return
        }
        // Should the second look end in doubt, the violation still stands. One that is remembered is not new.
        if known.history == nil {
            history.note(
                .violating(violation), of: known.hop, under: known.policy, at: clock.now, in: generation)
        }
        known = Known(known.hop)
        known.policy = await policies.recheck(domain)
        known.isPolicyAsked = true
        known.isPolicyLatest = true
        // The route may have been repaired as well as the policy.
        routes.forget(known.hop)
    }

    private func wasLookedAtLately(_ hop: NextHop) -> Bool {
        hop.policyDomain.map { policies.wasRecheckedLately($0) } ?? false
    }
}
