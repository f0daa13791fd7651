// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Mail
import Reporting
import TLSRPT

/// A report as a mail. - RFC 8460 §5.3: Email Transport.
struct ReportMail: Sendable {
    /// No line of ours begins like it, and base64 has no `_`.
    private static let boundary = "=_tlsrpt_report"

    let report: CompressedReport
    /// The report's `contact-info`; its domain is the submitter.
    let contact: Mailbox
    let recipient: Mailbox
    let date: UTCTime

    /// The message, not yet signed.
    func message() -> MailMessage {
        let id = ReportIdentifier(report)
        let subject = [
            "Report Domain: \(report.policyDomain)", "Submitter: \(report.submitter)", "Report-ID: \(id)",
        ]
        let fields: [(String, String)] = [
            ("From", "\(phrase(report.organizationName))\r\n <\(contact)>"),
            ("To", "\(recipient)"),
            ("Date", mailDate(date)),
            ("Subject", subject.joined(separator: "\r\n ")),
            ("Message-ID", "\(id)"),
            ("TLS-Report-Domain", "\(report.policyDomain)"),
            ("TLS-Report-Submitter", "\(report.submitter)"),
            // - RFC 8460 §3: report mail is delivered despite failures of TLS. - RFC 8689 §3: The TLS-Required Header Field.
            ("TLS-Required", "No"),
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"\(Self.boundary)\""),
        ]
        return MailMessage(fields: fields.map { MailMessage.Field(name: $0, value: $1) }, body: body(id))
    }

    private func body(_ id: ReportIdentifier) -> [UInt8] {
        let head = [
            "--\(Self.boundary)", "Content-Type: text/plain; charset=us-ascii", "Content-Transfer-Encoding: 7bit", "",
        ]
        let attachment = [
            "", "--\(Self.boundary)", "Content-Type: application/tlsrpt+gzip", "Content-Transfer-Encoding: base64",
            "Content-Disposition: attachment;", " filename=\"\(report.fileName)\"", "",
        ]
        let lines = head + text(id) + attachment
        let content = Data(report.body).base64EncodedData(options: [
            .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
        ])
        return Array(lines.map { $0 + "\r\n" }.joined().utf8) + content + Array("\r\n--\(Self.boundary)--\r\n".utf8)
    }

    private func text(_ id: ReportIdentifier) -> [String] {
        var lines = [
            "This is an aggregate TLS report (RFC 8460) from \(report.submitter)",
            "on its mail to \(report.policyDomain) of \(report.day), 00:00 to 24:00 UTC.", "",
        ]
        if let totals = report.totals {
            lines += ["Sessions that went well: \(totals.successes)", "Sessions that failed: \(totals.failures)", ""]
        }
        return lines + ["Report-ID: \(id)", "Questions to: \(contact)", "", "The report itself is attached."]
    }
}
