// SPDX-License-Identifier: Apache-2.0
import Basics
import Courier
import Glibc
import Mail
import Reporting

/// What reports say, who gets them when, and by which way.
package struct ReportSettings: Sendable, Hashable {
    /// By what report mail goes out.
    enum Via: Sendable, Hashable {
        /// The program of `report.sendmail_path`.
        case sendmail
        case submission(Submission)
    }

    /// Counts of less than this could go before they are reported.
    static let shortestRetention = Duration.seconds(2 * 86_400)

    /// Who makes the reports of this machine's counts.
    package enum Schedule: String, Sendable, Hashable {
        /// The daemon, and sends them.
        case daily
        /// The commands alone, by hand or by a timer.
        case off
        /// Another machine, to which the counts are exported.
        case export
    }

    package var schedule = Schedule.daily
    /// Whether the daemon makes and sends reports by itself.
    package var isDaily: Bool { schedule == .daily }
    /// Hosts whose counts a day's reports wait for.
    package var importFrom: [DomainName] = []
    /// How long after the end of a day its reports wait for them.
    package var importWait = Duration.seconds(6 * 3600)
    package var reporting: ReportingSettings
    package var courier: CourierSettings
    /// How long counts and the fate of reports are kept.
    package var retention = Duration.seconds(60 * 86_400)
    /// Where a copy of each report goes that was sent.
    package var copyPlace: ReportCopyPlace?
    /// A Maildir to which others' reports are delivered.
    package var maildir: String?

    // What the file has of the rest.
    var givenOrganization: String?
    var givenContact: Mailbox?
    var via: Via
    var sendmailPath = Submission.usualSendmailPath
    var dkimKey: String?
    var dkimSelector: String?
    var dkimDomain: DomainName?

    /// The defaults on a host of this name.
    init(host: DomainName) {
        guard let contact = Mailbox("postmaster@\(host)"), let own = IPAddress("127.0.0.1") else {
            preconditionFailure("a word and a domain are an address, four numbers are one")
        }
        reporting = ReportingSettings(organizationName: host.ascii, contact: contact, source: host.ascii)
        courier = CourierSettings(heloName: host.ascii)
        via = .submission(.smtp(host: .address(own), port: 25))
    }

    /// Up to when the reports of a day wait for the counts of other machines.
    package func importEnd(of day: UTCDay) -> UTCTime { day.advanced(by: 1).start + importWait }

    /// The first day whose counts and reports are still kept.
    package func oldestDay(at now: UTCTime) -> UTCDay { now.day.advanced(by: -retention.wholeDays) }

    /// Why no report can go out; nil if one can. A host's bare name is good for nobody's answer.
    package var obstacle: String? {
        reporting.contact.domain.labelCount > 1
            ? nil
            : "no reports are sent: '\(reporting.contact)' is no address on the Internet; set report.contact_info"
    }
}

extension SettingsReader {
    /// Completes the settings of reports: the host's name where the file gives no other, and what keys mean together.
    mutating func complete(_ reports: inout ReportSettings, host: DomainName) {
        let usual = ReportSettings(host: host)
        reports.reporting.organizationName = reports.givenOrganization ?? usual.reporting.organizationName
        reports.reporting.contact = reports.givenContact ?? usual.reporting.contact
        reports.reporting.source = usual.reporting.source
        reports.courier.heloName = usual.courier.heloName
        switch reports.via {
        case .sendmail: reports.courier.submission = .sendmail(path: reports.sendmailPath)
        case .submission(let submission): reports.courier.submission = submission
        }
        switch (reports.dkimKey, reports.dkimSelector) {
        case (let key?, let selector?):
            reports.courier.dkim = [DKIMSettings(domain: reports.dkimDomain, selector: selector, keyFile: key)]
            obstructMissing(\Settings.reports.dkimKey, key)
            obstructUnusable(key)
            if let exposure = DKIMKey.exposure(of: key) { warn(\Settings.reports.dkimKey, exposure) }
        case (.some, nil):
            refuse(
                \Settings.reports.dkimKey, "needs report.dkim_selector, under which its other half is published")
        case (nil, .some): refuse(\Settings.reports.dkimSelector, "needs report.dkim_key")
        case (nil, nil): break
        }
    }

    /// Adds an obstacle if the file holds no key. One that this user may not read is left to the daemon.
    private mutating func obstructUnusable(_ key: String) {
        guard access(key, R_OK) == 0 else { return }
        do { _ = try DKIMKey(file: key) } catch { obstruct(\Settings.reports.dkimKey, "\(error)") }
    }
}
