// SPDX-License-Identifier: Apache-2.0
import Basics
import DNS
import Mail
import Reporting
import SMTP
import TLS

/// Mails reports by way of the MTA. - RFC 8460 §5.3: Email Transport.
struct MailCarrier: Sendable {
    let settings: CourierSettings
    let signers: [DKIMSigner]
    let resolver: DNSResolver
    let connector: Connector
    let tls: TLSContext
    let now: @Sendable () -> UTCTime

    func prepare(_ report: CompressedReport, for recipient: Mailbox) async -> ReportPreparation {
        guard let contact = Mailbox(report.contactInfo), contact.domain == report.submitter else {
            let text = printable(report.contactInfo)
            return .ended(
                .deferred("contact '\(text)' is no address such as tlsrpt@\(report.submitter)", after: nil))
        }
        let date = now()
        var message = ReportMail(report: report, contact: contact, recipient: recipient, date: date).message()
        var signatures: [MailMessage.Field] = []
        for signer in signers {
            guard let field = signer.signature(of: message, submitter: report.submitter, at: date) else {
                return .ended(.deferred("DKIM signing failed", after: nil))
            }
            signatures.append(field)
        }
        message.fields = signatures + message.fields
        let sender = settings.envelopeSender == .contact ? contact : nil
        return await submit(OutgoingMail(sender: sender, recipient: recipient, message: message.bytes))
    }

    private func submit(_ outgoing: OutgoingMail) async -> ReportPreparation {
        switch settings.submission {
        case .sendmail(let path):
            let command = SendmailSubmission(path: path, timeout: settings.mailTimeout)
            return await command.prepare(outgoing)
        case .smtp(let host, let port):
            let submission = SMTPSubmission(
                host: host, port: port, settings: settings, resolver: resolver, connector: connector, tls: tls)
            return await submission.prepare(outgoing)
        }
    }
}
