// SPDX-License-Identifier: Apache-2.0
import Basics

extension Report {
    /// What tells the domain of policies that a report gives without one.
    package enum DomainSource: Sendable, Hashable {
        /// The other policies of the report have one domain.
        case otherPolicies
        /// The name of its file. - RFC 8460 §5.1: Report Filename.
        case fileName
        /// The header of its mail. - RFC 8460 §5.3: Email Transport.
        case mail

        package var inWords: String {
            switch self {
            case .otherPolicies: "the report's other policies"
            case .fileName: "the name of its file"
            case .mail: "TLS-Report-Domain of its mail"
            }
        }
    }

    /// Domains that stand beside a report, the surest first.
    package typealias NamedDomain = (domain: DomainName, source: DomainSource)

    /// The report with the domains of policies that it gives without one, and a remark on that; as it is if all have one, or
    /// nothing names it.
    package func completed(from named: [NamedDomain]) -> (report: Report, remark: String?) {
        var policies = policies
        let lacking = policies.indices.filter { !policies[$0].hasDomain && !policies[$0].isSum }
        guard let first = lacking.first, let (domain, source) = ownDomain ?? named.first else {
            return (self, nil)
        }
        for index in lacking {
            let policy = policies[index].policy
            policies[index] = PolicyResult(
                ReportedPolicy(
                    type: policy.type, domain: domain.ascii, strings: policy.strings, mxHosts: policy.mxHosts),
                policies[index].tally)
        }
        let others = lacking.count > 1 ? " (and \(lacking.count - 1) more)" : ""
        return (
            Report(
                organizationName: organizationName, dateRange: dateRange, contactInfo: contactInfo, reportID: reportID,
                policies: policies),
            "policies[\(first)].policy.policy-domain: missing, taken from \(source.inWords)\(others)"
        )
    }

    /// The one domain of those policies that have one; TLSA records are those of MX hosts.
    private var ownDomain: NamedDomain? {
        let domains = policies.filter { $0.hasDomain && $0.policy.type != .known(.tlsa) }
            .map { $0.policy.domain.flatMap { try? DomainName($0) } }
        guard let one = domains.first, let domain = one, domains.allSatisfy({ $0 == one }) else { return nil }
        return (domain, .otherPolicies)
    }
}

extension PolicyResult {
    /// Whether it says whose policy it is.
    package var hasDomain: Bool { policy.domain?.isEmpty == false }
}
