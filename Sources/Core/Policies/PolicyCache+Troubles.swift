// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// A policy in use that nears its end and cannot be renewed.
package struct FailingRenewal: Sendable, Hashable {
    package let domain: DomainName
    package let life: PolicyLife
    /// Fetches that failed one after the other; none where a failure of our own is why, or the record was gone.
    package let failures: Int
    /// Safe to print.
    package let cause: String
}

extension PolicyCache {
    /// Most that are named; more of them have one cause, and it is here.
    private static let mostFailing = 1000

    /// The policies in use of which the last quarter of their life has begun and which could not be renewed, those that
    /// end soonest first: an operator can still do something.
    package var failingRenewals: [FailingRenewal] {
        let now = clock.now
        var failing: [FailingRenewal] = []
        entries.forEachUsed(since: now - Self.unusedAfter) { domain in
            guard failing.count < Self.mostFailing, let life = memory.life(of: domain), life.isLive(at: now),
                life.nearsItsEnd(at: now),
                let failed = entries.value(of: domain, { FailedRenewals(of: $0, at: now) })
            else { return }
            failing.append(
                FailingRenewal(domain: domain, life: life, failures: failed.failures, cause: failed.cause))
        }
        return failing.sorted { ($0.life.expiresAt, $0.domain) < ($1.life.expiresAt, $1.domain) }
    }

    /// Policies that could not be written to the store yet.
    package var unsavedCount: Int { writer.waitingCount }

    /// Policies in use that ended since the start because every fetch failed.
    package var lostCount: Int { lost.load(ordering: .relaxed) }
}

extension PolicyLife {
    /// Whether the last quarter of its life has begun, in which an operator is warned if it cannot be renewed.
    package func nearsItsEnd(at now: UTCTime) -> Bool { expiresAt - now < (expiresAt - fetchedAt) / 4 }
}
