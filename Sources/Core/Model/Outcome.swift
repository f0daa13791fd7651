// SPDX-License-Identifier: Apache-2.0
import Basics

/// A verdict that met a policy, as it is to be counted.
package struct Outcome: Sendable, Hashable {
    package let time: UTCTime
    package let policyDomain: DomainName
    /// Shared with whoever else has the judgement: nothing of it is copied for the count.
    private let judgement: Judgement

    /// The policy in force; nil when one is announced but could not be had.
    package var policy: CachedPolicy? { judgement.basis.policy }
    package var verdict: Verdict { judgement.verdict }

    /// The best of the hosts that conform, where it does so by DANE.
    var hostVouchedForByDANE: DomainName? { judgement.basis.hostVouchedForByDANE }

    /// - Returns: nil for a verdict about an address, which no policy can apply to.
    package init?(time: UTCTime, _ judgement: Judgement) {
        guard let domain = judgement.basis.policyDomain else { return nil }
        self.time = time
        policyDomain = domain
        self.judgement = judgement
    }

    package init(time: UTCTime, policyDomain: DomainName, policy: CachedPolicy?, verdict: Verdict) {
        self.time = time
        self.policyDomain = policyDomain
        judgement = Judgement(verdict, on: Judgement.Basis(policyDomain: policyDomain, policy: policy))
    }

    package static func == (left: Outcome, right: Outcome) -> Bool {
        left.time == right.time && left.policyDomain == right.policyDomain && left.policy == right.policy
            && left.verdict == right.verdict
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(time)
        hasher.combine(policyDomain)
        hasher.combine(verdict)
    }
}
