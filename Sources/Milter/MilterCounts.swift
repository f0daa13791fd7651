// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Metrics
import TLSRPT

/// What the milter has counted since the start, for metrics.
package struct MilterCounts: Sendable {
    /// How many recipients of distinct next hops were given a verdict and an action.
    package let verdicts: [(verdict: VerdictWord, action: Decision, count: Int)]
    /// The gravest failure of each verdict that an enforce policy is broken.
    package let violations: [(type: ResultType, count: Int)]
    package let messages: Int
    /// How long callbacks took for a recipient and for the end of a message, waits for a lookup included.
    package let recipientTimes: Histogram.Counts
    package let endTimes: Histogram.Counts
    /// How long callbacks waited whose verdict was not in memory.
    package let waits: Histogram.Counts
    /// Callbacks that wait now, and how many may.
    package let waiting: Int
    package let waitingLimit: Int
}

/// The places of verdicts and actions in a `CounterArray`.
enum VerdictPlace {
    @inline(__always)
    static func of(_ verdict: VerdictWord, _ decision: Decision) -> Int {
        verdict.place * Decision.allCases.count + decision.place
    }
}

extension MilterServer {
    package var counts: MilterCounts {
        let parts = shared.callbacks.verdicts
        let verdicts = VerdictWord.allCases.flatMap { verdict in
            Decision.allCases.map { decision in
                (verdict, decision, parts.sum(at: VerdictPlace.of(verdict, decision)))
            }
        }
        return MilterCounts(
            verdicts: verdicts,
            violations: ResultType.allCases.enumerated().map { ($1, shared.violations.count(at: $0)) },
            messages: shared.callbacks.messages, recipientTimes: shared.callbacks.recipientTimes,
            endTimes: shared.callbacks.endTimes, waits: shared.waits.current, waiting: shared.lookups.waitingCount,
            waitingLimit: shared.settings.value.maxWaiting)
    }
}
