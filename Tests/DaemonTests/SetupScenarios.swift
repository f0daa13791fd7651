// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@Suite("setup makes a real Postfix and sts-milter work together", .serialized)
struct SetupScenarios {
    /// A Postfix as it is installed, in its chroot, and the settings file of a daemon that does not run yet.
    private struct Site {
        let lab: Lab
        let postfix: Postfix
        let folder: TemporaryDirectory
        var settings: String { folder.path + "/sts-milter.toml" }
        var main: String { postfix.configuration + "/main.cf" }
        private var log: String { folder.path + "/daemon.log" }

        init(_ address: String) async throws {
            lab = try await Lab.open()
            folder = try TemporaryDirectory("sts-lab-setup")
            var options = Postfix.Options()
            options.isChrooted = true
            options.settings = ["mydomain = site.lab", "smtp_tls_CAfile = \(lab.network.authority.caFile)"]
            postfix = try Postfix(address: address, options: options)
            try folder.write(
                "sts-milter.toml",
                lab.network.settings + """

                    [store]
                    path = "\(folder.path)/sts-milter.sqlite"
                    [control]
                    socket = "\(folder.path)/control.sock"

                    """)
        }

        /// What systemd does with the unit and its drop-in: the directory, and the daemon anew.
        private var restart: String {
            get throws {
                """
                [ ! -f \(folder.path)/pid ] || { kill $(cat \(folder.path)/pid); timeout 10 tail --pid=$(cat \(folder.path)/pid) -f /dev/null || true; }
                install -d -g postfix -m 2750 \(postfix.queueDirectory)/sts-milter
                setsid \(try DaemonProcess.program()) serve --config \(settings) >>\(log) 2>&1 </dev/null &
                echo $! >\(folder.path)/pid
                """
            }
        }

        func setup(_ arguments: String...) throws -> Command.Result {
            try Command.run(
                [
                    try DaemonProcess.program(), "setup", "postfix", "--config", settings, "--config-dir",
                    postfix.configuration, "--smtp", "\(postfix.address):\(postfix.port)", "--backups",
                    folder.path + "/backups", "--restart", try restart, "--reload",
                    "kill -HUP $(cat \(postfix.queueDirectory)/pid/master.pid); sleep 0.5",
                ] + arguments, timeout: .seconds(60))
        }

        func stop() {
            _ = try? Command.run(["sh", "-c", "kill $(cat \(folder.path)/pid)"])
            postfix.stop()
        }

        func contents(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }
    }

    @Test("shows, applies, delivers and defers, turns the dry run off, and is undone octet for octet")
    func whole() async throws {
        let site = try await Site("127.20.0.90")
        defer { site.stop() }
        let good = try site.lab.network.domain("setup-good.lab")
        let bad = try site.lab.network.domain("setup-bad.lab")
        bad.change { $0.credential = nil }
        let before = [site.contents(site.settings), site.contents(site.main)]

        let shown = try site.setup()
        #expect(shown.status == 0 && shown.output.contains("Nothing was changed"), "\(shown)")
        #expect([site.contents(site.settings), site.contents(site.main)] == before)
        #expect(shown.output.contains("smtp_tls_policy_maps = socketmap:unix:sts-milter/map.sock:postfix"), "\(shown)")

        let applied = try site.setup("--apply")
        #expect(applied.status == 0 && applied.output.contains("as a dry run"), "\(applied)")
        // Nothing is held back yet, not even at delivery.
        #expect(try await site.postfix.send(to: ["u@setup-bad.lab"]).recipients.first?.reply.isPositive == true)
        _ = try await bad.waitForMessage()

        let strict = try site.setup("--apply", "--enforce")
        #expect(strict.status == 0, "\(strict)")
        #expect(try await site.postfix.send(to: ["u@setup-bad.lab"]).recipients.first?.reply.code == 451)
        #expect(try await site.postfix.send(to: ["u@setup-good.lab"]).recipients.first?.reply.isPositive == true)
        #expect(try await good.waitForMessage().overTLS)
        try await site.postfix.waitForLog("Verified TLS connection established to mx.setup-good.lab")

        let again = try site.setup("--apply", "--enforce")
        #expect(again.status == 0 && again.output.contains("nothing to change"), "\(again)")

        let undone = try site.setup("--undo")
        #expect(undone.status == 0, "\(undone)")
        #expect([site.contents(site.settings), site.contents(site.main)] == before)
    }

    @Test("a run that fails leaves what an earlier one has set up as it was, and says what was wrong")
    func unreachable() async throws {
        let site = try await Site("127.20.0.91")
        defer { site.stop() }
        let before = [site.contents(site.settings), site.contents(site.main)]
        #expect(try site.setup("--apply").status == 0)
        // A milter list of the service's own hides the one of main.cf.
        let master = site.postfix.configuration + "/master.cf"
        let services = String(decoding: try #require(site.contents(master)), as: UTF8.self)
        try Data(services.replacing(" smtpd\n", with: " smtpd -o smtpd_milters=\n").utf8).write(
            to: URL(fileURLWithPath: master))
        site.postfix.stop()
        try site.postfix.start()
        let set = [site.contents(site.settings), site.contents(site.main)]
        let failed = try site.setup("--apply", "--enforce")
        #expect(failed.status == 1 && failed.errors.contains("put back as before this run"), "\(failed)")
        #expect([site.contents(site.settings), site.contents(site.main)] == set && set != before)
        try await Wait.until("the daemon serves again, as a dry run") {
            let status = try Command.run([try DaemonProcess.program(), "status", "--config", site.settings])
            return status.status == 0 && status.output.contains("dry run")
        }
        #expect(try site.setup("--undo").status == 0)
        #expect([site.contents(site.settings), site.contents(site.main)] == before)
    }
}
