// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Daemon

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the running daemon fares. Exit code 69 if none answers, or its milter does not.")

    @OptionGroup var settings: SettingsOption

    func run() throws {
        let workspace = try settings.workspace("status")
        let answer = try blocking { try await workspace.askDaemon(.status) }
        let reply = answer ?? ControlReply(succeeded: false, lines: ["no sts-milter is running"])
        for line in reply.lines { print(line) }
        if !reply.succeeded { throw ExitCode(Service.ExitCode.unavailable.rawValue) }
    }
}
