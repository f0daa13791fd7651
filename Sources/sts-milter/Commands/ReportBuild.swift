// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon

extension ReportCommand {
    struct Build: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the reports of a day as files, one a policy domain. Nothing is sent.",
            discussion: "Prints the path of each file. Exit code 1 if there is nothing to report.")

        @Option(help: ArgumentHelp("The UTC day, such as 2026-11-23. Default: yesterday.", valueName: "day"))
        var day: String?

        @Option(help: ArgumentHelp("The directory to write to.", valueName: "folder"), completion: .directory)
        var output = "."

        @Flag(help: "Write indented JSON, instead of what would be sent.")
        var plain = false

        @Flag(help: "Write the reports of all domains, not only of those whose DNS record asks for them.")
        var noLookup = false

        @OptionGroup var settings: SettingsOption

        func validate() throws { _ = try reportDay(day) }

        func run() throws {
            let day = try reportDay(day) ?? SystemClock().now.day.advanced(by: -1)
            let workspace = try settings.workspace("report", level: .warning)
            let (directory, plain, looksUp) = (output, plain, !noLookup)
            let isEmpty = try runAndWait {
                var isEmpty = true
                try await ReportCommands(workspace).write(day, to: directory, looksUp: looksUp, isPlain: plain) {
                    path in
                    isEmpty = false
                    print(path)
                }
                return isEmpty
            }
            guard isEmpty else { return }
            printError("nothing to report for \(day)")
            throw ExitCode(1)
        }
    }
}

/// Reads a day as all `report` commands take it.
func reportDay(_ text: String?) throws -> UTCDay? {
    guard let text else { return nil }
    guard let day = UTCDay(text) else {
        throw ValidationError("--day \(printable(text)): write a day such as 2026-11-23")
    }
    return day
}
