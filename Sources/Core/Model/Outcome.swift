// SPDX-License-Identifier: Apache-2.0
import Basics

/// A verdict that met a policy, as it is to be counted.
package struct Outcome: Sendable, Hashable {
    package let time: UTCTime
    package let policyDomain: DomainName
    /// The policy in force; nil when one is announced but could not be had.
    package let policy: CachedPolicy?
    package let verdict: Verdict

    package init(time: UTCTime, policyDomain: DomainName, policy: CachedPolicy?, verdict: Verdict) {
        self.time = time
        self.policyDomain = policyDomain
        self.policy = policy
        self.verdict = verdict
    }
}
