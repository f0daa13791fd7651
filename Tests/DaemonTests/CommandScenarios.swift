// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@Suite("Commands that find nothing say so, and leave nothing behind")
struct CommandScenarios {
    private func run(_ arguments: String...) throws -> Command.Result {
        try Command.run([try DaemonProcess.program()] + arguments)
    }

    @Test("a file without a report in it")
    func noReport() throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("none.json", "[]")
        let result = try run("report", "show", file)
        #expect(result.status == 1 && result.errors.contains("there is no report in it"), "\(result)")
    }

    @Test("NOQUEUE is explained")
    func noQueue() throws {
        for text in ["NOQUEUE", "queue_id=NOQUEUE", "NOQUEUE:"] {
            let result = try run("explain", text, "--no-config")
            #expect(result.status == 1, "\(result)")
            #expect(result.errors.hasPrefix("sts-milter: NOQUEUE is no queue id: "), "\(result)")
        }
    }

    @Test("config check ends with 78 for what keeps the daemon from starting, which the daemon itself may try again")
    func obstacles() throws {
        let folder = try TemporaryDirectory()
        let text = "tls.ca_file = \"/etc/passwd\"\nstore.path = \"\(folder.path)/none/a.sqlite\"\n"
        let settings = try folder.write("sts-milter.toml", text)
        let check = try run("config", "check", "--config", settings)
        #expect(check.status == 78 && check.output.isEmpty, "\(check)")
        #expect(check.errors.contains(":1: tls.ca_file: '/etc/passwd' holds no certificate"), "\(check)")
        #expect(check.errors.contains(":2: store.path: there is no directory '\(folder.path)/none'"), "\(check)")
        #expect(try run("serve", "--config", settings).status == 69)
    }

    @Test("a lost database is told as that, and a failure begins as all lines of ours do")
    func lostDatabase() throws {
        let folder = try TemporaryDirectory()
        let database = folder.path + "/a.sqlite"
        let settings = try folder.write("sts-milter.toml", "store.path = \"\(database)\"\n")
        let missing = try run("policy", "list", "--config", settings)
        #expect(missing.status == 69 && missing.errors.contains("start the daemon once"), "\(missing)")
        #expect(missing.errors.hasPrefix("sts-milter: \(database): "), "\(missing)")
        try folder.write("a.sqlite.made", "")
        for command in [["policy", "list"], ["explain", "ABC1"], ["impact"], ["report", "list"]] {
            let result = try Command.run([try DaemonProcess.program()] + command + ["--config", settings])
            #expect(result.status == 69 && result.errors.contains("the database that was here is gone"), "\(result)")
            #expect(result.errors.contains("put the database or its backup back"), "\(result)")
        }
    }

    @Test("no directory is made for reports that there are not, and a policy that was never cached is not forgotten")
    func emptyStore() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(182)
        let build = try daemon.command("report", "build", "--output", daemon.directory.path + "/reports")
        #expect(build.status == 1 && build.errors.contains("nothing to report for "), "\(build)")
        #expect(!FileManager.default.fileExists(atPath: daemon.directory.path + "/reports"))
        try lab.network.domain("cm-known.lab")
        #expect(try daemon.command("policy", "refresh", "cm-known.lab").succeeded)
        let said = "cm-known.lab: forgotten\ncm-never.lab: no policy was cached; what else was known is forgotten\n"
        #expect(try daemon.command("policy", "forget", "cm-known.lab", "cm-never.lab").output == said)
        #expect(try daemon.command("policy", "refresh", "cm-known.lab").succeeded)
        #expect(daemon.terminate() == 0)
        #expect(try daemon.command("policy", "forget", "cm-known.lab", "cm-never.lab").output == said)
    }
}
