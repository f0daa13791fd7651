// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// Who gets a domain's report, by its TLSRPT record and the operator's word: what sending does, and what `check` and a
/// dry run say. - RFC 8460 §3: Reporting Policy.
package enum ReportAudience: Sendable, Hashable {
    /// - Parameter unserved: URIs that get nothing, each with the reason; safe to print.
    case served([ReportDestination], unserved: [String])
    /// A record of which nobody can be served; the text names its URIs and says why, and is safe to print.
    case unservable(String)
    /// Records that do not give exactly one valid record.
    case invalid(String)
    case absent
    /// The record could not be looked up.
    case unavailable(String)
    /// Somebody could be served, but the operator does not want it.
    case unwanted

    package init(_ lookup: ReportRecordLookup, for domain: DomainName, never: NeverList) {
        switch lookup {
        case .unavailable(let why): self = .unavailable(why)
        case .found(.absent): self = .absent
        case .found(.invalid(let why)): self = .invalid(why)
        case .found(.record(let record)):
            guard !record.destinations.isEmpty else {
                self = .unservable("no destination that can be served: \(record.unserved.joined(separator: ", "))")
                return
            }
            let wanted = never.covers(domain) ? [] : record.destinations.filter { !never.covers($0) }
            self = wanted.isEmpty ? .unwanted : .served(wanted, unserved: record.unserved)
        }
    }
}
