// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Daemon

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the running daemon fares. Exit code 69 if none answers, or its milter does not.")

    @Flag(help: "Print JSON, with all entries of each list.")
    var json = false

    @OptionGroup var settings: SettingsOption

    func run() throws {
        let workspace = settings.workspaceOfDaemon("status")
        let reply: ControlReply
        do {
            reply = try runAndWait { try await workspace.tellDaemon(ControlRequest(.status)) }
        } catch let error as ControlError {
            printError(error.description)
            throw ExitCode(Service.ExitCode.unavailable.rawValue)
        }
        if json, let status = reply.status {
            print(try sts_milter.json(status))
        } else {
            // To standard error where JSON is awaited.
            for line in reply.lines { if json { printError(line) } else { print(line) } }
        }
        if !reply.succeeded { throw ExitCode(Service.ExitCode.unavailable.rawValue) }
    }
}
