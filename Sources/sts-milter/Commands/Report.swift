// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Daemon
import Names

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the TLSRPT reports of a day as JSON files, one a policy domain.")

    @Option(help: "The UTC day, such as 2026-11-23.")
    var day: String

    @Option(help: "The directory to write to.")
    var output = "."

    @OptionGroup var settings: SettingsOption

    func run() throws {
        guard let utcDay = UTCDay(day) else {
            throw ValidationError("--day \(printable(day)): write a day such as 2026-11-23")
        }
        let settings = try settings.read()
        let directory = output
        let files = try blocking { try await ReportWriter(settings).write(utcDay, to: directory) }
        for file in files { print(file) }
        if files.isEmpty { printError("nothing was counted on \(utcDay)") }
    }
}
