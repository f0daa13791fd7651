// SPDX-License-Identifier: Apache-2.0
import Courier
import Foundation
import LabKit
import Mail
import Reporting
import TestKit
import TLSRPT
import Testing

@Suite("Reports by mail: through a real Postfix, read and verified by others - RFC 8460 §5.3", .serialized)
struct ReportMailTests {
    /// A Postfix that relays for a domain to its mail host.
    private struct Office {
        let lab: CourierLab
        let host: MXServer
        let postfix: Postfix
        private let files: TemporaryDirectory

        init() throws {
            lab = try CourierLab()
            host = try MXServer(address: lab.address(25), hostName: "mx.two.lab", credential: nil)
            var options = Postfix.Options()
            options.transports = ["two.lab smtp:[\(host.address)]"]
            postfix = try Postfix(address: lab.address(24), options: options)
            files = try TemporaryDirectory("sts-sendmail")
        }

        /// The sendmail command of this very Postfix.
        func sendmail() throws -> Submission {
            let path = try files.write(
                "sendmail", "#!/bin/sh\nexec /usr/sbin/sendmail -C \(postfix.configuration) \"$@\"\n", mode: 0o755)
            return .sendmail(path: path)
        }

        var smtp: Submission { get throws { try Submission("smtp:\(postfix.address):25") } }

        /// Carries a report and gives what the mail host received.
        func deliver(
            _ report: CompressedReport, by submission: Submission, dkim: [DKIMSettings] = [],
            _ change: (inout CourierSettings) -> Void = { _ in }
        ) async throws -> ReceivedMessage {
            let courier = try lab.courier {
                $0.submission = submission
                $0.dkim = dkim
                change(&$0)
            }
            let consent = Consent()
            let destination = try ReportDestination.sample("mailto:tls+reports@two.lab")
            let result = await courier.carry(report, to: destination, commit: consent.ask)
            guard case .accepted = result else { throw LabError("\(result)\n\(postfix.log)") }
            #expect(consent.count == 1)
            return try await host.waitForMessage()
        }
    }

