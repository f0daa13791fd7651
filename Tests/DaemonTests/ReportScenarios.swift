// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import LabKit
import Logging
import Store
import TLSRPT
import TestKit
import Testing

@Suite("Reports by the commands, over a real resolver, a real https server and a real sendmail command")
struct ReportScenarios {
    private let yesterday = SystemClockDay.today.advanced(by: -1)

    private func fill(_ daemon: DaemonProcess, _ domains: String..., on day: UTCDay) async throws {
        let logger = Logger(label: "test")
        let store = try Store(path: daemon.store, logger: logger)
        let ledger = Ledger(store: store, clock: TestClock(SystemClockDay.today.start), logger: logger)
        for domain in domains {
            let policy = AppliedPolicy.reported(ReportedPolicy(.noPolicyFound, domain: domain))
            ledger.record([SessionCount(day: day, domain: try DomainName(domain), policy: policy, isFailure: false)])
        }
        guard await ledger.flush() else { throw LabError("not counted") }
        try store.close()
    }

    @Test("report send delivers once, to all who ask, and report list tells it")
    func send() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory("sts-lab-sendmail")
        let sendmail = try directory.write("sendmail", "#!/bin/sh\necho \"$@\" >$0.arguments\ncat >$0.mail\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: sendmail)
        let daemon = try DaemonProcess(
            address: "127.20.9.50",
            settings: lab.network.settings + """
                [report]
                contact_info = "tlsrpt@mta.lab"
                via = "sendmail"
                sendmail_path = "\(sendmail)"
                copy_to = "\(directory.path)/sent"

                """)
        try await fill(daemon, "r-one.lab", "r-two.lab", "r-none.lab", "r-odd.lab", on: yesterday)
        let host = "reports.r-one.lab"
        lab.network.names.set(host, .a(lab.network.policies.address))
        lab.network.policies.set(path: "/r-one", .status(201))
        lab.network.policies.setCredential(host, try lab.network.authority.issue(names: [host]))
        lab.network.names.set(
            "_smtp._tls.r-one.lab", .txt("v=TLSRPTv1; rua=https://\(host)/r-one,mailto:tls@r-one.lab"))
        lab.network.names.set("down.r-two.lab", .a("127.20.0.81"))
        lab.network.names.set("_smtp._tls.r-two.lab", .txt("v=TLSRPTv1; rua=https://down.r-two.lab/"))
        lab.network.names.set("_smtp._tls.r-odd.lab", .txt("v=TLSRPTv1; rua=postmaster@r-odd.lab"))

        let preview = try daemon.command("report", "send", "--dry-run")
        #expect(preview.succeeded && preview.output.contains("waiting https://\(host)/r-one"), "\(preview)")
        // What a dry run says of a record, check says, too.
        let odd = "no destination that can be served: postmaster@r-odd.lab (neither mailto: nor https:)"
        #expect(preview.output.contains("r-odd.lab invalid (\(odd))"), "\(preview)")
        let checked = try daemon.command("check", "r-odd.lab")
        #expect(checked.output.contains("TXT _smtp._tls  found, \(odd)\n"), "\(checked)")
        let files = daemon.directory.path + "/reports"
        let built = try daemon.command("report", "build", "--output", files)
        #expect(built.succeeded && built.output.split(separator: "\n").count == 2, "\(built)")

        let sent = try daemon.command("report", "send")
        #expect(sent.succeeded, "\(sent)")
        #expect(sent.output.contains("accepted https://\(host)/r-one"), "\(sent)")
        #expect(sent.output.contains("accepted mailto:tls@r-one.lab"), "\(sent)")
        #expect(sent.output.contains("deferred https://down.r-two.lab/"), "\(sent)")
        let again = try daemon.command("report", "send")
        #expect(again.succeeded && again.output == "", "\(again)")
        #expect(again.errors.contains("1 delivery is left, the next at "), "\(again)")

        // What was sent has a copy, once; what was not has none.
        let copies = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/sent")
        #expect(copies.count == 1 && copies.first.flatMap { ReportFileName($0) }?.policyDomain.ascii == "r-one.lab")

        let mail = try String(contentsOfFile: sendmail + ".mail", encoding: .utf8)
        #expect(mail.contains("TLS-Report-Domain: r-one.lab"))

        let list = try daemon.command("report", "list", "--json")
        let lines = try #require(try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: Any]])
        let states = lines.map { "\($0["domain"] ?? "") \($0["state"] ?? "")" }
        #expect(
            states == ["r-odd.lab invalid", "r-one.lab accepted", "r-one.lab accepted", "r-two.lab deferred"],
            "\(list)")
        let forced = try daemon.command("report", "send", "--again", "--day", "\(yesterday)", "--domain", "r-two.lab")
        #expect(forced.output.contains("deferred https://down.r-two.lab/ attempt 1"), "\(forced)")
    }

    @Test("a destination that does not end holds up no stop of the daemon")
    func stop() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory("sts-lab-sendmail")
        let sendmail = try directory.write("sendmail", "#!/bin/sh\ncat >$0.mail\nsleep 45\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: sendmail)
        let daemon = try DaemonProcess(
            address: "127.20.9.52",
            settings: lab.network.settings + """
                [report]
                contact_info = "tlsrpt@mta.lab"
                via = "sendmail"
                sendmail_path = "\(sendmail)"

                """)
        let store = try Store(path: daemon.store, logger: Logger(label: "test"))
        try await store.plan("mailto:tls@r-slow.lab", for: "r-slow.lab", on: yesterday)
        try store.close()
        try await daemon.start()
        try await Wait.until("report mail under way") { FileManager.default.fileExists(atPath: sendmail + ".mail") }
        // As long as systemd waits, by the unit.
        #expect(daemon.terminate(within: .seconds(20)) == 0)
        #expect(
            daemon.log.contains("reports under way were cut off") && daemon.log.contains("stopped"), "\(daemon.log)")
    }

    @Test("today is not over, and a store that is not there is an error")
    func refused() async throws {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(address: "127.20.9.51", settings: lab.network.settings)
        #expect(try daemon.command("report", "send").status != 0)
        try await fill(daemon, "r-three.lab", on: yesterday)
        let today = try daemon.command("report", "send", "--day", "\(yesterday.advanced(by: 1))")
        #expect(today.status != 0 && today.errors.contains("is not over yet"), "\(today)")
        let ahead = try daemon.command("report", "build", "--no-lookup", "--day", "9999-12-27")
        #expect(ahead.status != 0 && ahead.errors.contains("9999-12-27 has not begun yet"), "\(ahead)")
    }
}

private enum SystemClockDay {
    static var today: UTCDay { UTCTime(secondsSinceEpoch: Int64(Date().timeIntervalSince1970)).day }
}
