// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Core
import Daemon
import Settings

struct ImpactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "impact",
        abstract: "Say which mail enforcement would hold back, to whom and why.",
        discussion: """
            From what the daemon has counted, or with --mail-log from a log of the MTA, also before the daemon is installed. \
            Exit code: 0 nothing would be held back, 1 something would, 2 of some domains it could not be told.
            """)

    /// As many as a person waits for; the others are said to be left out.
    private static let usualDomains = 10_000

    @Option(help: ArgumentHelp("How many days of the counts, today included.", valueName: "n"))
    var days = 14

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Logs of the MTA in place of the counts, gzip too; - is standard input.", valueName: "file"),
        completion: .file())
    var mailLog: [String] = []

    @Option(help: ArgumentHelp("With --mail-log: whose log it is, postfix-log or sendmail-log.", valueName: "log"))
    var from = ObservedSession.Source.postfixLog

    @Option(
        help: ArgumentHelp(
            "With --mail-log: look at no more domains than these, those of most deliveries first.", valueName: "n"))
    var domains = Self.usualDomains

    @Flag(help: "Also show domains without a policy, whose mail passes.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var settings: SettingsOption

    func validate() throws {
        guard (1...Impact.maxDays).contains(days) else {
            throw ValidationError("--days \(days): give a number from 1 to \(Impact.maxDays)")
        }
        guard domains > 0 else { throw ValidationError("--domains \(domains): give a number above 0") }
        if from == .datagram {
            throw ValidationError("--from tlsrpt: datagrams are no log, give postfix-log or sendmail-log")
        }
    }

    func run() throws {
        let impact: Impact = mailLog.isEmpty ? try ofLedger() : try ofLogs()
        print(json ? try sts_milter.json(impact) + "\n" : ImpactText(all: all).render(impact), terminator: "")
        if impact.exitCode != 0 { throw ExitCode(impact.exitCode) }
    }

    private func ofLedger() throws -> Impact {
        let (workspace, days) = (try settings.workspace("impact", level: .warning), days)
        return try runAndWait { try await Impact.ofLedger(in: workspace, days: days) }
    }

    private func ofLogs() throws -> Impact {
        let progress = Progress()
        defer { progress.end() }
        let workspace = Workspace(try readableSettings(), label: "impact", level: .warning)
        var logged = LoggedDeliveries()
        for path in mailLog {
            try logged.read(path, as: from, reading: workspace.settings.logReading) {
                progress.show("\($0) sessions read")
            }
        }
        let survey = try runAndWait { try await ImpactSurvey(workspace) }
        defer { survey.shutdown() }
        let (deliveries, bound) = (logged, domains)
        return runAndWait {
            await survey.impact(of: deliveries, maxDomains: bound) { progress.show($0, of: $1, "domains") }
        }
    }

    /// Whoever may read a log need not be able to read the daemon's settings.
    private func readableSettings() throws -> Settings {
        guard settings.path == SettingsOption.usualPath else { return try settings.read() }
        do { return try settings.source.read() } catch {
            printError("the settings are not used: \(error.description)")
            return try SettingsSource(path: nil).read()
        }
    }
}
