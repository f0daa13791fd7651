// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Daemon

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the running daemon fares.",
        discussion: """
            Exit code: 69 if no daemon answers, or its milter does not; 77 if only root or the daemon's user may ask. With \
            --check: 0 fine, 1 something to look at, 2 bad or no answer, 3 not permitted to ask.
            """)

    /// What monitoring takes for bad, and for not known.
    private static let (bad, unknown) = (Int32(2), Int32(3))

    @Flag(help: "Print JSON, with all entries of each list.")
    var json = false

    @Flag(help: "For monitoring: a summary first, and exit code 0 fine, 1 look, 2 bad.")
    var check = false

    @OptionGroup var settings: SettingsOption

    func run() throws {
        let workspace = settings.workspaceOfDaemon("status")
        let reply: ControlReply
        do {
            reply = try runAndWait { try await workspace.tellDaemon(ControlRequest(.status)) }
        } catch let error as ControlError {
            guard check else { throw error }
            let isPermitted = ExitCodes.of(error) != ExitCodes.noPermission
            print("sts-milter \(isPermitted ? "BAD" : "UNKNOWN"): \(error.description)")
            throw ExitCode(isPermitted ? Self.bad : Self.unknown)
        }
        let summary = reply.status?.check
        if json, let status = reply.status {
            print(try sts_milter.json(status))
        } else {
            if check, let summary { print(summary.line) }
            // To standard error where JSON is awaited.
            for line in reply.lines { if json { printError(line) } else { print(line) } }
        }
        if check, let summary {
            if summary.exitCode != 0 { throw ExitCode(summary.exitCode) }
        } else if !reply.succeeded {
            throw ExitCode(check ? Self.bad : Service.ExitCode.unavailable.rawValue)
        }
    }
}
