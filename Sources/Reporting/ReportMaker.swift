// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip
import TLSRPT

/// Makes of a domain's counts the report that travels: the same counts give the same octets.
package struct ReportMaker: Sendable {
    private let settings: ReportingSettings
    /// Letters and digits that tell our reports from those of another machine with the same contact.
    private let token: String

    package init(_ settings: ReportingSettings) {
        self.settings = settings
        token = settings.token ?? String(stableHash(settings.source), radix: 36)
    }

    /// - RFC 8460 §4.4: JSON Report Schema.
    package func report(of results: DomainResults, on day: UTCDay) -> Report {
        Report(
            organizationName: settings.organizationName, dateRange: Report.DateRange(day),
            contactInfo: settings.contact.description,
            // A subject needs an id of this form. - RFC 8460 §5.3: Email Transport.
            reportID: "\(day).\(token).\(results.domain)@\(settings.contact.domain)", policies: results.policies)
    }

    /// - RFC 8460 §5.1: Report Filename.
    package func fileName(for domain: DomainName, on day: UTCDay, isCompressed: Bool = true) -> ReportFileName {
        let name = ReportFileName(
            sender: settings.contact.domain, policyDomain: domain, range: Report.DateRange(day), uniqueID: token,
            isCompressed: isCompressed)
        guard let name else { preconditionFailure("a token is letters and digits") }
        return name
    }

    /// Compresses the report; one that receivers would find too large loses details until it fits.
    package func pack(_ results: DomainResults, on day: UTCDay) throws -> CompressedReport {
        let whole = report(of: results, on: day)
        var body = try body(of: whole)
        var kept = whole.detailCount
        while body == nil, kept > 0 {
            kept /= 2
            body = try self.body(of: whole.keeping(kept))
        }
        let last = body == nil ? try compress(whole.keeping(0).withoutPolicyText.json()) : []
        return CompressedReport(
            policyDomain: results.domain, submitter: settings.contact.domain,
            organizationName: settings.organizationName, contactInfo: settings.contact.description,
            reportID: whole.reportID, day: day, fileName: fileName(for: results.domain, on: day), body: body ?? last,
            // Cutting takes details away, never sessions.
            totals: whole.totals)
    }

    /// The report compressed; nil if it is too large, compressed or not.
    private func body(of report: Report) throws -> [UInt8]? {
        let json = try report.json()
        guard json.count <= Report.maxOctets else { return nil }
        let body = try compress(json)
        return body.count <= settings.maxBodyBytes ? body : nil
    }
}
