// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@Suite("setup makes a real Sendmail and sts-milter work together", .serialized, .enabled(if: Sendmail.isPrepared))
struct SetupSendmailScenarios {
    /// A Sendmail that knows nothing of sts-milter. It sees its own root directory only, so the sockets are TCP.
    private struct Site {
        let site: SetupSite
        let sendmail: Sendmail
        let program: String
        private let root: String

        init(_ address: String, daemon: String) async throws {
            site = try await SetupSite(
                "[milter]\nsocket = \"inet:8890@\(daemon)\"\n[policy_map]\nsocket = \"inet:8461@\(daemon)\"\n")
            let authorities = site.lab.network.authority.caFile
            var options = Sendmail.Options()
            options.definitions = [
                "define(`confCACERT', `\(authorities)')dnl", "define(`confCACERT_PATH', `/etc/mail')dnl",
            ]
            sendmail = try Sendmail(address: address, options: options)
            root = sendmail.configuration.replacing("/etc/mail/sendmail.cf", with: "")
            // Where check-mta sees it as well.
            try Command.check(["install", "-D", "-m", "0644", authorities, root + authorities])
            program = try site.folder.write(
                "sendmail", "#!/bin/sh\nexec chroot '\(root)' /usr/libexec/sendmail/sendmail \"$@\"\n", mode: 0o755)
        }

        private var macros: String { root + "/etc/mail/sendmail.mc" }
        private var feature: String { root + "/usr/share/sendmail/cf/feature/sts_milter.m4" }
        /// All that setup may change, octet for octet.
        var files: [Data?] {
            [site.settings, site.added + "/setup.toml", macros, sendmail.configuration, feature].map(
                SetupSite.contents)
        }
        var text: String { String(decoding: files[2] ?? Data(), as: UTF8.self) }

        func setup(build: String? = nil, _ arguments: String...) throws -> Command.Result {
            let m4 = "chroot \(root) /usr/bin/m4 /etc/mail/sendmail.mc >\(sendmail.configuration)"
            return try site.setup(
                "sendmail", restart: try site.restart(),
                [
                    "--mc", macros, "--cf", sendmail.configuration, "--sendmail", program, "--features",
                    root + "/usr/share/sendmail/cf/feature", "--smtp", "\(sendmail.address):\(sendmail.port)",
                    "--build", build ?? m4,
                    // Until it takes mail again, by the new file.
                    "--reload",
                    """
                    before=$(grep -c 'starting daemon' \(sendmail.logFile))
                    kill -HUP $(head -n 1 \(root)/var/run/sendmail/mta/sendmail.pid)
                    for _ in $(seq 300); do
                        [ $(grep -c 'starting daemon' \(sendmail.logFile)) = $before ] || exit 0
                        sleep 0.1
                    done
                    exit 1
                    """,
                ] + arguments)
        }

        func stop() {
            site.stop()
            sendmail.stop()
        }
    }

    @Test("shows, applies, delivers and defers, turns the dry run off, and is undone octet for octet")
    func whole() async throws {
        let site = try await Site("127.20.0.98", daemon: "127.20.9.97")
        defer { site.stop() }
        let good = try site.site.lab.network.domain("setup-sm-good.lab")
        let bad = try site.site.lab.network.domain("setup-sm-bad.lab")
        bad.change { $0.credential = nil }
        let before = site.files

        let shown = try site.setup()
        #expect(shown.status == 0 && shown.output.contains("Nothing was changed"), "\(shown)")
        #expect(site.files == before)
        #expect(
            shown.output.contains("INPUT_MAIL_FILTER(`sts-milter', `S=inet:8890@127.20.9.97, F=T,"), "\(shown)")
        #expect(shown.output.contains("FEATURE(`sts_milter', `inet:8461@127.20.9.97')dnl"), "\(shown)")

        let applied = try site.setup("--apply")
        #expect(applied.status == 0 && applied.output.contains("as a dry run"), "\(applied)")
        #expect(try await site.sendmail.send(to: ["u@setup-sm-bad.lab"]).recipients.first?.reply.isPositive == true)
        _ = try await bad.waitForMessage()

        let strict = try site.setup("--apply", "--enforce")
        #expect(strict.status == 0, "\(strict)")
        #expect(try await site.sendmail.send(to: ["u@setup-sm-bad.lab"]).recipients.first?.reply.code == 451)
        #expect(try await site.sendmail.send(to: ["u@setup-sm-good.lab"]).recipients.first?.reply.isPositive == true)
        #expect(try await good.waitForMessage().overTLS)
        try await site.sendmail.waitForLog("STARTTLS=client, relay=mx.setup-sm-good.lab", "verify=OK")
        let found = try site.sendmail.test("/map sts setup-sm-good.lab")
        #expect(found.contains("returns secure match=mx.setup-sm-good.lab"), "\(found)")

        let again = try site.setup("--apply", "--enforce")
        #expect(again.status == 0 && again.output.contains("nothing to change"), "\(again)")

        let undone = try site.setup("--undo")
        #expect(undone.status == 0, "\(undone)")
        #expect(site.files == before && !FileManager.default.fileExists(atPath: site.site.added))
        #expect(try await site.sendmail.send(to: ["u@setup-sm-bad.lab"]).recipients.first?.reply.isPositive == true)
    }

    @Test("a sendmail.cf that cannot be built, or that asks nobody, is put back with all the rest")
    func failures() async throws {
        let site = try await Site("127.20.0.99", daemon: "127.20.9.98")
        defer { site.stop() }
        let before = site.files
        let broken = try site.setup(
            build: "echo '*** ERROR: of a macro' >&2; echo broken >\(site.sendmail.configuration)", "--apply")
        #expect(broken.status == 1 && broken.errors.contains("*** ERROR: of a macro"), "\(broken)")
        #expect(site.files == before)
        // A build that takes the file from elsewhere: the lines have no effect.
        let idle = try site.setup(build: "true", "--apply")
        #expect(idle.status == 1 && idle.errors.contains("check-mta still finds (milter-missing)"), "\(idle)")
        #expect(site.files == before && !FileManager.default.fileExists(atPath: site.site.added))
    }
}
