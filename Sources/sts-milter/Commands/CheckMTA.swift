// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Daemon
import MTACheck
import MTASetup

struct CheckMTA: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-mta",
        abstract: "Say what is missing in the configuration of Postfix or Sendmail, and what to add.",
        discussion: "Exit code: 0 nothing is missing, 1 there are problems, 2 the configuration could not be read.",
        subcommands: [Postfix.self, Sendmail.self])

    struct Postfix: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check Postfix, as postconf(1) shows it.")

        @Option(
            help: ArgumentHelp(
                "Postfix's configuration directory. Default: the one that postconf takes.", valueName: "folder"),
            completion: .directory)
        var configDir: String?

        @Option(
            help: ArgumentHelp("The postconf program, where there are several Postfixes.", valueName: "program"),
            completion: .file())
        var postconf: String?

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let expected = ExpectedConfiguration(try settings.read())
            let facts = try CheckMTA.reading { [configDir, postconf] () throws(MTAUnreadable) in
                try runAndWait { () async throws(MTAUnreadable) in
                    try await MTAReader.postfix(directory: configDir, postconf: postconf)
                }
            }
            try CheckMTA.conclude(MTAReport(facts, expecting: expected), json: json)
        }
    }

    struct Sendmail: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check Sendmail by its sendmail.cf.")

        @Option(help: ArgumentHelp("The file that Sendmail reads.", valueName: "file"), completion: .file())
        var cf = "/etc/mail/sendmail.cf"

        @Option(
            help: ArgumentHelp(
                "The sendmail program, to ask what it is built with. Default: the system's, if that is Sendmail's.",
                valueName: "program"), completion: .file())
        var sendmail: String?

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let expected = ExpectedConfiguration(try settings.read())
            let facts = try CheckMTA.reading { [cf, sendmail] () throws(MTAUnreadable) in
                try runAndWait { () async throws(MTAUnreadable) in
                    try await MTAReader.sendmail(file: cf, program: sendmail)
                }
            }
            try CheckMTA.conclude(MTAReport(facts, expecting: expected), json: json)
        }
    }

    private static func reading<Facts>(_ read: () throws(MTAUnreadable) -> Facts) throws -> Facts {
        do throws(MTAUnreadable) { return try read() } catch {
            printError(error.description)
            throw ExitCode(2)
        }
    }

    private static func conclude(_ report: MTAReport, json: Bool) throws {
        print(json ? try sts_milter.json(report) + "\n" : report.text, terminator: "")
        if report.hasProblems { throw ExitCode(1) }
    }
}
