// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import Gzip
import LabKit
import Logging
import Store
import TLSRPT
import TestKit
import Testing

@Suite("Several machines count, and one of them reports the sum")
struct MergedReportScenarios {
    private let yesterday = SystemClock().now.day.advanced(by: -1)

    private func count(
        _ daemon: DaemonProcess, _ domain: String, good: Int, failures: Int, host: String
    ) async throws {
        let logger = Logger(label: "test")
        let store = try Store(path: daemon.store, logger: logger)
        let ledger = Ledger(store: store, clock: TestClock(SystemClock().now), logger: logger)
        let policy = AppliedPolicy.reported(ReportedPolicy(.sts, domain: domain, strings: ["version: STSv1"]))
        func session(_ details: [FailureDetails]) throws -> SessionCount {
            SessionCount(
                day: yesterday, domain: try DomainName(domain), policy: policy, isFailure: !details.isEmpty,
                details: details)
        }
        if good > 0 { ledger.record([try session([])], times: good) }
        if failures > 0 {
            let details = FailureDetails(.certificateExpired, receivingMXHostname: host)
            ledger.record([try session([details])], times: failures)
        }
        guard await ledger.flush() else { throw LabError("not counted") }
        try store.close()
    }

    private func machine(_ lab: Lab, _ gate: Int, _ host: String, _ report: String) throws -> DaemonProcess {
        try DaemonProcess(
            address: "127.20.9.\(gate)",
            settings: lab.network.settings.replacingOccurrences(
                of: "helo_name = \"mta.lab\"", with: "helo_name = \"\(host)\"") + """
                    [report]
                    contact_info = "tlsrpt@fleet.lab"
                    \(report)

                    """)
    }

