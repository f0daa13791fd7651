// SPDX-License-Identifier: Apache-2.0

/// Sessions counted under one policy. - RFC 8460 §4.2: Delivery Summary.
///
/// The counts of `details` may add up to more than `failures`, since one session can fail in several ways.
package struct Tally: Sendable, Hashable {
    package var successes: Int
    package var failures: Int
    /// Failed sessions by what was wrong.
    package var details: [FailureDetails: Int]

    package init(successes: Int = 0, failures: Int = 0, details: [FailureDetails: Int] = [:]) {
        self.successes = successes
        self.failures = failures
        self.details = details
    }

    package var isEmpty: Bool { successes == 0 && failures == 0 && details.isEmpty }

    /// Adds the counts of `other`; a sum too large for an integer stays at the largest.
    package mutating func merge(_ other: Tally) {
        successes = saturatingSum(successes, other.successes)
        failures = saturatingSum(failures, other.failures)
        details.merge(other.details, uniquingKeysWith: saturatingSum)
    }

    /// The details, those of most sessions first.
    package var sortedDetails: [(details: FailureDetails, sessions: Int)] {
        details.sorted { left, right in
            left.value != right.value
                ? left.value > right.value : left.key.sortKey.lexicographicallyPrecedes(right.key.sortKey)
        }.map { (details: $0.key, sessions: $0.value) }
    }
}

/// Counts are never negative, but a report that was received can hold any number.
func saturatingSum(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
}

/// One policy of a report with what was counted under it.
package struct PolicyResult: Sendable, Hashable {
    package let policy: ReportedPolicy
    package var tally: Tally

    package init(_ policy: ReportedPolicy, _ tally: Tally) {
        self.policy = policy
        self.tally = tally
    }
}
