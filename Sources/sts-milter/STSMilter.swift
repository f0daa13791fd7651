// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Daemon
import Logging
import Settings
import TLS

@main
struct STSMilter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sts-milter",
        abstract: "MTA-STS (RFC 8461) and TLSRPT (RFC 8460) for the sending side of Postfix and Sendmail.",
        version: "sts-milter \(Settings.version)",
        subcommands: [
            Serve.self, Status.self, PauseCommand.self, ResumeCommand.self, Explain.self, Check.self, CheckMTA.self,
            Setup.self, PolicyCommand.self, Config.self, Intake.self, ImpactCommand.self, Publish.self,
            ReportCommand.self, FleetCommand.self,
        ])

    static func main() {
        OpenSSLAtExit.keepAll()
        checkOutputAtExit()
        do {
            var command = try parseAsRoot()
            if let wrong = WrongCommand.find(in: Array(CommandLine.arguments.dropFirst()), of: Self.self),
                wrong.isForHelp
            {
                wrong.end()
            }
            try command.run()
        } catch {
            // What the parser does not know, it would call "Error:", as no other line of ours begins.
            guard exitCode(for: error) == .failure, !(error is ExitCode) else {
                if exitCode(for: error) == .validationFailure {
                    WrongCommand.find(in: Array(CommandLine.arguments.dropFirst()), of: Self.self)?.end()
                }
                exit(withError: error)
            }
            printError("\(error)")
            exit(withError: ExitCode(ExitCodes.of(error)))
        }
    }
}

/// The settings file, the same flag in every command.
struct SettingsOption: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")], help: ArgumentHelp("The settings file.", valueName: "file"),
        completion: .file())
    var path = Self.usualPath

    static let usualPath = "/etc/sts-milter/sts-milter.toml"

    @Flag(name: .customLong("no-config"), help: "Take the defaults, read no file.")
    var ignoresFile = false

    /// The usual file may be missing, since every key is optional; one that was named may not.
    var source: SettingsSource {
        SettingsSource(path: ignoresFile ? nil : path, mayBeMissing: path == Self.usualPath)
    }

    /// The settings, or the end of the command with what is wrong with them.
    func read() throws -> Settings {
        do { return try source.read() } catch {
            printError(error.description)
            throw ExitCode(Service.ExitCode.configuration.rawValue)
        }
    }

    /// What the settings name, for a command that needs the daemon alone: which runs, whatever is wrong with the files by
    /// now.
    func workspaceOfDaemon(_ label: String) -> Workspace {
        do { return Workspace(try source.read(), label: label) } catch {
            let settings = source.readControlSocket()
            let more = error.problems.count > 1 ? " and \(error.problems.count - 1) more" : ""
            printError(
                "the settings cannot be used, so control.socket alone is taken of them (\(settings.controlSocket ?? "none")): \(error.problems[0])\(more)"
            )
            return Workspace(settings, label: label)
        }
    }

    /// What the settings name, for a command whose log lines begin with this label.
    func workspace(_ label: String, level: Logger.Level = .info) throws -> Workspace {
        Workspace(try read(), label: label, level: level)
    }
}
