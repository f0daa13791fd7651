// SPDX-License-Identifier: Apache-2.0
import Names
import TLSRPT

/// The policy that a session was held to, cheap to compare: its words are made when they are written.
package enum AppliedPolicy: Sendable, Hashable {
    /// The STS policy of the domain; nil when one is announced but could not be had.
    case sts(DomainName, Policy?)
    /// A policy as somebody else reports it, or one that is not STS.
    case reported(ReportedPolicy)

    package static func == (left: AppliedPolicy, right: AppliedPolicy) -> Bool {
        switch (left, right) {
        // The text says all of a policy.
        case (.sts(let leftDomain, let leftPolicy), .sts(let rightDomain, let rightPolicy)):
            leftDomain == rightDomain && leftPolicy?.text == rightPolicy?.text
        case (.reported(let left), .reported(let right)): left == right
        case (.sts, .reported), (.reported, .sts): false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .sts(let domain, let policy):
            hasher.combine(domain)
            hasher.combine(policy?.text)
        case .reported(let policy): hasher.combine(policy)
        }
    }

    /// - RFC 8460 §4.5: Policy Samples.
    package var reported: ReportedPolicy {
        switch self {
        case .sts(let domain, let policy):
            ReportedPolicy(
                .sts, domain: domain.ascii, strings: policy?.lines ?? [], mxHosts: policy?.mx.map(\.description) ?? [])
        case .reported(let policy): policy
        }
    }
}
