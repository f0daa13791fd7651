// SPDX-License-Identifier: Apache-2.0
import Core
import Metrics
import TLSRPT

/// What the milter has counted since the start, for metrics.
package struct MilterCounts: Sendable {
    /// The words of the log for verdict and action, and how many recipients of distinct next hops they were given.
    package let verdicts: [(verdict: String, action: String, count: Int)]
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
    static let words = [
        "not-judged", "no-policy", "conforming", "unknown", "not-conforming", "violating", "unproven", "proven-lately",
    ]

    @inline(__always)
    static func of(_ verdict: Verdict, _ decision: Decision) -> Int {
        number(of: verdict) * Decision.allCases.count + number(of: decision)
    }

    private static func number(of verdict: Verdict) -> Int {
        switch verdict {
        case .notJudged: 0
        case .noPolicy, .modeNone: 1
        case .conforming: 2
        case .testing(let findings): findings.isEmpty ? 3 : 4
        case .unknown: 3
        case .violating: 5
        case .unproven: 6
        case .provenLately: 7
        }
    }

    private static func number(of decision: Decision) -> Int {
        switch decision {
        case .deliver: 0
        case .log: 1
        case .paused: 2
        case .leaveToMap: 3
        case .defer: 4
        case .deferMessage: 5
        case .quarantine: 6
        }
    }
}

extension MilterServer {
    package var counts: MilterCounts {
        let parts = shared.callbacks.verdicts
        let verdicts = VerdictPlace.words.enumerated().flatMap { row, verdict in
            Decision.allCases.enumerated().map { column, decision in
                (verdict, decision.rawValue, parts.sum(at: row * Decision.allCases.count + column))
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
