// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// A report as it travels. - RFC 8460 §5: Report Delivery.
package struct CompressedReport: Sendable, Hashable {
    package let policyDomain: DomainName
    /// The domain of the report's `contact-info`.
    package let submitter: DomainName
    package let organizationName: String
    package let contactInfo: String
    package let reportID: String
    package let day: UTCDay
    package let fileName: ReportFileName
    /// The report's JSON, compressed with gzip.
    package let body: [UInt8]
    /// The sessions of all its policies, without details; nil if it was made by a version that did not keep them.
    package let totals: Tally?

    package init(
        policyDomain: DomainName, submitter: DomainName, organizationName: String, contactInfo: String,
        reportID: String, day: UTCDay, fileName: ReportFileName, body: [UInt8], totals: Tally? = nil
    ) {
        self.policyDomain = policyDomain
        self.submitter = submitter
        self.organizationName = organizationName
        self.contactInfo = contactInfo
        self.reportID = reportID
        self.day = day
        self.fileName = fileName
        self.body = body
        self.totals = totals
    }
}

/// Carries reports to where domains want them, in two steps: what has begun the second may have arrived.
package protocol ReportCarrier: Sendable {
    /// Sends all of a report but what makes the destination accept it. Never throws: what goes wrong is what came of it.
    func prepare(_ report: CompressedReport, for destination: ReportDestination) async -> ReportPreparation
}

/// What the first step came to.
package enum ReportPreparation: Sendable {
    /// Nothing but the last octet is missing.
    case held(any HeldReport)
    /// It came to no second step.
    case ended(SendResult)
}

/// A report that its destination has but for the last octet. Whoever holds it calls one of the two, once; one that is
/// let go of is withdrawn.
package protocol HeldReport: Sendable {
    /// Sends the last octet, and waits for the answer also when the task is cancelled.
    func finish() async -> SendResult
    /// Sees to it that the destination never has the whole.
    func withdraw() async
}

/// What came of carrying a report to one destination; every text is safe to print.
package enum SendResult: Sendable, Hashable {
    case accepted(String)
    /// Not now: try again, no sooner than `after` if that is given.
    case deferred(String, after: Duration?)
    /// Never: the destination does not exist or does not want it.
    case refused(String)
    /// The end of the exchange was not seen: it may have been accepted, so it must not be sent again.
    case uncertain(String)
    /// It was withdrawn by ourselves, as when the program stops: no attempt.
    case withdrawn
}

/// Asks the DNS for a domain's TLSRPT record.
package protocol ReportRecordSource: Sendable {
    func record(for domain: DomainName) async -> ReportRecordLookup
}

/// What the DNS said about a domain's TLSRPT record.
package enum ReportRecordLookup: Sendable, Hashable {
    case found(TLSRPTRecord.Finding)
    /// No answer, SERVFAIL, or a bogus one: the text says which.
    case unavailable(String)
}
