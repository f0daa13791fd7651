// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// What the operator chose for the answer, whatever MTA asks. How it is put into words: `MapReplySettings`.
package struct MapQuestionSettings: Sendable, Equatable {
    /// What is said of a domain never seen while its policy is being looked up.
    package enum Unknown: Sendable { case notFound, temporary }

    /// Whether DANE is looked at, and put first.
    package var puttingDANEFirst = true
    /// Whether hosts may be dialled to see which of them are up.
    package var probesHosts = true
    package var onUnknown = Unknown.notFound
    /// Whether enforce policies are answered as if their mode were testing, so that no mail is held to them.
    package var isDryRun = false
    /// Next hops, and all names below them, that never have a policy: no question is asked for them.
    package var neverPoliced: [DomainName] = []
    /// Single next hops that never have one, as a relayhost is written: `[relay.example.org]:587`.
    package var neverPolicedHops: Set<NextHop> = []

    package init() {}

    /// Whether a domain, with all names below it, never has a policy.
    func neverPolices(_ domain: DomainName) -> Bool { neverPoliced.contains { domain.isWithin($0) } }
}

/// What is the MTA to be told to enforce on this route? The question of the policy map.
///
/// - RFC 8461 §2: DANE comes first, a policy never overrides a DANE validation that fails.
package struct MapQuestion: Question {
    let settings: MapQuestionSettings
    private let mta: DANESupport

    package init(_ settings: MapQuestionSettings, from mta: DANESupport = .byLevel) {
        self.settings = settings
        self.mta = mta
    }

    package func concerns(_ hop: NextHop, of domain: DomainName) -> Bool {
        !settings.neverPolicedHops.contains(hop) && !settings.neverPolices(domain)
    }

    package var answerWithoutPolicy: MapAnswer { .notFound }

    package func answer(under policy: PolicyLookup) -> MapAnswer? {
        switch policy {
        case .unreadable(let text) where !settings.isDryRun: return .temporary(text)
        case .unknown(let text) where settings.onUnknown == .temporary: return .temporary("policy not known: \(text)")
        case .policy, .absent, .failed, .unknown, .unreadable:
            return putsDANEFirst(policy) || binds(policy) ? nil : answer(under: policy, hosts: .unneeded)
        }
    }

    package var wantsDANEBesidePolicy: Bool { mta == .byLevel && settings.puttingDANEFirst }

    package func wantsHosts(under policy: PolicyLookup) -> Bool { binds(policy) }

    package func need(of route: Route, under policy: PolicyLookup) -> Need? {
        putsDANEFirst(policy) && route.isSecure ? .dane : nil
    }

    package func decide(_ known: Known, of domain: DomainName, under policy: PolicyLookup) -> Step<MapAnswer> {
        // What is missing is late, not absent: a policy that is known must not be left out, nor DANE beside it.
        if let late = known.late, known.dane == nil {
            let isHostNeeded = binds(policy) && (putsDANEFirst(policy) || policy.hasWildcard)
            let mustWait = isHostNeeded || mayHaveDANE(known, under: policy)
            return .answer(mustWait ? .temporary(late.text) : answer(under: policy, hosts: .unknown(late.text)))
        }
        switch known.route {
        case .route(let route):
            let hosts = route.candidates.map(\.name) + route.unprobed
            // Of hosts past the most that are looked at nobody knows the TLSA records.
            let isCut = !route.unprobed.isEmpty && need(of: route, under: policy) == .dane
            let answer = self.answer(
                under: policy, hosts: isCut ? .only(route.candidates.map(\.name)) : .known(hosts))
            if let dane = known.dane.flatMap({ weigh(TLSASurvey(route, $0), known, answer) }) { return dane }
            if !known.isPolicyLatest, binds(policy), let violation = policy.violation(by: hosts, of: domain) {
                return .need(.secondLook(violation))
            }
            return .answer(answer)
        // An MTA that sees the same never asks; one that sees hosts was not told what we were, and must not go free.
        case .error(.nullMX): return .answer(answer(under: policy, hosts: .unknown("null MX")))
        case .error(.noSuchDomain): return .answer(answer(under: policy, hosts: .unknown("no such domain")))
        case .error(.bogus(let text)): return .answer(.bogus("MX records fail DNSSEC validation: \(text)"))
        // Whoever keeps the MX records from us alone must not make the MTA forget DANE. A failure of our own is nobody's
        // choice, and costs no mail that no policy binds. - RFC 7672 §2.1.2: DNS Error Handling.
        case .error(.unavailable(let text)) where putsDANEFirst(policy) && !settings.isDryRun,
            .error(.notAsked(let text, _)) where putsDANEFirst(policy) && binds(policy):
            return .answer(.temporary("the MX hosts could not be looked up: \(text)"))
        case .error(.unavailable(let text)), .error(.notAsked(let text, _)):
            return .answer(answer(under: policy, hosts: .unknown(text)))
        case .insecure, nil: return .answer(answer(under: policy, hosts: .unneeded))
        }
    }

    /// Whether there may be TLSA records, which come before any policy, also where there is none. Whoever delays the MX
    /// records has kept them from us as one who makes them fail. - RFC 7672 §2.1.2: DNS Error Handling.
    private func mayHaveDANE(_ known: Known, under policy: PolicyLookup) -> Bool {
        switch known.route {
        case .route(let route): need(of: route, under: policy) == .dane
        case nil: putsDANEFirst(policy) && !settings.isDryRun && known.late?.isOurs == false
        case .error, .insecure: false
        }
    }

    /// Whether TLSA records come before what the policy says, also where there is none.
    func putsDANEFirst(_ policy: PolicyLookup) -> Bool {
        switch mta {
        case .byLevel: settings.puttingDANEFirst
        // It needs no answer of ours, but for none that would weaken its own.
        case .byItself: settings.puttingDANEFirst && binds(policy)
        case .none: false
        }
    }

    /// Whether a live policy of mode enforce is known that is to be kept, so that the names of the MX hosts decide what is
    /// said.
    private func binds(_ policy: PolicyLookup) -> Bool {
        guard !settings.isDryRun, case .policy(let cached) = policy else { return false }
        return cached.policy.mode == .enforce
    }

    /// What is said where the policy alone speaks.
    private func answer(under policy: PolicyLookup, hosts: MXSet) -> MapAnswer {
        switch policy {
        case .absent, .unknown: return .notFound
        case .unreadable(let text): return settings.isDryRun ? .notFound : .temporary(text)
        case .failed(let failure): return .failed(failure)
        case .policy(let cached):
            switch cached.policy.mode {
            case .enforce: return settings.isDryRun ? .testing(cached) : .enforce(cached, hosts)
            case .testing: return .testing(cached)
            case .none: return .notFound
            }
        }
    }
}

extension PolicyLookup {
    fileprivate var hasWildcard: Bool { cached?.hasWildcard ?? false }

    /// The violation by hosts none of which is in the policy; nil where one is. Policy and MX records may have changed
    /// together, and one of the two be remembered.
    fileprivate func violation(by hosts: [DomainName], of domain: DomainName) -> Violation? {
        guard let policy = cached?.policy, !hosts.contains(where: policy.covers) else { return nil }
        return Violation(
            policyDomain: domain, findings: hosts.map { HostFinding(host: $0, failures: [.hostOutsidePolicy]) })
    }
}
