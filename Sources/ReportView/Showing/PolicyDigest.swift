// SPDX-License-Identifier: Apache-2.0
import TLSRPT

/// What is shown of one policy of a report.
struct PolicyDigest {
    let policy: ReportedPolicy
    let successes: Int
    let failures: Int
    /// The kinds of failure that are shown, those of most sessions first.
    let kinds: [(details: FailureDetails, sessions: Int)]
    /// The kinds that are not shown, and the sessions they were counted for.
    let omittedKinds: Int
    let omittedSessions: Int
    /// Failed sessions for which the report gives no details.
    let unexplained: Int

    init(_ result: PolicyResult, limits: ViewLimits) {
        policy = result.policy
        successes = result.tally.successes
        failures = result.tally.failures
        kinds = result.tally.leadingDetails(limits.kinds)
        let explained = result.tally.details.values.reduce(0, saturatingSum)
        omittedKinds = result.tally.details.count - kinds.count
        omittedSessions = explained - kinds.map(\.sessions).reduce(0, saturatingSum)
        unexplained = max(0, failures - explained)
    }

    var sessions: Int { saturatingSum(successes, failures) }
}
