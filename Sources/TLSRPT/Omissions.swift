// SPDX-License-Identifier: Apache-2.0

/// What of a report was read and counted, but not kept apart.
struct Omissions {
    /// Entries of failure details, and their sessions.
    var failures = 0
    var sessions = 0
    var policies = 0
    /// Whether a text was cut or left out.
    var hasCutText = false

    /// Safe to print.
    var sentences: [String] {
        var sentences: [String] = []
        if failures > 0 {
            sentences.append("\(failures) more kinds of failure with \(sessions) sessions, summed and not shown")
        }
        if policies > 0 { sentences.append("\(policies) more policies, summed and not shown") }
        if hasCutText { sentences.append("very long texts, cut") }
        return sentences
    }
}

/// Policies of a report, those past the limit summed by their type.
struct PolicyList {
    private(set) var results: [PolicyResult] = []
    /// Where the sum of a type stands.
    private var sums: [Registered<PolicyType>: Int] = [:]

    /// - Parameter hasRoom: whether the report may have more texts.
    /// - Returns: whether the policy is kept apart.
    mutating func add(_ result: PolicyResult, hasRoom: Bool) -> Bool {
        guard !hasRoom || results.count - sums.count >= ReportParser.maxPolicies else {
            results.append(result)
            return true
        }
        let type = result.policy.type.orOther
        var folded = Tally(successes: result.tally.successes, failures: result.tally.failures)
        for (details, sessions) in result.tally.details {
            let kind = details.type.folded
            folded.details[kind] = saturatingSum(folded.details[kind] ?? 0, sessions)
        }
        if let index = sums[type] {
            results[index].tally.merge(folded)
        } else {
            sums[type] = results.count
            results.append(
                PolicyResult(ReportedPolicy(type: type, domain: nil, strings: [Self.sumText], mxHosts: []), folded))
        }
        return false
    }

    fileprivate static let sumText = "policies past the limit, not kept apart"
}

extension PolicyResult {
    /// Whether it stands for policies past the limit, of whatever domains.
    var isSum: Bool { policy.strings == [PolicyList.sumText] }
}

extension Registered {
    /// Types that nobody knows can be made up without end: past the limits they are one.
    var orOther: Self { if case .known = self { self } else { .unknown("other") } }
}

extension Registered<ResultType> {
    /// The detail that stands for kinds of this type.
    var folded: FailureDetails {
        var details = FailureDetails(type: orOther)
        details.reasonCode = ReportParser.foldedReason
        return details
    }
}

extension String {
    /// About as many octets as JSON or HTML takes for it, with all escaped that may have to be.
    var shownOctets: Int {
        utf8.reduce(0) { sum, octet in
            switch octet {
            case 0..<0x20, UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""),
                UInt8(ascii: "'"):
                sum + 6
            case 0x7F...: sum + 3
            default: sum + 1
            }
        }
    }
}
