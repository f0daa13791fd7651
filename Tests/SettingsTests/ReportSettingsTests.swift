// SPDX-License-Identifier: Apache-2.0
import Basics
import Courier
import LabKit
import Mail
import Settings
import TestKit
import Testing

@Suite("Settings of reports: [report]")
struct ReportSettingsTests {
    private func read(_ text: String) throws(SettingsError) -> Settings {
        try Settings(
            SettingsFile(text: "network.helo_name = \"mta.example.org\"\n[report]\n" + text, name: "test.toml"))
    }

    @Test("defaults")
    func defaults() throws {
        let reports = try read("").reports
        #expect(reports.isDaily && reports.reporting.spread == .seconds(4 * 3600))
        #expect(reports.reporting.contact.description == "postmaster@mta.example.org")
        #expect(reports.reporting.organizationName == "mta.example.org" && !reports.reporting.onlyFailures)
        #expect(reports.retention == .seconds(60 * 86_400))
        #expect(try reports.courier.submission == Submission("smtp:127.0.0.1:25") && reports.courier.dkim.isEmpty)
        #expect(try read("via = \"sendmail\"").reports.courier.submission == .sendmail(path: "/usr/sbin/sendmail"))
        #expect(!reports.courier.allowPrivateAddresses)
    }

    @Test("every key")
    func everyKey() throws {
        let directory = try TemporaryDirectory()
        let keyFile = try directory.dkimKey()
        let reports = try read(
            """
            organization_name = "Example"
            contact_info = "tlsrpt@Example.org"
            schedule = "off"
            spread = "1h"
            via = "smtp:127.0.0.1:2525"
            dkim_key = "\(keyFile)"
            dkim_selector = "tlsrpt"
            dkim_domain = "example.net"
            never = ["spam.example", "bad@x.example", "https://x.example/no"]
            only_failures = true
            retention = "30d"
            copy_to = "/var/lib/sts-milter/sent"
            """
        ).reports
        #expect(!reports.isDaily && reports.reporting.spread == .seconds(3600) && reports.reporting.onlyFailures)
        #expect(reports.reporting.contact.description == "tlsrpt@example.org")
        #expect(reports.retention == .seconds(30 * 86_400))
        #expect(reports.copyPlace == .directory("/var/lib/sts-milter/sent"))
        #expect(try reports.courier.submission == Submission("smtp:127.0.0.1:2525"))
        let key = DKIMSettings(domain: try DomainName("example.net"), selector: "tlsrpt", keyFile: keyFile)
        #expect(reports.courier.dkim == [key])
        #expect(reports.reporting.never.covers(try DomainName("in.spam.example")))
    }

    static let wrong: [(String, String)] = [
        ("contact_info = \"nobody\"", "report.contact_info: 'nobody' is not a mail address"),
        ("via = \"/usr/sbin/sendmail\"", "report.via: must be"),
        ("via = \"smtp:\"", "report.via: must be"),
        ("via = \"sendmail\"\nsendmail_path = \"sendmail\"", "report.sendmail_path: must be an absolute path"),
        ("dkim_key = \"/key.pem\"", "report.dkim_key: needs report.dkim_selector"),
        ("dkim_selector = \"s\"", "report.dkim_selector: needs report.dkim_key"),
        ("dkim_domain = \"-\"", "report.dkim_domain: '-'"),
        ("never = [\"a b\"]", "report.never: 'a b' is neither"),
        ("copy_to = \"sent\"", "report.copy_to: 'sent' is neither an absolute path nor a mail address"),
        ("retention = \"1d\"", "report.retention: must be"),
    ]

    @Test("a wrong value is named with its cure", arguments: wrong)
    func wrongValues(_ text: String, _ problem: String) throws {
        let error = try #require(throws: SettingsError.self) { try read(text) }
        #expect(error.problems.count == 1)
        #expect(error.description.contains(problem), "\(error)")
    }
}
