// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// What is shown of a report: failures first, and no more than a person reads.
struct ReportDigest {
    let source: String
    let organization: String?
    let contact: String?
    let reportID: String
    let dateRange: Report.DateRange
    let successes: Int
    let failures: Int
    /// The policies that are shown, those with most failures first.
    let policies: [PolicyDigest]
    /// The sum of those that are not shown, and how many they are.
    let omittedPolicies: Int
    let omitted: Tally

    init(_ report: Report, from source: String, limits: ViewLimits) {
        self.source = source
        organization = report.organizationName
        contact = report.contactInfo
        reportID = report.reportID
        dateRange = report.dateRange
        let tallies = report.policies.map(\.tally)
        successes = tallies.map(\.successes).reduce(0, saturatingSum)
        failures = tallies.map(\.failures).reduce(0, saturatingSum)
        let sorted = report.policies.sorted(by: Self.precedes)
        policies = sorted.prefix(limits.policies).map { PolicyDigest($0, limits: limits) }
        let rest = sorted.dropFirst(limits.policies)
        omittedPolicies = rest.count
        omitted = Tally(
            successes: rest.map(\.tally.successes).reduce(0, saturatingSum),
            failures: rest.map(\.tally.failures).reduce(0, saturatingSum))
    }

    private static func precedes(_ left: PolicyResult, _ right: PolicyResult) -> Bool {
        if left.tally.failures != right.tally.failures { return left.tally.failures > right.tally.failures }
        if left.tally.sessions != right.tally.sessions { return left.tally.sessions > right.tally.sessions }
        return (left.policy.domain ?? "", left.policy.type.text) < (right.policy.domain ?? "", right.policy.type.text)
    }
}

extension Report.DateRange {
    /// The UTC day, or the first and the last moment of a period that is none.
    var period: String {
        let day = start.day
        // Some senders write the first second of the next day for the end, or the last minute without its seconds.
        let isDay = start == day.start && end > day.end - Duration.seconds(60) && end <= day.advanced(by: 1).start
        return isDay ? "\(day)" : "\(start) to \(end)"
    }
}
