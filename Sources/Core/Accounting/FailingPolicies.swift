// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// Has the TXT records looked at again of domains whose enforce policy the MTA's sessions fail: a domain that relaxes its
/// policy gets the mail that waits in the queue with its next try, also while nobody hands in more.
///
/// - RFC 8461 §5.1: step 3, check for a new policy before a delivery fails.
final class FailingPolicies: Sendable {
    /// How long after one look no other session makes one: an MTA tries no delivery again as soon as that.
    private static let pause = Duration.seconds(20)

    private let policies: PolicyCache
    private let clock: any WallClock
    private let looks = TTLCache<DomainName, Bool>(octets: MemoryBudget.failingPolicies) { domain, _ in
        domain.heldOctets
    }

    init(policies: PolicyCache, clock: any WallClock) {
        self.policies = policies
        self.clock = clock
    }

    /// Takes note of a session that failed just now, and does not wait for what comes of it.
    func noteFailure(of domain: DomainName, under policy: PolicyLookup?) {
        guard policy?.cached?.policy.mode == .enforce else { return }
        let now = clock.now
        guard looks.value(for: domain, at: now) == nil, !policies.wasRecheckedLately(domain) else { return }
        looks.set(true, for: domain, at: now, keepFor: Self.pause)
        Task { [policies] in _ = await policies.recheck(domain) }
    }

    /// Lets go of what is remembered no longer.
    func sweep() { looks.sweep(at: clock.now) }
}
