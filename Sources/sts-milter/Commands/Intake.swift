// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Core
import Daemon

struct Intake: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read what an MTA says of its deliveries, once, and show what is made of it.")

    @Option(
        help: ArgumentHelp(
            "What is read: postfix-log, sendmail-log, or tlsrpt (datagrams, one per line).", valueName: "log"))
    var from: ObservedSession.Source

    @Argument(help: "Files; - is standard input.")
    var files: [String]

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(
        help:
            "Add the sessions to the ledger, as the daemon would. It looks policies and MX records up; the daemon itself does so for what it follows."
    )
    var record = false

    @Flag(help: "With --record: also what was recorded before.")
    var again = false

    @OptionGroup var settings: SettingsOption

    func validate() throws {
        if files.isEmpty { throw ValidationError("name a file, or - for standard input") }
        if again, !record { throw ValidationError("--again goes with --record") }
    }

    func run() throws {
        var isWhole = true
        var readings: [IntakeReading] = []
        // Whoever may read a log need not be able to read the daemon's settings.
        let own =
            settings.path == SettingsOption.usualPath ? try? settings.source.read() : try settings.read()
        for file in files {
            var reading = IntakeReading(from, path: file, settings: own, keepsSessions: record)
            do {
                try reading.read { print(json ? $0.json : $0.line) }
            } catch {
                printError("\(error)")
                isWhole = false
            }
            for remark in reading.remarks { printError("\(file): \(remark)") }
            if record { readings.append(reading) }
        }
        if record { isWhole = try record(readings) && isWhole }
        if !isWhole { throw ExitCode.failure }
    }

    private func record(_ readings: [IntakeReading]) throws -> Bool {
        let workspace = try settings.workspace("intake")
        let again = again
        var isWhole = true
        for reading in readings {
            do {
                let recorded = try runAndWait { try await reading.record(in: workspace, again: again) }
                for line in recorded { printError(line) }
            } catch {
                printError("\(error)")
                isWhole = false
            }
        }
        return isWhole
    }
}

extension ObservedSession.Source: ExpressibleByArgument {}
