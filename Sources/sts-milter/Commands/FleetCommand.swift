// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import Fleet

struct FleetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "Several machines as one sender, by a PostgreSQL database (fleet.postgres).",
        subcommands: [Status.self, Remove.self, Migrate.self])

    /// - Throws: the end of the command where the settings name no database.
    private static func commands(_ settings: SettingsOption) throws -> FleetCommands {
        let read = try settings.read()
        do { return try FleetCommands(read) } catch {
            printError("\(error)")
            throw ExitCode(Service.ExitCode.configuration.rawValue)
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the machines, what waits, and who makes the reports of which day.",
            discussion: """
                Exit code: 0 all machines were heard of within 5 minutes, their clocks and settings are the same and no day is \
                late, 1 otherwise, 69 the database cannot be asked, 78 there is no fleet.
                """)

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let commands = try FleetCommand.commands(settings)
            let survey: FleetSurvey
            do { survey = try runAndWait { try await commands.survey() } } catch {
                printError("\(error)")
                throw ExitCode(Service.ExitCode.unavailable.rawValue)
            }
            if json { print(try sts_milter.json(survey)) } else { for line in survey.lines { print(line) } }
            if !survey.isWell { throw ExitCode(1) }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a machine that is gone for good, so that no day waits for it.",
            discussion: """
                What it has sent stays in the reports. A machine that was heard of within 5 minutes is not removed; one that \
                comes back takes part again.
                """)

        @Argument(help: "Its host name as fleet status shows it, or the identity of its store.")
        var machine: String

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let commands = try FleetCommand.commands(settings)
            let machine = machine
            guard try runAndWait({ try await commands.remove(machine) }) > 0 else {
                printError("no machine '\(printable(machine))' that was silent for 5 minutes")
                throw ExitCode(1)
            }
        }
    }

    struct Migrate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the tables in the fleet's database, or bring them up to date.",
            discussion: """
                Needs the right to make a schema, which daemons do not need. Daemons of the version before go on with the \
                new tables, unless the release notes say otherwise.
                """)

        @Option(
            help: ArgumentHelp(
                "A connection string of the database's owner. Default: fleet.postgres.", valueName: "connection"))
        var owner: String?

        @Option(help: "The role of the daemons, which gets the rights that they need.")
        var role: String?

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let commands = try FleetCommand.commands(settings)
            let (owner, role) = (try owner.map(FleetServer.init), role)
            let (from, to) = try runAndWait { try await commands.migrate(as: owner, role: role) }
            print(from == to ? "the tables are of version \(to) already" : "the tables are of version \(to) now")
        }
    }
}
