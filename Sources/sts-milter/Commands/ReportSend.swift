// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon

extension ReportCommand {
    struct Send: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the reports of finished days and send what is due, also beside a running daemon.",
            discussion:
                "Prints a line for each attempt, and to standard error what is left. What is deferred is tried again by the daemon, or by the next run of this command. Exit code 1 if a delivery has failed for good, 69 if nothing could be sent."
        )

        @Option(
            help: ArgumentHelp(
                "Only this UTC day, such as 2026-11-23. Default: all days that are not reported yet.", valueName: "date"
            ))
        var day: String?

        @Option(help: "Only the report for this domain.")
        var domain: String?

        @Flag(help: "Say what would be sent, and to whom; write and send nothing.")
        var dryRun = false

        @Flag(help: "Send again what was not accepted, also what may have been. Needs --day.")
        var again = false

        @Flag(help: "Keep to report.spread, as a timer does that runs every few minutes.")
        var scheduled = false

        @OptionGroup var settings: SettingsOption

        func validate() throws {
            guard try reportDay(day) != nil || !again else { throw ValidationError("--again needs --day") }
            _ = try domain.map(domainArgument)
        }

        func run() throws {
            var order = ReportCommands.Order()
            order.day = try reportDay(day)
            order.domain = try domain.map(domainArgument)
            order.again = again
            order.keepsSpread = scheduled
            let workspace = try settings.workspace("report", level: .warning)
            let (sent, isDryRun) = (order, dryRun)
            let isComplete: Bool
            do {
                isComplete = try runAndWait {
                    let commands = try ReportCommands(workspace)
                    guard !isDryRun else {
                        try await commands.preview(sent) { print($0) }
                        return true
                    }
                    return try await commands.send(sent) {
                        print($0)
                    } conclude: {
                        printError($0)
                    }
                }
            } catch {
                // Not 1: a timer takes that for a destination that refuses.
                printError("\(error)")
                throw ExitCode(Service.ExitCode.unavailable.rawValue)
            }
            if !isComplete { throw ExitCode(1) }
        }
    }

    struct Allow: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let reports go again to destinations that refused too often.")

        @Argument(help: "Destinations as report list --suppressed shows them.")
        var destinations: [String]

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let commands = try ReportCommands(try settings.workspace("report", level: .warning))
            var failed = false
            for text in destinations {
                guard try runAndWait({ try await commands.allow(text) }) else {
                    printError("\(printable(text)): not suppressed")
                    failed = true
                    continue
                }
                print("\(printable(text)): gets reports again")
            }
            if failed { throw ExitCode(1) }
        }
    }
}
