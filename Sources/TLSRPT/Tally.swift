// SPDX-License-Identifier: Apache-2.0

/// Sessions counted under one policy. - RFC 8460 §4.2: Delivery Summary.
///
/// Of what we count, `details` add up to `failures`: a session counts in one. In a report that was received they may add
/// up to more.
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

    /// All sessions.
    package var sessions: Int { saturatingSum(successes, failures) }

    package var isEmpty: Bool { successes == 0 && failures == 0 && details.isEmpty }

    /// Adds the counts of `other`; a sum too large for an integer stays at the largest.
    package mutating func merge(_ other: Tally) {
        successes = saturatingSum(successes, other.successes)
        failures = saturatingSum(failures, other.failures)
        details.merge(other.details, uniquingKeysWith: saturatingSum)
    }

    /// The details, those of most sessions first.
    package var sortedDetails: [(details: FailureDetails, sessions: Int)] {
        details.sorted(by: Self.precedes).map { (details: $0.key, sessions: $0.value) }
    }

    /// The first `limit` of ``sortedDetails``, without sorting the rest: a report that was received can hold many.
    package func leadingDetails(_ limit: Int) -> [(details: FailureDetails, sessions: Int)] {
        guard details.count > limit else { return sortedDetails }
        var leading: [(key: FailureDetails, value: Int)] = []
        for entry in details {
            if leading.count == limit {
                guard let last = leading.last, Self.precedes(entry, last) else { continue }
                leading.removeLast()
            }
            leading.insert(entry, at: leading.firstIndex { Self.precedes(entry, $0) } ?? leading.endIndex)
        }
        return leading.map { (details: $0.key, sessions: $0.value) }
    }

    private static func precedes(
        _ left: (key: FailureDetails, value: Int), _ right: (key: FailureDetails, value: Int)
    ) -> Bool {
        left.value != right.value
            ? left.value > right.value : left.key.sortKey.lexicographicallyPrecedes(right.key.sortKey)
    }
}

/// Counts are never negative, but a report that was received can hold any number.
package func saturatingSum(_ left: Int, _ right: Int) -> Int {
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
