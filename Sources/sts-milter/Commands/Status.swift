// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Daemon

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the running daemon fares. Exit code 69 if none answers, or its milter does not.")

    @OptionGroup var settings: SettingsOption

    func run() throws {
        let settings = try settings.read()
        let reply = try blocking { try await PolicyOffice(settings).carryOut(.status, []) }
        for line in reply.lines { print(line) }
        if !reply.succeeded { throw ExitCode(Service.ExitCode.unavailable.rawValue) }
    }
}
