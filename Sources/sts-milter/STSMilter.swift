// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Daemon
import Foundation

@main
struct STSMilter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sts-milter",
        abstract: "MTA-STS (RFC 8461) and TLSRPT (RFC 8460) for the sending side of Postfix and Sendmail.",
        version: "sts-milter \(Settings.version)",
        subcommands: [Serve.self, Status.self, Check.self, PolicyCommand.self, Config.self, Report.self])
}

/// The settings file, the same flag in every command.
struct SettingsOption: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The settings file.")
    var path = Self.usualPath

    static let usualPath = "/etc/sts-milter/sts-milter.toml"

    @Flag(name: .customLong("no-config"), help: "Take the defaults, read no file.")
    var ignoresFile = false

    /// The settings, or the end of the command with what is wrong with them.
    func read() throws -> Settings {
        do {
            return ignoresFile ? try Settings(SettingsFile(text: "", name: "defaults")) : try Settings(path: path)
        } catch {
            printError(error.description)
            throw ExitCode(Service.ExitCode.configuration.rawValue)
        }
    }
}

extension SettingsOption {
    /// As ``read()``, and the defaults where the usual file does not exist: for commands that only look.
    func readOrDefaults() throws -> Settings {
        guard ignoresFile || path != Self.usualPath || FileManager.default.fileExists(atPath: path) else {
            return try Settings(SettingsFile(text: "", name: "defaults"))
        }
        return try read()
    }
}
