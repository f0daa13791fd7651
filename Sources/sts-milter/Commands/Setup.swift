// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import FoundationEssentials
import Glibc
import MTACheck
import MTASetup
import Settings

/// `setup`: makes an MTA and sts-milter work together, or shows what that takes.
struct Setup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make Postfix or Sendmail and sts-milter work together, or show what that takes.",
        discussion: """
            Without --apply nothing is changed. Mail is judged but not held back until --enforce is given.
            Exit code: 0 done or nothing to do, 1 it failed and says why, 2 the configuration could not be read, 77 not root.
            """,
        subcommands: [SetupPostfix.self, SetupSendmail.self])
}

/// What is the same for every MTA.
struct SetupArguments: ParsableArguments {
    @Flag(help: "Change the files, restart both programs, and check each step.")
    var apply = false

    @Flag(help: "Hold back mail that breaks a policy, instead of logging it.")
    var enforce = false

    @Flag(help: "Put all files back as they were before the first --apply.")
    var undo = false

    @Flag(help: "With --undo: also files that were changed since.")
    var force = false

    @Flag(help: "Print the plan as JSON.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Where the MTA takes mail, ADDRESS:PORT, for a test session that sends nothing.", valueName: "address:port")
    )
    var smtp = "127.0.0.1:25"

    @Option(
        help: ArgumentHelp(
            "How sts-milter is restarted, by sh(1). Default: systemctl restart sts-milter.", valueName: "command"))
    var restart: String?

    @Option(
        help: ArgumentHelp(
            "How the MTA is made to read its configuration, by sh(1). Default: as its package does.",
            valueName: "command"))
    var reload: String?

    @Option(
        help: ArgumentHelp("Where the files are kept that --undo puts back.", valueName: "folder"),
        completion: .directory)
    var backups = SetupBackup.usualDirectory

    @OptionGroup var settings: SettingsOption

    func validate() throws {
        guard !(apply && undo) else { throw ValidationError("--apply and --undo exclude each other") }
        guard !force || undo else { throw ValidationError("--force belongs to --undo") }
        _ = try server()
        guard !settings.ignoresFile else { throw ValidationError("setup writes a settings file: name it") }
    }

    var hasSystemd: Bool { restart == nil && FileManager.default.fileExists(atPath: "/run/systemd/system") }

    func options() throws -> SetupOptions {
        let manager = FileManager.default
        let log = ["/var/log/mail.log", "/var/log/maillog"].first(where: manager.fileExists)
        return SetupOptions(
            enforces: enforce, settingsFile: settings.path,
            settings: try SettingsFile.texts(path: settings.path, mayBeMissing: true),
            machine: SetupMachine(mailLog: log, hasSystemd: hasSystemd) { path in
                FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
            })
    }

    func daemon() throws -> DaemonControl {
        guard restart != nil || hasSystemd else {
            throw SetupError("there is no systemd here: say by --restart how sts-milter is restarted")
        }
        return DaemonControl(restart)
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

    /// Shows, applies or undoes, for one MTA.
    /// - Parameters:
    ///   - mta: as the command calls it.
    ///   - read: what `check-mta` reads; throws the end of the command.
    ///   - plan: what is to be done by that.
    ///   - report: what `check-mta` finds in it.
    func run<Facts: Sendable>(
        _ mta: String, read: @escaping @Sendable () async throws(MTAUnreadable) -> Facts,
        plan: (Facts, SetupOptions) throws -> SetupPlan,
        control: (_ facts: Facts, _ undoing: SetupBackup?) throws -> any MTAControl,
        report: @escaping @Sendable (Facts, ExpectedConfiguration) -> MTAReport
    ) throws {
        let backup = SetupBackup(of: mta, directory: backups)
        let facts: Facts
        do throws(MTAUnreadable) { facts = try runAndWait(read) } catch {
            printError(error.description)
            throw ExitCode(2)
        }
        if undo { return try telling { try putBack(backup, try control(facts, backup)) } }
        let made = try telling { try plan(facts, try options()) }
        // Before a plan that reads as if it were carried out.
        if apply, !made.isEmpty { try needRoot() }
        print(json ? try sts_milter.json(made) + "\n" : made.text, terminator: "")
        if enforce, made.settings.contains(where: { $0.name == "on_violation" }) { warnWithoutCounts() }
        guard apply, !made.isEmpty else {
            if !made.isEmpty, !json { print("Nothing was changed: --apply does it, --undo puts it back.") }
            return
        }
        let place = try server()
        try telling {
            let run = SetupRun(
                made, try daemon(), try control(facts, nil), backup: backup, server: place, connections: connections,
                check: { [settings] in report(try await read(), ExpectedConfiguration(try settings.read())).findings },
                say: { print($0) })
            try runAndWait { try await run.apply() }
        }
        print(conclusion(mta, made))
    }

    /// Whoever ends a dry run should have seen one.
    private func warnWithoutCounts() {
        guard let workspace = try? settings.workspace("setup", level: .error) else { return }
        let days = Self.daysBefore
        let impact = try? runAndWait { try await Impact.ofLedger(in: workspace, days: days) }
        guard (impact?.deliveries ?? 0) == 0 else { return }
        printError(
            "warning: no session was counted in the last \(days) days, so nothing can be told of the mail that --enforce will hold: sts-milter impact"
        )
    }

    /// How many days of a dry run are looked at.
    private static let daysBefore = 14

    private func conclusion(_ mta: String, _ plan: SetupPlan) -> String {
        if enforce { return "Done: mail to domains with an enforce policy goes out as the policy says, or waits." }
        let lost =
            plan.replaces.isEmpty
            ? "" : " Until then nothing is enforced: \(plan.replaces.joined(separator: ", ")) is asked no longer."
        return
            "Done, as a dry run: see what would be held back in the log, then: sts-milter setup \(mta) --apply --enforce\(lost)"
    }

    private func putBack(_ backup: SetupBackup, _ control: any MTAControl) throws {
        try needRoot()
        let daemon = try daemon()
        for file in try runAndWait({ try await SetupRun.undo(backup, force: force, daemon, control) }) {
            print("put back: \(file)")
        }
    }

    /// What fails is said, and ends the command with 1.
    private func telling<Value>(_ work: () throws -> Value) throws -> Value {
        do { return try work() } catch let error where error is ExitCode || error is ValidationError {
            throw error
        } catch {
            printError("\(error)")
            throw ExitCode(1)
        }
    }

    private func needRoot() throws {
        guard geteuid() == 0 else {
            printError("only root can change the MTA's configuration")
            throw ExitCode(77)
        }
    }
}
