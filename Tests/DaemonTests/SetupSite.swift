// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

/// A machine on which `setup` runs: the settings file of a daemon that does not run yet, and what starts it.
struct SetupSite {
    let lab: Lab
    let folder: TemporaryDirectory
    var settings: String { folder.path + "/sts-milter.toml" }
    /// Where setup puts its own settings.
    var added: String { folder.path + "/conf.d" }

    init(_ more: String = "") async throws {
        lab = try await Lab.open()
        folder = try TemporaryDirectory("sts-lab-setup")
        try folder.write(
            "sts-milter.toml",
            lab.network.settings + """

                [store]
                path = "\(folder.path)/sts-milter.sqlite"
                [control]
                socket = "\(folder.path)/control.sock"

                """ + more)
    }

    /// What systemd does with the unit and its drop-ins: the directories, and the daemon anew.
    func restart(_ directories: String...) throws -> String {
        let made = directories.map { "install -d -g postfix -m 2750 \($0)" }.joined(separator: "\n")
        return """
            [ ! -f \(folder.path)/pid ] || { kill $(cat \(folder.path)/pid); timeout 10 tail --pid=$(cat \(folder.path)/pid) -f /dev/null || true; }
            \(made)
            setsid \(try DaemonProcess.program()) serve --config \(settings) >>\(folder.path)/daemon.log 2>&1 </dev/null &
            echo $! >\(folder.path)/pid
            """
    }

    func setup(_ mta: String, restart: String, _ arguments: [String]) throws -> Command.Result {
        try Command.run(
            [
                try DaemonProcess.program(), "setup", mta, "--config", settings, "--backups", folder.path + "/backups",
                "--restart", restart,
            ] + arguments, timeout: .seconds(100))
    }

    func stop() { _ = try? Command.run(["sh", "-c", "kill $(cat \(folder.path)/pid)"]) }

    static func contents(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }
}
