// SPDX-License-Identifier: Apache-2.0
import TLSRPT

extension Report {
    /// What a detail says that stands for others which had no room.
    static let cutReason = "report too large: further details left out"

    /// Kinds of failure in all policies.
    var detailCount: Int { policies.reduce(0) { $0 + $1.tally.details.count } }

    /// The report with its `count` details of most sessions; the rest is summed by policy and result type, so that no
    /// session goes uncounted.
    func keeping(_ count: Int) -> Report {
        let counts = policies.flatMap { $0.tally.details.values }.sorted(by: >)
        guard count < counts.count else { return self }
        let least = counts[count]
        // Those with as many sessions as the first that goes: as many of them stay as there is room for.
        var ties = count - counts.prefix(count).count { $0 > least }
        return with(
            policies.map { policy in
                var cut = policy
                cut.tally.details = [:]
                for (details, sessions) in policy.tally.sortedDetails {
                    let stays = sessions > least || (sessions == least && ties > 0)
                    if stays, sessions == least { ties -= 1 }
                    var folded = FailureDetails(type: details.type)
                    folded.reasonCode = Self.cutReason
                    let (sum, overflow) = sessions.addingReportingOverflow(cut.tally.details[folded] ?? 0)
                    cut.tally.details[stays ? details : folded] = stays ? sessions : overflow ? .max : sum
                }
                return cut
            })
    }

    /// The last resort: policies by their domains alone.
    var withoutPolicyText: Report {
        with(
            policies.map {
                let policy = ReportedPolicy(type: $0.policy.type, domain: $0.policy.domain, strings: [], mxHosts: [])
                return PolicyResult(policy, $0.tally)
            })
    }

    private func with(_ policies: [PolicyResult]) -> Report {
        Report(
            organizationName: organizationName, dateRange: dateRange, contactInfo: contactInfo, reportID: reportID,
            policies: policies)
    }
}
