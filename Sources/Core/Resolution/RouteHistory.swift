// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import MTASTS

/// What became of routes when they were last seen. A route that failed still counts as failing while it cannot be looked
/// at again; one that kept its policy still counts as keeping it while a failure of our own keeps us from looking.
package final class RouteHistory: Sendable {
    /// How long a route that broke its policy is held to break it while it cannot be looked at again.
    private static let brokenFor = Duration.seconds(3600)
    /// How long a route that kept its policy is taken to keep it while a failure of our own keeps us from looking.
    private static let provenFor = Duration.seconds(86_400)

    /// A violation with the policy that was broken.
    package struct Broken: Sendable, Hashable {
        package let violation: Violation
        package let policy: Policy

        package init(violation: Violation, policy: Policy) {
            self.violation = violation
            self.policy = policy
        }
    }

    /// What became of one route.
    package struct Entry: Sendable, Hashable {
        package var broken: Broken?
        /// The policy that the route kept.
        package var proven: Policy?

        package init(broken: Broken? = nil, proven: Policy? = nil) {
            self.broken = broken
            self.proven = proven
        }
    }

    private let broken = TTLCache<NextHop, Broken>(octets: MemoryBudget.broken) { hop, broken in
        hop.heldOctets + broken.violation.heldOctets + broken.policy.heldOctets
    }
    private let proven = TTLCache<NextHop, Policy>(octets: MemoryBudget.proven) { hop, policy in
        hop.heldOctets + policy.heldOctets
    }

    /// How often all was forgotten: a verdict that was reached by the rules of before is not noted.
    private let forgotten = Locked(0)

    init() {}

    /// To be read before the rules that a verdict is reached by, and given when it is noted.
    var generation: Int { forgotten.withLock { $0 } }

    func cached(_ hop: NextHop, at now: UTCTime) -> Entry {
        Entry(broken: broken.value(for: hop, at: now), proven: proven.value(for: hop, at: now))
    }

    /// Takes a verdict that was reached by looking: a violation is remembered until the route is seen to keep its policy,
    /// and that it was seen to for a day. A doubt changes nothing.
    func note(
        _ verdict: Verdict, of hop: NextHop, under lookup: PolicyLookup?, at now: UTCTime, in generation: Int
    ) {
        forgotten.withLock { if $0 == generation { note(verdict, of: hop, under: lookup, at: now) } }
    }

    private func note(_ verdict: Verdict, of hop: NextHop, under lookup: PolicyLookup?, at now: UTCTime) {
        switch verdict {
        case .violating(let violation):
            guard case .policy(let cached) = lookup else { return }
            broken.set(
                Broken(violation: violation, policy: cached.policy), for: hop, at: now, keepFor: Self.brokenFor)
            proven.remove(hop)
        case .conforming(let mode):
            broken.remove(hop)
            guard mode == .enforce, case .policy(let cached) = lookup else { return }
            proven.set(cached.policy, for: hop, at: now, keepFor: Self.provenFor)
        case .notJudged, .noPolicy, .modeNone, .testing: broken.remove(hop)
        case .unknown, .unproven, .provenLately: return
        }
    }

    func forgetAll() {
        forgotten.withLock {
            $0 += 1
            broken.removeAll()
            proven.removeAll()
        }
    }

    /// Lets go of what is remembered no longer.
    func sweep(at now: UTCTime) {
        broken.sweep(at: now)
        proven.sweep(at: now)
    }
}
