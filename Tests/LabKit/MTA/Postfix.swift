// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit

/// A real Postfix with a configuration, queue and log of its own, beside any other on the machine.
///
/// Needs the `postfix` package and root. It relays for 127.0.0.0/8, has no local domains, looks up MX hosts through
/// /etc/resolv.conf and does opportunistic TLS.
package final class Postfix: Sendable {
    /// What is particular about one instance.
    package struct Options: Sendable {
        package var hostName = "mta.lab"
        /// The root directory of another Postfix than the system's, such as ``Postfix/debian13``.
        package var root: String?
        /// Certificates that the SMTP client trusts.
        package var caFile: String?
        /// Values of `smtpd_milters`, such as `inet:127.0.0.1:8890`.
        package var milters: [String] = []
        /// Values of `non_smtpd_milters`: mail from ``Postfix/submit(from:to:message:)``.
        package var localMilters: [String] = []
        /// Lines of a transport table, such as `example.lab smtp:[mx.example.lab]`.
        package var transports: [String] = []
        /// Lines of a virtual alias table.
        package var virtualAliases: [String] = []
        /// Whether the daemons that talk to the network and to milters run in a chroot, as Debian's do.
        package var isChrooted = false
        /// More lines of main.cf; they win over all that is set otherwise.
        package var settings: [String] = []
        /// More lines of master.cf.
        package var services: [String] = []

        package init() {}
    }

    package let address: String
    package let port: Int
    /// Its configuration directory, for `postconf -c` and the like.
    package var configuration: String { directory.path + "/etc" }
    package var logFile: String { directory.path + "/mail.log" }
    /// The queue directory, which is the root of what runs in a chroot.
    package var queueDirectory: String { directory.path + "/spool" }

    private let directory: TemporaryDirectory
    private let root: String?

    /// Writes the configuration and starts Postfix; it takes mail on `address` when this returns.
    package init(address: String, port: Int = 25, options: Options = Options()) throws {
        self.address = address
        self.port = port
        root = options.root
        directory = try TemporaryDirectory("sts-lab-postfix")
        try makeDirectories()
        if options.isChrooted { try fillChroot() }
        try directory.write("etc/transport", options.transports.map { $0 + "\n" }.joined())
        try directory.write("etc/virtual", options.virtualAliases.map { $0 + "\n" }.joined())
        try directory.write("etc/main.cf", mainConfiguration(options))
        try directory.write("etc/master.cf", masterConfiguration(options))
        try directory.write("mail.log", "")
        try start()
    }

    /// Starts it again after ``stop()``; the queue is kept.
    package func start() throws {
        // Whatever reads a file changed within the last two seconds waits: it might still be written.
        try Command.check(["sh", "-c", "touch -d '1 hour ago' \(configuration)/*"])
        // The master without postfix(1): its script checks the whole installation at each start.
        let programs = try parameter("daemon_directory")
        let master = try Command.run(command("\(programs)/master", "-w", "-c", configuration))
        guard master.succeeded else { throw LabError("postfix: \(master.errors)\(log)") }
    }

    /// Ends the master and all its children; the mail in the queue stays.
    package func stop() {
        guard let master else { return }
        kill(master, SIGTERM)
        let deadline = ContinuousClock.now + .seconds(3)
        while self.master != nil, ContinuousClock.now < deadline { usleep(2000) }
        // The master leads a process group with all its children in it.
        kill(-master, SIGKILL)
    }

    /// The master's process id while it runs.
    private var master: pid_t? {
        let text = readFile(directory.path + "/spool/pid/master.pid").trimmingCharacters(in: .whitespacesAndNewlines)
        guard let master = pid_t(text) else { return nil }
        // A process that nobody has waited for yet still takes signals.
        let state = readFile("/proc/\(master)/stat").split(separator: ")").last?.split(separator: " ").first
        return state == nil || state == "Z" ? nil : master
    }

    deinit { stop() }

    /// Takes over changed files in ``configuration``.
    package func reload() throws {
        guard let master else { throw LabError("postfix is not running") }
        let before = log(containing: "reload -- version").count
        kill(master, SIGHUP)
        let deadline = ContinuousClock.now + .seconds(5)
        while log(containing: "reload -- version").count == before {
            guard ContinuousClock.now < deadline else { throw LabError("postfix does not reload: \(log)") }
            usleep(2000)
        }
    }

    /// Changes main.cf, as `name=value`, and starts anew: after a reload an idle daemon may take one more request
    /// under the old settings.
    package func set(_ settings: String...) throws {
        try Command.check(command("postconf", "-c", configuration, "-e") + settings)
        stop()
        try start()
    }

    /// What main.cf says of a parameter, or Postfix's default.
    package func parameter(_ name: String) throws -> String {
        try Command.check(command("postconf", "-h", "-c", configuration, name))
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What a table answers for a key, asked by postmap(1); nil if it has no answer. Throws what postmap says of an
    /// error, as a table's "try again later" is.
    package func lookUp(_ key: String, in table: String) throws -> String? {
        let result = try Command.run(command("postmap", "-c", configuration, "-q", key, table))
        if result.succeeded { return result.output.trimmingCharacters(in: .whitespacesAndNewlines) }
        // postmap ends with 1 for "not found" without a word, and for errors with many.
        guard result.errors.isEmpty else { throw LabError("postmap \(key): \(result.errors)") }
        return nil
    }

    /// The path of one of Postfix's programs: a script that enters the root directory, if it has one.
    package func program(_ name: String) throws -> String {
        let plain = "/usr/sbin/" + name
        guard root != nil else { return plain }
        let words = command(plain).map { "'" + $0.replacing("'", with: "'\\''") + "'" }
        return try directory.write(name, "#!/bin/sh\nexec \(words.joined(separator: " ")) \"$@\"\n", mode: 0o755)
    }

    private func command(_ arguments: String...) -> [String] { Self.commandLine(arguments, root: root) }

    /// What `postfix check` would make, with the rights that the daemons insist on.
    private func makeDirectories() throws {
        _ = try directory.makeDirectory("etc")
        let own = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved"]
        for name in own + ["trace"] { _ = try directory.makeDirectory("spool/" + name, mode: 0o700) }
        _ = try directory.makeDirectory("spool/maildrop", mode: 0o730)
        _ = try directory.makeDirectory("spool/public", mode: 0o710)
        _ = try directory.makeDirectory("data")
        let path = directory.path
        try Command.check(["chown", "-R", "postfix", path + "/spool", path + "/data"])
        try Command.check(["chgrp", "postdrop", path + "/spool/maildrop", path + "/spool/public"])
        _ = try directory.makeDirectory("spool/pid")
        try Command.check(["chown", "root", path + "/spool", path + "/spool/pid"])
    }

    /// What Debian's postfix-instance-generator(8) copies at each start.
    private func fillChroot() throws {
        _ = try directory.makeDirectory("spool/etc")
        for name in ["hosts", "nsswitch.conf", "resolv.conf", "services"] {
            try Command.check(["cp", "-L", "/etc/" + name, directory.path + "/spool/etc/" + name])
        }
    }

    // MARK: Mail

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

    /// Submits one message with the sendmail command, as cron and the like do.
    package func submit(
        from sender: String = "root@client.lab", to recipients: [String], message: String = "Subject: test\n\nhello\n"
    ) throws {
        try Command.check(
            command("/usr/sbin/sendmail", "-C", configuration, "-i", "-f", sender, "--") + recipients, input: message)
    }

    // MARK: Log and queue

    /// All it has logged so far.
    package var log: String { readFile(logFile) }

    /// The log lines that contain `text`.
    package func log(containing text: String) -> [String] {
        log.split(separator: "\n").filter { $0.contains(text) }.map(String.init)
    }

    /// Waits for a log line that contains all these texts, and gives it.
    @discardableResult
    package func waitForLog(_ texts: String..., within timeout: Duration = .seconds(20)) async throws -> String {
        do {
            return try await Wait.value("log with \(texts)", within: timeout) {
                log.split(separator: "\n").first { line in texts.allSatisfy { line.contains($0) } }.map(String.init)
            }
        } catch let error as LabError {
            throw LabError("\(error)\n\(log)")
        }
    }

    /// A message in the queue, as `postqueue -j` prints it.
    package struct QueueEntry: Sendable, Decodable {
        package struct Recipient: Sendable, Decodable {
            package let address: String
            /// Why it was deferred last; nil if not tried yet.
            package let delayReason: String?

            private enum CodingKeys: String, CodingKey {
                case address
                case delayReason = "delay_reason"
            }
        }

        /// `incoming`, `active`, `deferred`, `hold` or `maildrop`.
        package let queue: String
        package let queueID: String
        package let sender: String
        package let recipients: [Recipient]

        private enum CodingKeys: String, CodingKey {
            case queue = "queue_name"
            case queueID = "queue_id"
            case sender, recipients
        }
    }

    /// The mail queue at this moment; mail that the milter holds back in maildrop included.
    package func queue() throws -> [QueueEntry] {
        let lines = try Command.check(command("postqueue", "-c", configuration, "-j")).split(separator: "\n")
        return try lines.map { try JSONDecoder().decode(QueueEntry.self, from: Data($0.utf8)) }
    }

    /// Tries all deferred mail now.
    package func flush() throws { try Command.check(command("postqueue", "-c", configuration, "-f")) }

    /// Waits until no mail is in the queue.
    package func waitForEmptyQueue(within timeout: Duration = .seconds(20)) async throws {
        try await Wait.until("empty queue", within: timeout) { try queue().isEmpty }
    }
}
