// SPDX-License-Identifier: Apache-2.0
import Basics
import Courier
import Mail
import Reporting

/// What reports say, who gets them when, and by which way.
package struct ReportSettings: Sendable, Hashable {
    /// Whether the daemon makes and sends reports by itself.
    package var isDaily: Bool
    package var reporting: ReportingSettings
    package var courier: CourierSettings
    /// How long counts and the fate of reports are kept.
    package var retention: Duration

    /// Why no report can go out; nil if one can. A host's bare name is good for nobody's answer.
    package var obstacle: String? {
        reporting.contact.domain.labelCount > 1
            ? nil
            : "no reports are sent: '\(reporting.contact)' is no address on the Internet; set report.contact_info"
    }
}

extension SettingsReader {
    /// Counts of less than this could go before they are reported.
    private static let shortestRetention = Duration.seconds(2 * 86_400)

    mutating func reports(from host: DomainName, allowPrivate: Bool) -> ReportSettings {
        var reporting = ReportingSettings(
            organizationName: optionalText("report.organization_name") ?? host.ascii, contact: contact(at: host),
            source: host.ascii)
        reporting.spread = duration("report.spread")
        reporting.onlyFailures = flag("report.only_failures")
        for entry in list("report.never") where !reporting.never.add(entry) {
            report(
                "report.never",
                "'\(printable(entry, limit: 60))' is neither a domain nor a mail address nor an https: URL")
        }
        let retention = duration("report.retention")
        if retention < Self.shortestRetention { report("report.retention", "must be \"2d\" or more") }
        return ReportSettings(
            isDaily: text("report.schedule") == "daily", reporting: reporting,
            courier: courier(host, allowPrivate: allowPrivate),
            retention: retention)
    }

    private mutating func contact(at host: DomainName) -> Mailbox {
        if let text = optionalText("report.contact_info") {
            if let contact = Mailbox(text) { return contact }
            report(
                "report.contact_info",
                "'\(printable(text, limit: 80))' is not a mail address; write \"tlsrpt@example.org\"")
        }
        guard let contact = Mailbox("postmaster@\(host)") else {
            preconditionFailure("a word and a domain are an address")
        }
        return contact
    }

    private mutating func courier(_ host: DomainName, allowPrivate: Bool) -> CourierSettings {
        var courier = CourierSettings(heloName: host.ascii)
        courier.allowPrivateAddresses = allowPrivate
        courier.userAgent = "sts-milter/\(Settings.version)"
        let via = text("report.via")
        let way = via == "sendmail" ? text("report.sendmail_path") : via
        let isPath = way.hasPrefix("/")
        if via == "sendmail", !isPath {
            report("report.sendmail_path", "must be an absolute path such as \"/usr/sbin/sendmail\"")
        } else if via != "sendmail", isPath {
            report("report.via", "must be \"sendmail\" or \"smtp:HOST:PORT\"; the program is report.sendmail_path")
        } else {
            do throws(SubmissionError) { courier.submission = try Submission(way) } catch {
                report("report.via", "must be \"sendmail\" or \"smtp:HOST:PORT\"")
            }
        }
        switch (optionalText("report.dkim_key"), optionalText("report.dkim_selector")) {
        case (let key?, let selector?):
            courier.dkim = [DKIMSettings(domain: signingDomain(), selector: selector, keyFile: key)]
        case (.some, nil):
            report("report.dkim_key", "needs report.dkim_selector, under which its other half is published")
        case (nil, .some): report("report.dkim_selector", "needs report.dkim_key")
        case (nil, nil): break
        }
        return courier
    }

    private mutating func signingDomain() -> DomainName? {
        guard let text = optionalText("report.dkim_domain") else { return nil }
        do throws(DomainNameError) { return try DomainName(text) } catch {
            report("report.dkim_domain", "'\(printable(text, limit: 60))': \(error)")
            return nil
        }
    }
}
