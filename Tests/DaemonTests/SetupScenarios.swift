// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@Suite("setup makes a real Postfix and sts-milter work together", .serialized)
struct SetupScenarios {
    /// A Postfix as it is installed, in its chroot.
    private struct Site {
        let site: SetupSite
        let postfix: Postfix
        var main: String { postfix.configuration + "/main.cf" }
        /// All that setup may change, octet for octet.
        var files: [Data?] {
            [site.settings, site.added + "/setup.toml", main].map(SetupSite.contents)
        }

        init(_ address: String, isDebian13: Bool = false, _ more: String...) async throws {
            site = try await SetupSite()
            var options = Postfix.Options()
            options.root = isDebian13 ? Postfix.debian13 : nil
            options.isChrooted = true
            options.settings = ["mydomain = site.lab", "smtp_tls_CAfile = \(site.lab.network.authority.caFile)"] + more
            postfix = try Postfix(address: address, options: options)
        }

        func setup(_ arguments: String...) throws -> Command.Result {
            let queue = postfix.queueDirectory
            return try site.setup(
                "postfix", restart: try site.restart(queue + "/sts-milter", queue + "/run/tlsrpt"),
                [
                    "--config-dir", postfix.configuration, "--smtp", "\(postfix.address):\(postfix.port)", "--reload",
                    "kill -HUP $(cat \(queue)/pid/master.pid); sleep 0.5",
                ] + programs + arguments)
        }

        /// Those of the system, or of its own root directory.
        private var programs: [String] {
            get throws {
                _ = try postfix.program("postmap")
                let postconf = try postfix.program("postconf")
                return postconf.hasPrefix("/usr/") ? [] : ["--postconf", postconf]
            }
        }

        func stop() {
            site.stop()
            postfix.stop()
        }
    }

    @Test("shows, applies, delivers and defers, turns the dry run off, and is undone octet for octet")
    func whole() async throws {
        let site = try await Site("127.20.0.90")
        defer { site.stop() }
        let good = try site.site.lab.network.domain("setup-good.lab")
        let bad = try site.site.lab.network.domain("setup-bad.lab")
        bad.change { $0.credential = nil }
        let before = site.files

        let shown = try site.setup()
        #expect(shown.status == 0 && shown.output.contains("Nothing was changed"), "\(shown)")
        #expect(site.files == before)
        #expect(shown.output.contains("smtp_tls_policy_maps = socketmap:unix:sts-milter/map.sock:postfix"), "\(shown)")

        let applied = try site.setup("--apply")
        #expect(applied.status == 0 && applied.output.contains("as a dry run"), "\(applied)")
        // The file of the package stays as it came.
        #expect(site.files[0] == before[0] && site.files[1] != nil)
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
        // One machine, one MTA: what the other's undo would put back is not mixed with this.
        let other = try site.site.setup("sendmail", restart: "true", ["--undo", "--cf", site.main])
        #expect(other.status == 1 && other.errors.contains("set up for postfix"), "\(other)")

        let undone = try site.setup("--undo")
        #expect(undone.status == 0, "\(undone)")
        #expect(site.files == before && !FileManager.default.fileExists(atPath: site.site.added))
    }

    @Test("a run that fails leaves what an earlier one has set up as it was, and says what was wrong")
    func unreachable() async throws {
        let site = try await Site("127.20.0.91")
        defer { site.stop() }
        let before = site.files
        #expect(try site.setup("--apply").status == 0)
        // A milter list of the service's own hides the one of main.cf.
        let master = site.postfix.configuration + "/master.cf"
        let services = String(decoding: try #require(SetupSite.contents(master)), as: UTF8.self)
        try Data(services.replacing(" smtpd\n", with: " smtpd -o smtpd_milters=\n").utf8).write(
            to: URL(fileURLWithPath: master))
        site.postfix.stop()
        try site.postfix.start()
        let set = site.files
        let failed = try site.setup("--apply", "--enforce")
        #expect(failed.status == 1 && failed.errors.contains("put back as before this run"), "\(failed)")
        #expect(site.files == set && set != before)
        try await Wait.until("the daemon serves again, as a dry run") {
            let status = try Command.run([try DaemonProcess.program(), "status", "--config", site.site.settings])
            return status.status == 0 && status.output.contains("dry run")
        }
        #expect(try site.setup("--undo").status == 0)
        #expect(site.files == before)
    }

    @Test("Postfix 3.10 is told the form that it knows, and its datagrams are heard", .enabled(if: Postfix.hasDebian13))
    func newer() async throws {
        let site = try await Site("127.20.0.96", isDebian13: true, "smtp_dns_support_level = dnssec")
        defer { site.stop() }
        let good = try site.site.lab.network.domain("setup-310.lab")
        // Postfix tells of domains that want reports.
        site.site.lab.network.names.set(
            "_smtp._tls.setup-310.lab", .txt("v=TLSRPTv1; rua=mailto:r@setup-310.lab"))
        let before = site.files
        let applied = try site.setup("--apply", "--enforce")
        #expect(applied.status == 0, "\(applied)")
        #expect(applied.output.contains("socketmap:unix:sts-milter/map.sock:postfix-tlsrpt"), "\(applied)")
        #expect(try site.postfix.parameter("smtp_tlsrpt_enable") == "yes")
        #expect(try await site.postfix.send(to: ["u@setup-310.lab"]).recipients.first?.reply.isPositive == true)
        #expect(try await good.waitForMessage().overTLS)
        try await site.postfix.waitForLog("Verified TLS connection established to mx.setup-310.lab")
        try await Wait.until("the datagram is counted") {
            let status = try Command.run([try DaemonProcess.program(), "status", "--config", site.site.settings])
            return status.output.contains(/tlsrpt datagrams at .*: [1-9][0-9]* received/)
        }
        #expect(try site.setup("--undo").status == 0)
        #expect(site.files == before)
    }

    @Test("where no mail leaves by SMTP that is said, and nothing is changed or advised")
    func localOnly() async throws {
        let site = try await Site(
            "127.20.0.97", "default_transport = error", "relay_transport = error", "transport_maps =")
        defer { site.stop() }
        let before = site.files
        let applied = try site.setup("--apply", "--enforce")
        #expect(applied.status == 0 && applied.output.contains("no mail leaves this Postfix by SMTP"), "\(applied)")
        #expect(applied.output.contains("nothing to change") && site.files == before, "\(applied)")
        let check = try Command.run([
            try DaemonProcess.program(), "check-mta", "postfix", "--config", site.site.settings, "--config-dir",
            site.postfix.configuration,
        ])
        #expect(check.status == 0 && check.output.contains("advice (no-smtp)"), "\(check)")
        #expect(!check.output.contains("milter-missing"), "\(check)")
        // A table may send some all the same.
        try site.postfix.set("transport_maps = inline:{setup-some.lab=smtp:}")
        let some = try site.setup()
        #expect(some.output.contains("but what transport_maps say"), "\(some)")
        #expect(some.output.contains("smtpd_milters = "), "\(some)")
    }
}
