// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

// Puts the real daemon, warm, beside a milter that does nothing: bench-gate [OPTIONS OF milter-bench]
//
// Runs in a network of its own (Tests/lab/netns). Half of the domains have an enforce policy that their route keeps,
// half have none, as the daemon's memory would hold them after the first mail to each.
let domainCount = 20
let network = try TestNetwork(prefix: "127.30")
let directory = try TemporaryDirectory("sts-bench")
var domains: [String] = []
for number in 0..<domainCount {
    let name = "d\(number).lab"
    if number.isMultiple(of: 2) {
        try network.domain(name)
    } else {
        try network.mailHost("mx.\(name)", plain: true)
        network.route(name, to: ["mx.\(name)"])
    }
    domains.append(name)
}
try directory.write("domains", domains.joined(separator: "\n") + "\n")

/// Starts a daemon that logs from this level on, and gives its socket.
func daemon(level: String) async throws -> (BackgroundProcess, socket: String) {
    let socket = "unix:\(directory.path)/\(level).sock"
    let settings =
        network.settings + """
            [milter]
            socket = "\(socket)"
            [store]
            path = "\(directory.path)/\(level).sqlite"
            [control]
            socket = ""
            [log]
            level = "\(level)"
            """
    let file = try directory.write("\(level).toml", settings)
    let process = try BackgroundProcess(
        [try DaemonProcess.program(), "serve", "--config", file], logFile: directory.path + "/\(level).log")
    try await Wait.until("the socket of the daemon\n\(process.log)", within: .seconds(30)) {
        FileManager.default.fileExists(atPath: "\(directory.path)/\(level).sock")
    }
    return (process, socket)
}

let (quiet, quietSocket) = try await daemon(level: "warning")
let (talking, talkingSocket) = try await daemon(level: "info")
let bench =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/milter-bench"
// Every domain is asked for once before anything is measured.
let common = ["-d", directory.path + "/domains"]
_ = try Command.run(
    [bench] + common + ["-c", "1", "-t", "3", "-r", "1", "quiet=\(quietSocket)", "info=\(talkingSocket)"],
    timeout: .seconds(120))
let options =
    CommandLine.arguments.count > 1
    ? Array(CommandLine.arguments.dropFirst()) : ["-c", "1,16,100", "-t", "2", "-r", "7"]
let result = try Command.run(
    [bench] + common + options + ["sts-milter=\(quietSocket)", "sts-milter-info=\(talkingSocket)"],
    timeout: .seconds(900))
print(result.output, result.errors, separator: "")
for process in [quiet, talking] { process.stop() }
network.stop()
exit(result.status)
