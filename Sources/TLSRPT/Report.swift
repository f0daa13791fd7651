// SPDX-License-Identifier: Apache-2.0
import Basics

/// A TLS report, ours or one that was received. - RFC 8460 §4.4: JSON Report Schema.
package struct Report: Sendable, Hashable {
    /// First and last second of the period; a full UTC day. - RFC 8460 §4.1: Report Time Frame.
    package struct DateRange: Sendable, Hashable {
        package let start: UTCTime
        package let end: UTCTime

        package init(start: UTCTime, end: UTCTime) {
            self.start = start
            self.end = end
        }

        /// The day that the report is of: that of its middle, since some senders' days begin in another zone.
        package var day: UTCDay {
            let (first, last) = (start.secondsSinceEpoch, end.secondsSinceEpoch)
            return UTCTime(secondsSinceEpoch: first + max(0, last - first) / 2).day
        }

        package init(_ day: UTCDay) { self.init(start: day.start, end: day.end) }
    }

    /// Octets of JSON past which we leave details out of a report that we send, and as many octets of text as are kept of
    /// one that we read. RFC 8460 knows no limit; ours have a few kilobytes, large senders' less than one megabyte.
    package static let maxOctets = 2 << 20

    /// Nil only in a report that was received without it.
    package let organizationName: String?
    package let dateRange: DateRange
    /// A mail address, whose domain is the sender in ``ReportFileName``; nil only in a report that was received.
    package let contactInfo: String?
    package let reportID: String
    package let policies: [PolicyResult]

    package init(
        organizationName: String?, dateRange: DateRange, contactInfo: String?, reportID: String,
        policies: [PolicyResult]
    ) {
        self.organizationName = organizationName
        self.dateRange = dateRange
        self.contactInfo = contactInfo
        self.reportID = reportID
        self.policies = policies
    }

    /// The sessions of all policies, without details.
    package var totals: Tally {
        policies.reduce(into: Tally()) {
            $0.merge(Tally(successes: $1.tally.successes, failures: $1.tally.failures))
        }
    }
}
