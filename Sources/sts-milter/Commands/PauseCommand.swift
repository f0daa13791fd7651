// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Core
import Daemon
import Settings

/// Lets all mail go for a time.
struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Let all mail go for a time, unprotected: milter and policy map hold nothing.",
        discussion: "It outlasts a restart and ends by itself. Exit code 69 if no daemon answers.")

    @Option(name: .customLong("for"), help: ArgumentHelp("How long, such as 30m or 2h; at most 7d.", valueName: "time"))
    var length = Pause.usualLength.written

    @OptionGroup var settings: SettingsOption

    func validate() throws { _ = try duration }

    func run() throws {
        try PauseCommand.tell(
            ControlRequest(.pause, seconds: duration.components.seconds), settings.workspaceOfDaemon("pause"))
    }

    private var duration: Duration {
        get throws {
            guard let duration = Duration(written: length), duration > .zero, duration <= Pause.maxLength else {
                throw ValidationError("--for is how long, such as 30m or 2h, and at most 7d")
            }
            return duration
        }
    }

    /// Has the running daemon do it: nobody else can let mail go, or hold it.
    fileprivate static func tell(_ request: ControlRequest, _ workspace: Workspace) throws {
        let reply = try runAndWait { try await workspace.tellDaemon(request) }
        for line in reply.lines { print(line) }
        if !reply.succeeded { throw ExitCode(1) }
    }
}

/// Ends a pause.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "End a pause: mail is held to policies again.",
        discussion: "Exit code 69 if no daemon answers.")

    @OptionGroup var settings: SettingsOption

    func run() throws { try PauseCommand.tell(ControlRequest(.resume), settings.workspaceOfDaemon("resume")) }
}
