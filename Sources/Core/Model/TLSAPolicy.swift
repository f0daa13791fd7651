// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// The TLSA records that a host is held to, and where they stand.
package struct TLSAPolicy: Sendable, Hashable {
    /// The TLSA base domain, which is the Policy Domain. - RFC 8460 §1.1: Terminology.
    package let base: DomainName
    /// Empty where they are not known.
    package let records: [TLSARecord]

    package init(base: DomainName, records: [TLSARecord] = []) {
        self.base = base
        self.records = records
    }

    /// One string a record, as far as there is room. - RFC 8460 §4.4: policy-string.
    package var reported: ReportedPolicy {
        var room = AppliedPolicy.maxReportedOctets
        let strings = records.map(\.description).sorted().filter { text in
            room -= text.utf8.count
            return room >= 0
        }
        return ReportedPolicy(.tlsa, domain: base.ascii, strings: strings)
    }
}
