// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing
import TestKit
@testable import Daemon

@Suite("What contrib says is what check-mta wants")
struct ContribTests {
    /// The settings that files of contrib tell to write into sts-milter.toml, in the order of their tables.
    private static func settings(_ names: String...) throws -> String {
        var lines: [Substring] = []
        for name in names {
            let comments = try contrib(name).split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.hasPrefix("dnl") ? Substring("#" + $0.dropFirst("dnl".count)) : $0 }
            let start = try #require(comments.firstIndex { $0.hasPrefix("# In /etc/sts-milter/sts-milter.toml") })
            let block = comments[(start + 1)...].prefix { $0.hasPrefix("#     ") }.map { $0.dropFirst("#     ".count) }
            // Keys without a table come first.
            let table = block.firstIndex { $0.hasPrefix("[") } ?? block.endIndex
            lines = Array(block[..<table]) + lines + Array(block[table...])
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The lines of a file in contrib that are no comments.
    static func lines(_ name: String) throws -> [String] {
        try contrib(name).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    static func contrib(_ name: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try String(
            contentsOf: root.deletingLastPathComponent().appendingPathComponent("contrib/\(name)"), encoding: .utf8)
    }

    private func check(_ arguments: [String], settings: String) throws -> Command.Result {
        let directory = try TemporaryDirectory("sts-lab-contrib")
        let file = try directory.write("sts-milter.toml", "network.helo_name = \"mta.lab\"\n" + settings)
        return try Command.run([try DaemonProcess.program(), "check-mta"] + arguments + ["--config", file])
    }

    @Test("the lines for Postfix, of each version", arguments: [false, true])
    func postfix(_ isDebian13: Bool) async throws {
        guard !isDebian13 || Postfix.hasDebian13 else { return }
        var options = Postfix.Options()
        options.root = isDebian13 ? Postfix.debian13 : nil
        let map = "postfix/policy-map-\(isDebian13 ? "3.10" : "3.4").cf.snippet"
        options.settings = try Self.lines("postfix/main.cf.snippet") + Self.lines(map)
        options.isChrooted = true
        let postfix = try Postfix(address: isDebian13 ? "127.20.0.38" : "127.20.0.37", options: options)
        defer { postfix.stop() }
        let settings = try Self.settings("postfix/main.cf.snippet", map)
            .replacing("/var/spool/postfix", with: postfix.queueDirectory)
        #expect(settings.contains("unix:\(postfix.queueDirectory)/sts-milter/milter.sock"))
        let arguments = [
            "postfix", "--config-dir", postfix.configuration, "--postconf", try postfix.program("postconf"),
        ]
        let result = try check(arguments, settings: settings)
        #expect(result.status == 0, "\(result)")
        #expect(result.output.hasSuffix(": nothing is missing\n"), "\(result)")
        // The milter alone is contradicted by the map.
        let alone = try check(arguments, settings: "enforcement = \"milter\"\n" + settings)
        #expect(alone.status == 1 && alone.output.contains("problem (enforcement)"), "\(alone)")
        // TCP, as the comments have it.
        try postfix.set(
            "smtpd_milters={ inet:127.0.0.1:8890, default_action=accept, command_timeout=10s }",
            "smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8461:\(isDebian13 ? "postfix-tlsrpt" : "postfix")")
        let tcp = try check(
            arguments,
            settings: "[policy_map]\nsocket = \"inet:8461@127.0.0.1\"\n")
        #expect(tcp.status == 0 && tcp.output.hasSuffix(": nothing is missing\n"), "\(tcp)")
    }

    /// Starts a daemon with the sockets of these settings.
    private func serve(_ number: Int, _ settings: String) async throws -> DaemonProcess {
        let lab = try await Lab.open()
        let table = try #require(settings.range(of: "[milter]\n"))
        let socket = settings[table.upperBound...].prefix { $0 != "\n" }
        let others = settings.replacing("[milter]\n\(socket)\n", with: "")
        let daemon = try DaemonProcess(address: "127.20.9.\(number)", settings: others + lab.network.settings)
        let text = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        try daemon.directory.write(
            "sts-milter.toml", text.replacing("socket = \"inet:8890@127.20.9.\(number)\"", with: socket))
        try await daemon.start()
        return daemon
    }

    @Test("the Unix sockets serve a Postfix in a chroot, by the lines for it")
    func chroot() async throws {
        let lab = try await Lab.open()
        var options = Postfix.Options()
        options.isChrooted = true
        let map = "postfix/policy-map-3.4.cf.snippet"
        options.settings =
            try Self.lines("postfix/main.cf.snippet")
            + Self.lines(map).map {
                $0.hasPrefix("smtp_tls_CAfile") ? "smtp_tls_CAfile = \(lab.network.authority.caFile)" : $0
            }
        let postfix = try Postfix(address: "127.20.0.54", options: options)
        defer { postfix.stop() }
        let folder = postfix.queueDirectory + "/sts-milter"
        // As the file for systemd-tmpfiles has it, but for the user.
        let directory = try Self.lines("optional/postfix-sockets/tmpfiles.d/sts-milter-sockets.conf")
        #expect(directory == ["d /var/spool/postfix/sts-milter 2750 sts-milter postfix -"])
        try Command.check(["install", "-d", "-o", "root", "-g", "postfix", "-m", "2750", folder])
        let daemon = try await serve(
            54,
            Self.settings("postfix/main.cf.snippet", map).replacing("/var/spool/postfix", with: postfix.queueDirectory))
        try await judge(lab, "c-chroot") { try await postfix.send(to: [$0]) }
        try await postfix.waitForLog("to=<u@c-chroot-good.lab>", "status=sent")
        #expect(postfix.log.contains("Verified TLS connection established to mx.c-chroot-good.lab"), "\(postfix.log)")
        let table = "socketmap:unix:\(folder)/map.sock:postfix"
        #expect(
            try postfix.lookUp("c-chroot-good.lab", in: table)
                == "secure match=mx.c-chroot-good.lab servername=hostname")
        // Nobody else gets to them.
        let paths = [folder, folder + "/milter.sock", folder + "/map.sock"]
        #expect(try Command.check(["stat", "-c", "%a %G"] + paths) == "2750 postfix\n660 postfix\n660 postfix\n")
        #expect(daemon.terminate() == 0)
    }

    /// A good domain's mail is taken and delivered, a bad one's gets the milter's reply.
    private func judge(_ lab: Lab, _ name: String, send: (String) async throws -> SMTPDialogue) async throws {
        let good = try lab.network.domain("\(name)-good.lab")
        try lab.network.domain("\(name)-plain.lab", plain: true)
        #expect(try await send("u@\(name)-plain.lab").reply.enhancedCode == "4.7.4")
        #expect(try await send("u@\(name)-good.lab").data?.isPositive == true)
        #expect(try await good.waitForMessage().overTLS)
    }

    @Test("the lines for Sendmail", .enabled(if: Sendmail.isPrepared))
    func sendmail() async throws {
        var options = Sendmail.Options()
        options.definitions = try ["sts-milter", "sts-milter-map"].map { try Self.contrib("sendmail/\($0).m4") }
        options.features["sts_milter"] = try Self.contrib("sendmail/feature/sts_milter.m4")
        let sendmail = try Sendmail(address: "127.20.7.4", options: options)
        defer { sendmail.stop() }
        let settings = try Self.settings("sendmail/sts-milter.m4", "sendmail/sts-milter-map.m4")
        #expect(
            settings.contains("unix:/run/sts-milter/milter.sock") && settings.contains("unix:/run/sts-milter/map.sock"))
        let result = try check(["sendmail", "--cf", sendmail.configuration], settings: settings)
        #expect(result.status == 0, "\(result)")
        // Debian 12's Sendmail does not know the option DANE: the lines leave it out.
        #expect(result.output.contains(": nothing is missing; see the advice\n"), "\(result)")
        #expect(result.output.contains("advice (dane)"), "\(result)")

        let lab = try await Lab.open()
        let root = sendmail.configuration.replacing("/etc/mail/sendmail.cf", with: "")
        try Command.check(["install", "-d", "-m", "0755", root + "/run/sts-milter"])
        let daemon = try await serve(55, settings.replacing("unix:/run/", with: "unix:\(root)/run/"))
        try lab.network.domain("c-sendmail.lab")
        try lab.network.domain("c-sendmail-plain.lab", plain: true)
        #expect(try await sendmail.send(to: ["u@c-sendmail-plain.lab"]).reply.enhancedCode == "4.7.4")
        #expect(try await sendmail.send(to: ["u@c-sendmail.lab"]).reply.isPositive)
        let found = try sendmail.test("/map sts c-sendmail.lab")
        #expect(found.contains("returns secure match=mx.c-sendmail.lab servername=hostname (0)"), "\(found)")
        #expect(daemon.terminate() == 0)
    }
}