    private func reports(in directory: String) throws -> [Report] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted().map { name in
            let octets = try Data(contentsOf: URL(fileURLWithPath: directory + "/" + name))
            return try Report(json: decompress(Array(octets), limitBytes: 1 << 20))
        }
    }

    @Test("two machines, one report with the sum, and none from the machine that exports")
    func sum() async throws {
        let lab = try await Lab.open()
        let folder = try TemporaryDirectory("sts-lab-merged")
        let central = try machine(
            lab, 105, "mx1.fleet.lab",
            """
            import_from = ["mx2.fleet.lab"]
            import_wait = "47h"
            copy_to = "\(folder.path)/sent"
            """)
        let member = try machine(lab, 106, "mx2.fleet.lab", "schedule = \"export\"")
        try await count(central, "m-one.lab", good: 10, failures: 2, host: "mx.m-one.lab")
        try await count(member, "m-one.lab", good: 100, failures: 3, host: "mx.m-one.lab")
        try await count(member, "m-one.lab", good: 0, failures: 4, host: "mx9.m-one.lab")
        let host = "reports.m-one.lab"
        lab.network.names.set(host, .a(lab.network.policies.address))
        lab.network.policies.set(path: "/m-one", .status(201))
        lab.network.policies.setCredential(host, try lab.network.authority.issue(names: [host]))
        lab.network.names.set("_smtp._tls.m-one.lab", .txt("v=TLSRPTv1; rua=https://\(host)/m-one"))

        // The machine that exports makes no report, whoever asks for it.
        let nothing = try member.command("report", "send")
        #expect(nothing.succeeded && nothing.output.isEmpty, "\(nothing)")
        let asked = try member.command("report", "send", "--day", "\(yesterday)")
        #expect(asked.status != 0 && asked.errors.contains("report.schedule is export"), "\(asked)")

        // The other one waits for it.
        let waiting = try central.command("report", "send")
        #expect(waiting.succeeded && waiting.output.contains("for the counts of mx2.fleet.lab"), "\(waiting)")

        let file = folder.path + "/counts.gz"
        let exported = try member.command("report", "export", file)
        #expect(exported.succeeded && exported.errors.contains("\(yesterday): 1 policies of domains, 107 sessions"))
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode.map { $0 & 0o007 } == 0)
        for words in ["107 sessions: stored", "107 sessions: here already"] {
            let imported = try central.command("report", "import", file)
            #expect(imported.succeeded && imported.output.contains(words), "\(imported)")
        }

        let sent = try central.command("report", "send")
        #expect(sent.succeeded && sent.output.contains("accepted https://\(host)/m-one"), "\(sent)")
        let report = try #require(try reports(in: folder.path + "/sent").first)
        #expect(report.policies.map(\.tally.successes) == [110] && report.policies.map(\.tally.failures) == [9])
        #expect(Set(report.policies.flatMap { $0.tally.details.values }) == [5, 4])

        // What comes later is refused by the day, and what was there stays.
        try await count(member, "m-one.lab", good: 1, failures: 0, host: "")
        let late = try member.command("report", "export", "--day", "\(yesterday)", file)
        #expect(late.succeeded, "\(late)")
        let refused = try central.command("report", "import", file)
        #expect(
            refused.status == 1 && refused.errors.contains("refused: the reports of \(yesterday) are begun"),
            "\(refused)")
        // A day that is reported is not exported.
        let begun = try central.command("report", "export", "--day", "\(yesterday)", folder.path + "/no.gz")
        #expect(begun.status != 0 && begun.errors.contains("has begun the day's reports"), "\(begun)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/no.gz"))
    }

    @Test("through a pipe, and what is no file of counts is refused as a whole")
    func pipe() async throws {
        let lab = try await Lab.open()
        let central = try machine(lab, 107, "mx1.fleet.lab", "")
        let member = try machine(lab, 108, "mx2.fleet.lab", "schedule = \"export\"")
        try await count(central, "m-two.lab", good: 1, failures: 0, host: "")
        try await count(member, "m-two.lab", good: 5, failures: 0, host: "")
        let program = try DaemonProcess.program()
        let pipe = try Command.run(
            [
                "sh", "-c",
                """
                "\(program)" report export --config "\(member.configuration)" - \
                | "\(program)" report import --config "\(central.configuration)" -
                """,
            ])
        #expect(
            pipe.status == 0 && pipe.output.contains("\(yesterday) of mx2.fleet.lab, 5 sessions: stored"), "\(pipe)")
        let folder = try TemporaryDirectory("sts-lab-merged")
        let junk = try folder.write("junk", "Hello\n")
        let wrong = try central.command("report", "import", junk, folder.path + "/none")
        #expect(wrong.status == 1 && wrong.errors.contains("line 1: no line of a file of counts"), "\(wrong)")
        #expect(wrong.errors.contains("none: No such file or directory"), "\(wrong)")
        let taken = try member.command("report", "export", "--take-back", "--day", "\(yesterday)")
        #expect(taken.succeeded, "\(taken)")
        let again = try member.command("report", "export", "--take-back", "--day", "\(yesterday)")
        #expect(again.status == 1 && again.errors.contains("was not exported"), "\(again)")
    }

    @Test("a store that was made on another machine is exported only when its operator says whose it is")
    func copied() async throws {
        let lab = try await Lab.open()
        let member = try machine(lab, 109, "mx2.fleet.lab", "schedule = \"export\"")
        try await count(member, "m-three.lab", good: 5, failures: 0, host: "")
        let store = try Store(path: member.store, logger: Logger(label: "test"))
        try await store.adopt(on: String(repeating: "0", count: 16), from: nil)
        try store.close()
        guard !MachineIdentity.read().isEmpty else { return }
        let file = member.directory.path + "/counts"
        let refused = try member.command("report", "export", file)
        #expect(refused.status != 0 && refused.errors.contains("report export --moved"), "\(refused)")
        let copied = try member.command("report", "export", "--copied", "--day", "\(yesterday)", file)
        #expect(copied.status != 0 && copied.errors.contains("exports days from"), "\(copied)")
    }
}
