// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Logging
import Store
import TestKit
import Testing
@testable import Daemon

@Suite("Reports that others send are stored from a mail, and shown failures first")
struct ReceivedScenarios {
    private func report(_ id: String, _ domain: String, failures: Int, by organization: String = "Sender Inc.")
        -> String
    {
        let day = SystemClock().now.day
        let details = """
            [{"result-type": "certificate-expired", "receiving-mx-hostname": "mx1.\(domain)", "sending-mta-ip": "192.0.2.1",
            "failed-session-count": \(failures)}]
            """
        return """
            {"organization-name": "\(organization)", "contact-info": "tls@sender.example", "report-id": "\(id)",
            "date-range": {"start-datetime": "\(day.start)", "end-datetime": "\(day.end)"},
            "policies": [{"policy": {"policy-type": "sts", "policy-domain": "\(domain)"},
            "summary": {"total-successful-session-count": 100, "total-failure-session-count": \(failures)},
            "failure-details": \(failures > 0 ? details : "[]")}]}
            """
    }

    private func mail(_ report: String) -> String {
        """
        From: tls@sender.example
        To: tlsrpt@rc.example
        Subject: Report Domain: rc.example
        MIME-Version: 1.0
        Content-Type: application/tlsrpt+json
        Content-Transfer-Encoding: base64

        \(Data(report.utf8).base64EncodedString(options: [.lineLength76Characters]))

        """
    }

    private func run(_ daemon: DaemonProcess, _ arguments: [String], input: String = "") throws -> Command.Result {
        try Command.run(
            [try DaemonProcess.program()] + arguments + ["--config", daemon.configuration], input: input)
    }

    @Test("a mail on standard input, files, twice, and what was made of it")
    func received() throws {
        let daemon = try DaemonProcess(address: "127.20.9.183", settings: "")
        let missing = try run(daemon, ["report", "receive"], input: mail(report("1", "rc.example", failures: 4)))
        #expect(missing.status == 75, "\(missing)")
        try Store(path: daemon.store, logger: Logger(label: "test")).close()
        let first = try run(daemon, ["report", "receive"], input: mail(report("1", "rc.example", failures: 4)))
        #expect(first.status == 0, "\(first)")
        #expect(first.output == "standard input: report 1 of Sender Inc.: stored\n")
        let again = try run(daemon, ["report", "receive", "-"], input: mail(report("1", "rc.example", failures: 4)))
        #expect(again.status == 0 && again.output.hasSuffix(": stored before\n"), "\(again)")
        let files = try TemporaryDirectory("sts-received")
        let good = try files.write("good.json", report("2", "rc-good.example", failures: 0))
        let junk = try files.write("junk", "Hello\n")
        let quiet = try run(daemon, ["report", "receive", "--quiet", good])
        #expect(quiet.status == 0 && quiet.output.isEmpty, "\(quiet)")
        let wrong = try run(daemon, ["report", "receive", junk, good])
        #expect(wrong.status == 1 && wrong.output.contains("stored before"), "\(wrong)")

        let shown = try run(daemon, ["report", "received"])
        let today = "\(SystemClock().now.day)"
        #expect(shown.status == 0, "\(shown)")
        #expect(
            shown.output.hasPrefix("rc.example: 4 of 104 sessions failed, in 1 reports by 1 reporters\n"), "\(shown)")
        #expect(
            shown.output.contains(
                "       4  \(today)  \(today)  mx1.rc.example: the certificate has expired  Sender Inc.\n"))
        #expect(shown.output.contains("\nrc-good.example: 0 of 100 sessions failed"))
        let one = try run(daemon, ["report", "received", "--json", "--domain", "rc-good.example", "--days", "1"])
        let trends = try JSONDecoder().decode(ReceivedTrends.self, from: Data(one.output.utf8))
        #expect(trends.domains.map(\.domain) == ["rc-good.example"] && trends.firstDay == today)
    }

    @Test("nothing hostile is echoed")
    func hostile() throws {
        let daemon = try DaemonProcess(address: "127.20.9.184", settings: "")
        try Store(path: daemon.store, logger: Logger(label: "test")).close()
        let evil = report("\\u001b[31m", "x\\u001b[2J.example", failures: 3, by: "\\u001b]0;owned\\u0007")
        let taken = try run(daemon, ["report", "receive"], input: mail(evil))
        #expect(taken.status == 0, "\(taken)")
        for flags in [[], ["--json"]] {
            let shown = try run(daemon, ["report", "received"] + flags)
            #expect(shown.status == 0 && shown.output.contains("owned"), "\(shown)")
            for text in [shown.output, taken.output, taken.errors] {
                #expect(text.utf8.allSatisfy { $0 == 0x0A || (0x20..<0x7F).contains($0) }, "\(text)")
            }
        }
    }
}
