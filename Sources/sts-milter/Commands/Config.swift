// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Daemon
import Settings

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the settings file, or print an example.", subcommands: [CheckFile.self, Example.self])

    struct CheckFile: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Say what is wrong with the settings file: file, line, key and cure.",
            discussion: "Exit code 78 if anything is, or if something that it names keeps the daemon from starting."
        )
        @OptionGroup var settings: SettingsOption

        func run() throws {
            let read = try settings.read()
            for warning in read.warnings { printError("warning: \(warning)") }
            for obstacle in read.obstacles { printError("\(obstacle)") }
            guard read.obstacles.isEmpty else { throw ExitCode(Service.ExitCode.configuration.rawValue) }
            print("\(settings.source): no errors")
        }
    }

    struct Example: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print every setting with its meaning and default.")

        func run() { print(exampleSettings(), terminator: "") }
    }
}
