// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit

/// A real Sendmail in a root directory of its own, beside whatever MTA the machine has.
///
/// Tests/lab/sendmail-root makes the directory that each instance copies; it needs the network, so it runs before the
/// tests. Needs root. It relays for everyone, has no local domains, looks up MX hosts through /etc/resolv.conf, does
/// opportunistic TLS, and has the timeouts for milters that Sendmail has by default.
package final class Sendmail: Sendable {
    /// What is particular about one instance.
    package struct Options: Sendable {
        package var hostName = "mta.lab"
        /// Certificates that the SMTP client trusts.
        package var caFile: String?
        /// Equates of one INPUT_MAIL_FILTER each, such as `S=inet:8890@127.0.0.1, F=T`.
        package var milters: [String] = []
        /// More lines of sendmail.mc, before the mailers.
        package var definitions: [String] = []
        /// Lines of a mailer table, such as `routed.lab esmtp:[mx.example.lab]`.
        package var mailerTable: [String] = []

        package init() {}
    }

    private static let program = "/usr/libexec/sendmail/sendmail"

    /// Where Tests/lab/sendmail-root puts its work.
    package static var master: String {
        ProcessInfo.processInfo.environment["STS_LAB_SENDMAIL"] ?? "/var/cache/sts-milter-lab/sendmail"
    }

    /// Whether Tests/lab/sendmail-root has done its work: what a test is to be enabled by.
    package static var isPrepared: Bool { FileManager.default.fileExists(atPath: master + "/.complete") }

    package let address: String
    package let port: Int
    package var logFile: String { directory.path + "/mail.log" }

    private let directory: TemporaryDirectory
    private let systemLog: SystemLog
    private let daemon: BackgroundProcess
    private var root: String { directory.path + "/root" }

    /// Makes the instance and starts it; it takes mail on `address` when this returns.
    package init(address: String, port: Int = 25, options: Options = Options()) throws {
        guard Self.isPrepared else { throw LabError("no Sendmail in \(Self.master): run Tests/lab/install sendmail") }
        self.address = address
        self.port = port
        directory = try TemporaryDirectory("sts-lab-sendmail")
        let root = directory.path + "/root"
        try Command.check(["cp", "-a", Self.master, root])
        try Command.check(["cp", "/etc/resolv.conf", root + "/etc/resolv.conf"])
        if let file = options.caFile { try Command.check(["cp", file, root + "/etc/mail/ca.pem"]) }
        try directory.write(
            "root/etc/mail/sendmail.mc", Self.configuration(address: address, port: port, options: options))
        let configuration = try Command.check(["chroot", root, "/usr/bin/m4", "/etc/mail/sendmail.mc"])
        try directory.write("root/etc/mail/sendmail.cf", configuration)
        try Command.check(
            ["chroot", root, "/usr/libexec/sendmail/makemap", "hash", "/etc/mail/mailertable"],
            input: options.mailerTable.map { $0 + "\n" }.joined())
        systemLog = try SystemLog(
            path: root + "/dev/log", file: directory.path + "/mail.log",
            host: String(options.hostName.prefix { $0 != "." }))
        daemon = try BackgroundProcess(
            ["chroot", root, Self.program, "-bD", "-L", "sm-mta"], logFile: directory.path + "/daemon.log")
        try waitForGreeting()
    }

    /// Ends the daemon and all its children; the instance does not start again.
    package func stop() {
        daemon.stop()
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = pid_t(name), pid > 1 else { continue }
            let processRoot = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/root")
            if processRoot == root { kill(pid, SIGKILL) }
        }
        systemLog.stop()
    }

    deinit { stop() }

    // MARK: Mail

    /// The path of its sendmail command: a script that enters the root directory.
    package func command() throws -> String {
        let line = "exec chroot '\(root)' \(Self.program) -Am \"$@\""
        return try directory.write("sendmail", "#!/bin/sh\n\(line)\n", mode: 0o755)
    }

    /// Hands over one message by SMTP.
    package func send(
        from sender: String = "sender@client.lab", to recipients: [String],
        message: String = "Subject: test\n\nhello\n", parameters: String = ""
    ) async throws -> SMTPDialogue {
        let client = try await session()
        let dialogue = try await client.deliver(
            from: sender, to: recipients, message: message, parameters: parameters)
        await client.quit()
        return dialogue
    }

    /// Opens an SMTP session, past EHLO.
    package func session() async throws -> SMTPClient { try await SMTPClient.session(address: address, port: port) }

    // MARK: Log and queue

    /// All it has logged so far, in the form of mail.log.
    package var log: String { readFile(logFile) }

    /// Waits for a log line that contains all these texts, and gives it.
    @discardableResult
    package func waitForLog(_ texts: String..., within timeout: Duration = .seconds(20)) async throws -> String {
        do {
            return try await Wait.value("log with \(texts)", within: timeout) {
                log.split(separator: "\n").first { line in texts.allSatisfy { line.contains($0) } }.map(String.init)
            }
        } catch let error as LabError {
            throw LabError("\(error)\n\(log)\(daemon.log)")
        }
    }

    /// The queue as `mailq` prints it.
    package func queue() throws -> String { try Command.run(["chroot", root, Self.program, "-bp"]).output }

    /// Tries all queued mail now.
    package func flush() throws { try Command.check(["chroot", root, Self.program, "-q"]) }

    /// What `sendmail -bt` says to these lines, such as `/map sts example.lab`.
    package func test(_ lines: String...) throws -> String {
        try Command.run(
            ["chroot", root, Self.program, "-bt"], input: lines.map { $0 + "\n" }.joined()
        ).output
    }

    /// Its sendmail.cf, as seen from outside its root directory.
    package var configuration: String { root + "/etc/mail/sendmail.cf" }

    private func waitForGreeting() throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while !log.contains("starting daemon") {
            guard daemon.isRunning, ContinuousClock.now < deadline else {
                throw LabError("sendmail: \(daemon.log)\(log)")
            }
            usleep(2000)
        }
    }

    private static func configuration(address: String, port: Int, options: Options) -> String {
        let filters = options.milters.enumerated().map { "INPUT_MAIL_FILTER(`filter\($0)', `\($1)')dnl" }
        let authorities = ["confCACERT", "confCACERT_PATH"].map { name in
            "define(`\(name)', `/etc/mail\(name == "confCACERT" ? "/ca.pem" : "")')dnl"
        }
        let lines =
            [
                "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl",
                "OSTYPE(`debian')dnl",
                "undefine(`confHOST_STATUS_DIRECTORY')dnl",
                "undefine(`ALIAS_FILE')define(`ALIAS_FILE', `')dnl",
                "define(`confDOMAIN_NAME', `\(options.hostName)')dnl",
                "define(`confTRUSTED_USER', `root')dnl",
                "define(`confTO_IDENT', `0s')dnl",
                "FEATURE(`no_default_msa')dnl",
                "FEATURE(`promiscuous_relay')dnl",
                "FEATURE(`accept_unresolvable_domains')dnl",
                "FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl",
                "DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=\(address), Port=\(port)')dnl",
            ] + (options.caFile == nil ? [] : authorities) + filters + options.definitions + [
                "MAILER(`local')dnl", "MAILER(`smtp')dnl",
            ]
        return lines.map { $0 + "\n" }.joined()
    }
}
