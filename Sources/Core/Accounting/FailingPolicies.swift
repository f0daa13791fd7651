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
    /// How old a session may be. A log that is read from its start tells of policies long gone.
    private static let standsFor = Duration.seconds(300)

    private let policies: PolicyCache
    private let clock: any WallClock
    private let looks = TTLCache<DomainName, Bool>(octets: MemoryBudget.failingPolicies) { domain, _ in
        domain.heldOctets
    }

    init(policies: PolicyCache, clock: any WallClock) {
        self.policies = policies
        self.clock = clock
    }

    /// Takes note of a session that failed, and does not wait for what comes of it.
    /// - Parameter time: nil for one that ended just now.
    func note(_ domain: DomainName, at time: UTCTime? = nil, under policy: PolicyLookup?) {
        let now = clock.now
        guard policy?.cached?.policy.mode == .enforce, time.map({ now - $0 < Self.standsFor }) ?? true else { return }
        var isDue = false
        looks.change(domain, at: now, keepFor: Self.pause) { last in
            isDue = last == nil
            return true
        }
        guard isDue, !policies.wasRecheckedLately(domain) else { return }
        Task { [policies] in _ = await policies.recheck(domain) }
    }

    /// Lets go of what is remembered no longer.
    func sweep() { looks.sweep(at: clock.now) }
}
