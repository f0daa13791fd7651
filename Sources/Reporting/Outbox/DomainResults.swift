// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// What was counted for one domain on one day: the policies of its report.
package struct DomainResults: Sendable, Hashable {
    package let domain: DomainName
    package let policies: [PolicyResult]

    package init(domain: DomainName, policies: [PolicyResult]) {
        self.domain = domain
        self.policies = policies
    }

    package var hasFailures: Bool { policies.contains { $0.tally.failures > 0 || !$0.tally.details.isEmpty } }
}