    @Test("the sendmail command carries it, as others read it")
    func bySendmail() async throws {
        let office = try Office()
        let report = try CompressedReport.sample()
        let message = try await office.deliver(report, by: office.sendmail())
        #expect(message.sender == "tlsrpt@sender.lab")
        #expect(message.recipients == ["tls+reports@two.lab"])
        let mail = try ReceivedReport(message.text)
        #expect(mail.defects == [] && mail.isASCII && !mail.hasBareLineEnd && mail.longestLine <= 998)
        #expect(mail.type == "multipart/report" && mail.reportType == "tlsrpt")
        #expect(mail.name == "Example \"Org\"")
        #expect(mail.from.hasSuffix("<tlsrpt@sender.lab>"))
        #expect(mail.header("To") == "tls+reports@two.lab")
        #expect(mail.header("Date") == "Sun, 22 Nov 2026 00:00:00 +0000")
        #expect(
            mail.header("Subject")
                == "Report Domain: two.lab Submitter: sender.lab Report-ID: <2026-11-22.two.lab@sender.lab>")
        #expect(mail.header("Message-ID") == "<2026-11-22.two.lab@sender.lab>")
        #expect(mail.header("TLS-Report-Domain") == "two.lab")
        #expect(mail.header("TLS-Report-Submitter") == "sender.lab")
        #expect(mail.header("TLS-Required") == "No")
        #expect(mail.header("Auto-Submitted") == "auto-generated")
        #expect(mail.text.contains("Sessions that went well: 12\n") && mail.text.contains("Sessions that failed: 3\n"))
        #expect(mail.attachmentType == "application/tlsrpt+gzip")
        #expect(mail.fileName == "\(report.fileName)")
        #expect(Array(mail.content) == report.body)
        #expect(mail.verified == [])
    }

    @Test("signatures are valid for others, by either way in", arguments: ["sendmail", "smtp"])
    func signed(_ way: String) async throws {
        let office = try Office()
        let rsa = try SigningKey("rsa", selector: "rsa2026", domain: "sender.lab")
        let ed25519 = try SigningKey("ed25519", selector: "2026")
        let submission = way == "smtp" ? try office.smtp : try office.sendmail()
        let message = try await office.deliver(
            .sample(organization: "Übertragungswerke " + String(repeating: "Ö", count: 60)), by: submission,
            dkim: [rsa.settings, ed25519.settings])
        let records = [
            "rsa2026._domainkey.sender.lab": rsa.record, "2026._domainkey.sender.lab": ed25519.record,
        ]
        let mail = try ReceivedReport(message.text, records: records)
        #expect(mail.verified == [true, true])
        #expect(mail.name == "Übertragungswerke " + String(repeating: "Ö", count: 60))
        #expect(mail.defects == [] && !mail.hasBareLineEnd)
        guard way == "sendmail" else { return }
        // What a valid signature is worth: another text, another sender, another record.
        let changes = [("Report Domain: two", "Report Domain: too"), ("well: 12", "well: 13"), ("No\r\n", "Yes\r\n")]
        for (old, new) in changes {
            let forged = message.text.replacing(old, with: new)
            #expect(forged != message.text)
            #expect(try ReceivedReport(forged, records: records).verified == [false, false])
        }
        let added = message.text.replacing("To: tls", with: "From: b@evil.lab\r\nTo: tls")
        #expect(try ReceivedReport(added, records: records).verified == [false, false])
    }

    /// Without a resolver it can only queue the mail, which must count as taken.
    @Test("a real Sendmail that cannot deliver at once has taken it", .enabled(if: Sendmail.isPrepared))
    func byRealSendmail() async throws {
        let lab = try CourierLab()
        let sendmail = try Sendmail(address: lab.address(24))
        let path = try sendmail.command()
        let courier = try lab.courier { $0.submission = .sendmail(path: path) }
        let result = await courier.carry(try .sample(), to: try .sample("mailto:reports@two.lab")) { true }
        #expect(result == .accepted("taken by \(path)"))
        try await sendmail.waitForLog("from=tlsrpt@sender.lab", "nrcpts=1", "msgid=<2026-11-22.two.lab@sender.lab>")
        try await sendmail.waitForLog("to=reports@two.lab", "stat=queued")
    }

    @Test("the null sender is a setting")
    func nullSender() async throws {
        let office = try Office()
        let first = try await office.deliver(.sample(), by: office.sendmail()) { $0.envelopeSender = .null }
        #expect(first.sender == "")
        let smtp = try Office()
        #expect(try await smtp.deliver(.sample(), by: smtp.smtp) { $0.envelopeSender = .null }.sender == "")
    }

    @Test("without consent the MTA gets no message", arguments: ["sendmail", "smtp"])
    func withdrawn(_ way: String) async throws {
        let office = try Office()
        let consent = Consent(false)
        let submission = way == "smtp" ? try office.smtp : try office.sendmail()
        let courier = try office.lab.courier { $0.submission = submission }
        let destination = try ReportDestination.sample("mailto:reports@two.lab")
        #expect(await courier.carry(try .sample(), to: destination, commit: consent.ask) == .withdrawn)
        #expect(consent.count == 1)
        // What comes after shows that nothing came before.
        _ = try await office.deliver(.sample(), by: submission)
        #expect(office.host.messages.count == 1)
        #expect(try office.postfix.queue().isEmpty)
    }

    @Test("a contact that is no address, or another's, stops the mail")
    func badContact() async throws {
        let lab = try CourierLab()
        let courier = try lab.courier { $0.submission = .sendmail(path: "/nonexistent") }
        let destination = try ReportDestination.sample("mailto:reports@two.lab")
        for contact in ["Example <tlsrpt@sender.lab>", "tlsrpt@sender.lab\r\nX: y", "tlsrpt@other.lab", ""] {
            let result = await courier.carry(try .sample(contact: contact), to: destination) { true }
            guard case .deferred(let text, after: nil) = result else { throw LabError("\(result)") }
            #expect(text.hasPrefix("contact '"))
        }
    }
}
