// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import FoundationEssentials
import Glibc
import MTACheck
import MTASetup
import Processes
import Settings

/// `setup`: makes an MTA and sts-milter work together, or shows what that takes.
struct Setup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make Postfix and sts-milter work together, or show what that takes.",
        discussion: """
            Without --apply nothing is changed. Mail is judged but not held back until --enforce is given.
            Exit code: 0 done or nothing to do, 1 it failed and says why, 2 the configuration could not be read, 77 not root.
            """,
        subcommands: [Postfix.self])

    struct Postfix: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Milter, policy map, deliveries and reports, for Postfix on this machine.")

        @Flag(help: "Change the files, restart sts-milter, reload Postfix, and check each step.")
        var apply = false

        @Flag(help: "Hold back mail that breaks a policy, instead of logging it.")
        var enforce = false

        @Flag(help: "Put all files back as they were before the first --apply.")
        var undo = false

        @Flag(help: "With --undo: also files that were changed since.")
        var force = false

        @Flag(help: "Print the plan as JSON.")
        var json = false

        @Option(help: "Postfix's configuration directory. Default: the one that postconf takes.")
        var configDir: String?

        @Option(help: "The postconf program, where there are several Postfixes.")
        var postconf: String?

        @Option(help: "Where Postfix takes mail, ADDRESS:PORT, for a test session that sends nothing.")
        var smtp = "127.0.0.1:25"

        @Option(help: "How sts-milter is restarted, by sh(1). Default: systemctl restart sts-milter.")
        var restart: String?

        @Option(help: "How Postfix is reloaded, by sh(1). Default: postfix reload.")
        var reload: String?

        @Option(help: "Where the files are kept that --undo puts back.")
        var backups = SetupBackup.usualDirectory

        @OptionGroup var settings: SettingsOption

        func validate() throws {
            guard !(apply && undo) else { throw ValidationError("--apply and --undo exclude each other") }
            guard !force || undo else { throw ValidationError("--force belongs to --undo") }
            guard !settings.ignoresFile else { throw ValidationError("setup writes a settings file: name it") }
        }

        func run() throws {
            let backup = SetupBackup(directory: backups)
            let facts = try read()
            if undo { return try putBack(backup, facts) }
            let plan: SetupPlan
            do { plan = try PostfixSetup.plan(for: facts, try options()) } catch {
                printError("\(error)")
                throw ExitCode(1)
            }
            print(json ? try sts_milter.json(plan) + "\n" : plan.text, terminator: "")
            guard apply else {
                if !plan.isEmpty, !json { print("Nothing was changed: --apply does it, --undo puts it back.") }
                return
            }
            guard !plan.isEmpty else { return }
            try needRoot()
            let (address, port) = try server()
            let run = SetupRun(
                plan, try commands(facts), backup: backup, server: (address, port), connections: connections,
                check: { [self] in
                    MTAReport(try read(), expecting: ExpectedConfiguration(try settings.read())).findings
                },
                say: { print($0) })
            do { try blocking { try await run.apply() } } catch {
                printError("\(error)")
                throw ExitCode(1)
            }
            print(
                enforce
                    ? "Done: mail to domains with an enforce policy goes out as the policy says, or waits."
                    : "Done, as a dry run: see what would be held back in the log, then: sts-milter setup postfix --apply --enforce"
            )
        }

        private func putBack(_ backup: SetupBackup, _ facts: PostfixFacts) throws {
            try needRoot()
            do {
                let commands = try commands(facts)
                let files = try blocking { try await SetupRun.undo(backup, force: force, commands) }
                for file in files { print("put back: \(file)") }
            } catch {
                printError("\(error)")
                throw ExitCode(1)
            }
        }

        private func read() throws -> PostfixFacts {
            do {
                return try blocking { [configDir, postconf] () async throws(MTAUnreadable) in
                    try await MTAReader.postfix(directory: configDir, postconf: postconf)
                }
            } catch {
                printError(error.description)
                throw ExitCode(2)
            }
        }

        private func options() throws -> SetupOptions {
            let manager = FileManager.default
            let text = manager.contents(atPath: settings.path).map { String(decoding: $0, as: UTF8.self) }
            let log = ["/var/log/mail.log", "/var/log/maillog"].first(where: manager.fileExists)
            return SetupOptions(
                enforces: enforce, settingsFile: settings.path, settingsText: text ?? "",
                machine: SetupMachine(mailLog: log, hasSystemd: hasSystemd))
        }

        private var hasSystemd: Bool { restart == nil && FileManager.default.fileExists(atPath: "/run/systemd/system") }

        private func commands(_ facts: PostfixFacts) throws -> SetupRun.Commands {
            func shell(_ text: String) -> Program { Program("/bin/sh", ["-c", text]) }
            let programs = facts["command_directory"].isEmpty ? "/usr/sbin" : facts["command_directory"]
            let place = ["-c", facts.directory]
            guard restart != nil || hasSystemd else {
                throw SetupError("there is no systemd here: say by --restart how sts-milter is restarted")
            }
            var commands = SetupRun.Commands(
                postconf: Program(postconf ?? "\(programs)/postconf", place),
                postmap: Program("\(programs)/postmap", place),
                reload: reload.map(shell) ?? Program("\(programs)/postfix", place + ["reload"]),
                restart: restart.map(shell) ?? Program("/usr/bin/systemctl", ["restart", "sts-milter"]))
            if hasSystemd {
                commands.before = [
                    Program("/usr/sbin/sysctl", ["--quiet", "--system"]),
                    Program("/usr/bin/systemctl", ["daemon-reload"]),
                ]
            }
            return commands
        }

        private func server() throws -> (IPAddress, UInt16) {
            guard let colon = smtp.lastIndex(of: ":"), let address = IPAddress(String(smtp[..<colon])),
                let port = UInt16(smtp[smtp.index(after: colon)...])
            else { throw ValidationError("--smtp is ADDRESS:PORT, such as 127.0.0.1:25") }
            return (address, port)
        }

        /// How many connections the milter has, as the daemon itself says.
        private var connections: SetupRun.Connections {
            { [settings] in
                guard let workspace = try? settings.workspace("setup") else { return nil }
                return await workspace.milterConnections()
            }
        }

        private func needRoot() throws {
            guard geteuid() == 0 else {
                printError("only root can change the MTA's configuration")
                throw ExitCode(77)
            }
        }
    }
}
