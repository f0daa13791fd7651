// SPDX-License-Identifier: Apache-2.0
import Basics

/// A verdict, and what it rests on.
package struct Judgement: Sendable {
    package let verdict: Verdict
    package let basis: Basis
    /// Who was taken to enforce policies at delivery.
    package let enforcement: Enforcement

    /// What was known when the verdict was reached. Shared, so that handing a verdict on costs one reference.
    package final class Basis: Sendable {
        /// The domain whose policy governs; nil for an address.
        package let policyDomain: DomainName?
        /// The policy that was applied; nil where none was.
        package let policy: CachedPolicy?
        package let route: Route?
        package let evidence: Evidence

        package init(
            policyDomain: DomainName?, policy: CachedPolicy? = nil, route: Route? = nil, evidence: Evidence = Evidence()
        ) {
            self.policyDomain = policyDomain
            self.policy = policy
            self.route = route
            self.evidence = evidence
        }

        /// The best of the hosts that conform, where it does so by DANE.
        package var hostVouchedForByDANE: DomainName? {
            for host in route?.candidates ?? [] {
                guard case .conforming(let facts) = evidence.hosts[host] else { continue }
                return facts.authentication == .dane ? host.name : nil
            }
            return nil
        }

        /// Of a verdict that rests on nothing.
        fileprivate static let none = Basis(policyDomain: nil)
    }

    package init(_ verdict: Verdict, on basis: Basis? = nil, under enforcement: Enforcement = .milter) {
        self.verdict = verdict
        self.basis = basis ?? .none
        self.enforcement = enforcement
    }

    init(_ resolved: Resolved<Verdict>, under enforcement: Enforcement) {
        self = resolved.known.judgement(resolved.answer, under: enforcement)
    }

    /// What it holds in memory, in octets, roughly.
    var heldOctets: Int {
        verdict.heldOctets + (basis.policy?.heldOctets ?? 0) + (basis.route?.heldOctets ?? 0)
            + basis.evidence.hosts.entries.reduce(0) { $0 + $1.host.name.heldOctets + $1.value.heldOctets }
    }
}

extension Known {
    /// A verdict with what it rests on. Not an initializer, which would take a copy of all that is known.
    func judgement(_ verdict: Verdict, under enforcement: Enforcement) -> Judgement {
        let basis = Judgement.Basis(
            policyDomain: hop.policyDomain, policy: policy?.cached, route: route?.found,
            evidence: evidence ?? Evidence())
        return Judgement(verdict, on: basis, under: enforcement)
    }
}

/// The verdict over next hops that the MTA tries in order, each judged by its own policy.
package func combine(_ judgements: [Judgement], enforcement: Enforcement) -> Judgement {
    // Without a map one bad next hop is enough, with it all must be bad; so the order of search differs.
    let isViolating: (Judgement) -> Bool = { if case .violating = $0.verdict { true } else { false } }
    let isUnknown: (Judgement) -> Bool = { if case .unknown = $0.verdict { true } else { false } }
    let isUnproven: (Judgement) -> Bool = { if case .unproven = $0.verdict { true } else { false } }
    let violating = judgements.first(where: isViolating)
    let unproven = judgements.first(where: isUnproven)
    let unknown = judgements.first(where: isUnknown)
    let mayGo = judgements.first { !isViolating($0) && !isUnproven($0) && !isUnknown($0) }
    let deciding =
        switch enforcement {
        case .milter: violating ?? unproven ?? unknown ?? mayGo
        case .milterAndPolicyMap: mayGo ?? unknown ?? unproven ?? violating
        }
    return deciding ?? Judgement(.notJudged("no next hop"))
}
