// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import MTASTS

extension PolicyCache {
    /// How long the operator is told that a policy in use ran out.
    static let ranOutKeptFor = Duration.seconds(7 * 86_400)
    /// A policy with a shorter life ends in silence.
    private static let shortestLifeSaid = Duration.seconds(600)
    /// Policies that ran out that the operator is told of, the latest ones.
    private static let maxRanOut = 1000
    /// How long it is remembered that a policy has ended, so that it is said once.
    private static let endSaidFor = CachedPolicy.keptPastEnd

    /// The domains whose policy ran out of late because no fetch succeeded, and when, the latest first: mail to them is
    /// unprotected.
    package var ranOutPolicies: [(domain: DomainName, at: UTCTime)] {
        let now = clock.now
        // A clock that was put right may have brought it back.
        let ranOut = entries.ranOut(at: now).filter { memory.life(of: $0.domain)?.isLive(at: now) != true }
        return Array(ranOut.sorted { $0.at > $1.at }.prefix(Self.maxRanOut))
    }

    /// Says once that a policy has ended. It stays in memory and in the store for a while: a clock that jumped ahead is
    /// put right again, and so is what it ended.
    func noteEnd(of domain: DomainName, _ life: PolicyLife) {
        // The end of one that lives for seconds is no news.
        guard life.expiresAt - life.fetchedAt >= Self.shortestLifeSaid else { return }
        let now = clock.now
        let ending = entries.change(domain, at: now) { entry -> (isNew: Bool, failed: FailedRenewals?) in
            guard entry.endSaid?.value(at: now) != life.expiresAt else { return (false, nil) }
            entry.endSaid = Timed(life.expiresAt, at: now, keepFor: Self.endSaidFor)
            guard life.mode != .none, let failed = FailedRenewals(of: entry, at: now) else { return (true, nil) }
            entry.ranOutAt = Timed(now, at: now, keepFor: Self.ranOutKeptFor)
            return (true, failed)
        }
        guard ending.isNew else { return }
        if let failed = ending.failed {
            lost.add(1, ordering: .relaxed)
            logger.warning(
                "policy ran out because every fetch failed, mail to the domain is unprotected",
                metadata: [
                    "domain": "\(domain)", "failures": "\(failed.failures)", "cause": "\(failed.cause)",
                ])
        }
        logger.notice(
            "policy expired",
            metadata: ["domain": "\(domain)", "mode": "\(life.mode)", "fetched": "\(life.fetchedAt)"])
    }

    /// What kept a policy from being renewed.
    struct FailedRenewals: Sendable {
        /// Fetches that failed one after the other; none where a failure of our own is why, or the record was gone.
        let failures: Int
        /// Safe to print.
        let cause: String

        /// Nil if there was nothing: nobody asked for the policy any longer.
        init?(of entry: PolicyEntry, at now: UTCTime) {
            let pause = entry.pause?.value(at: now)
            guard let cause = pause?.failure.text ?? entry.notRenewed?.value(at: now) else { return nil }
            failures = pause?.failures ?? 0
            self.cause = cause
        }
    }
}
