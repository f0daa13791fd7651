// SPDX-License-Identifier: Apache-2.0

/// A policy as it was applied, in the words of a report. - RFC 8460 §4.5: Policy Samples.
package struct ReportedPolicy: Sendable, Hashable {
    package let type: Registered<PolicyType>
    /// The Policy Domain in A-labels: the recipient's domain, or for `tlsa` the MX host that has the records.
    ///
    /// Text, since a report that was received may hold anything; nil where such a report leaves it out.
    package let domain: String?
    /// One string a line of an STS policy, or one a TLSA record; empty for `no-policy-found` and when unknown.
    package let strings: [String]
    /// The `mx` patterns of an STS policy.
    package let mxHosts: [String]

    package init(_ type: PolicyType, domain: String, strings: [String] = [], mxHosts: [String] = []) {
        self.init(type: .known(type), domain: domain, strings: strings, mxHosts: mxHosts)
    }

    package init(type: Registered<PolicyType>, domain: String?, strings: [String], mxHosts: [String]) {
        self.type = type
        self.domain = domain
        self.strings = strings
        self.mxHosts = mxHosts
    }
}
