// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Daemon

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the milter until SIGTERM; SIGUSR1 and SIGHUP reload the settings.")

    @OptionGroup var settings: SettingsOption

    func run() throws {
        let code = Service.run(settings.source)
        if code != .success { throw ExitCode(code.rawValue) }
    }
}
