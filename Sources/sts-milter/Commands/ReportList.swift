// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import Reporting

extension ReportCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what became of the reports: a line for each delivery, and for each domain without report.")

        @Option(help: ArgumentHelp("Only this UTC day, such as 2026-11-23.", valueName: "date"))
        var day: String?

        @Option(help: "Only this domain.")
        var domain: String?

        @Flag(help: "Only what failed: refused, expired, uncertain, and records that cannot be used.")
        var failed = false

        @Flag(help: "The destinations that get no reports for a time, since they refused too often.")
        var suppressed = false

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var settings: SettingsOption

        func validate() throws { _ = try reportDay(day) }

        func run() throws {
            let day = try reportDay(day)
            let domain = try domain.map { try DomainName($0) }
            let commands = try ReportCommands(try settings.workspace("report", level: .warning))
            if suppressed {
                let list = try runAndWait { try await commands.suppressions() }
                guard !json else { return print(try sts_milter.json(list.map(SuppressionEntry.init))) }
                for line in list {
                    print("\(printable(line.destination, limit: 300)) until \(line.until) (\(line.text))")
                }
                if list.isEmpty { printError("no destination is suppressed") }
                return
            }
            let failuresOnly = failed
            let lines = try runAndWait { try await commands.lines(of: day, for: domain, failuresOnly: failuresOnly) }
            guard !json else { return print(try sts_milter.json(lines.map(Entry.init))) }
            for line in lines { print("\(line)") }
            if lines.isEmpty { printError("no such reports") }
        }
    }

    private struct Entry: Encodable {
        let day, domain, state: String
        let destination: String?
        let attempts: Int
        let nextTry: String?
        let text: String

        init(_ line: ReportLine) {
            day = "\(line.day)"
            domain = line.domain
            state = line.state
            destination = line.destination
            attempts = line.attempts
            nextTry = line.nextTry.map { "\($0)" }
            text = line.text
        }
    }

    private struct SuppressionEntry: Encodable {
        let destination, until, text: String

        init(_ suppression: Suppression) {
            destination = suppression.destination
            until = "\(suppression.until)"
            text = suppression.text
        }
    }
}
