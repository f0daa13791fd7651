// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import Glibc
import ReportView
import TLSRPT

extension ReportCommand {
    struct Receive: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Store reports that others send about domains of yours.",
            discussion: """
                Takes a mail on standard input, as an alias or a Sieve rule gives it, or files as report show reads them. \
                A report that is stored already is not stored again. Exit code: 0 all were taken, 1 something was not, \
                75 the store could not be written: try again.
                """)

        /// An MTA keeps the mail and tries again. - sysexits.h: EX_TEMPFAIL.
        private static let tryAgain: Int32 = 75

        @Argument(help: "Files with reports; - or none for standard input.")
        var files: [String] = []

        @Flag(help: "Say nothing of what went well.")
        var quiet = false

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let commands: ReceivedCommands
            do { commands = try ReceivedCommands(try settings.workspace("report", level: .warning)) } catch {
                printError("\(error)")
                throw error is ExitCode ? error : ExitCode(Self.tryAgain)
            }
            var isComplete = true
            for path in files.isEmpty ? ["-"] : files {
                let file = ReportFile(path)
                var failure: (any Error)?
                do throws(ReportFile.Unreadable) {
                    let notes = try file.read { report in
                        guard failure == nil else { return }
                        do {
                            isComplete = try take(report, of: file.name, by: commands) && isComplete
                        } catch { failure = error }
                    }
                    for problem in notes.problems { printError("\(file.name): \(problem)") }
                    isComplete = isComplete && notes.problems.isEmpty
                } catch {
                    printError("\(file.name): \(error)")
                    isComplete = false
                }
                if let failure {
                    printError("\(file.name): \(failure)")
                    throw ExitCode(Self.tryAgain)
                }
            }
            if !isComplete { throw ExitCode(1) }
        }

        private func take(_ report: Report, of file: String, by commands: ReceivedCommands) throws -> Bool {
            let reception = try runAndWait { try await commands.receive(report) }
            let isTaken = reception == .stored || reception == .known
            let id = printable(report.reportID, limit: 100)
            let reporter = printable(report.organizationName ?? "nobody named", limit: 100)
            let line = "\(file): report \(id) of \(reporter): \(reception.inWords)"
            if !isTaken { printError(line) } else if !quiet { print(line) }
            return isTaken
        }
    }

    struct Received: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what others reported of domains of yours, failures first.")

        @Option(help: ArgumentHelp("How many days, today included.", valueName: "n"))
        var days = 14

        @Option(help: "Only this domain.")
        var domain: String?

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var settings: SettingsOption

        func validate() throws {
            guard (1...Impact.maxDays).contains(days) else {
                throw ValidationError("--days \(days): give a number from 1 to \(Impact.maxDays)")
            }
        }

        func run() throws {
            let domain = try domain.map(domainArgument)
            let commands = try ReceivedCommands(try settings.workspace("report", level: .warning))
            let days = days
            let trends = try runAndWait { try await commands.trends(days: days, of: domain) }
            print(json ? try sts_milter.json(trends) + "\n" : ReceivedText().render(trends), terminator: "")
        }
    }
}
