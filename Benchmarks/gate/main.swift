// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

// Puts the real daemon, warm, beside a milter that does nothing: bench-gate [million | fleet] [OPTIONS OF milter-bench]
//
// Runs in a network of its own (Tests/lab/netns). Half of the domains have an enforce policy that their route keeps,
// half have none, as the daemon's memory would hold them after the first mail to each. With `million` the daemon has a
// million policies: see MillionPolicies. With `fleet` one of two daemons shares with a PostgreSQL.
//
// bench-gate message VERDICTS [EXPLAIN_FOR]: so many messages of one recipient each by one connection, and nothing else: for
// callgrind, which counts the instructions of the daemon (Benchmarks/instructions).
let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "message", let count = arguments.dropFirst().first.flatMap({ Int($0) }) {
    try await MessageInstructions.run(count, explainFor: arguments.dropFirst(2).first)
    exit(0)
}
let isMillion = arguments.first == "million"
let isFleet = arguments.first == "fleet"
let given = Array(arguments.dropFirst(isMillion || isFleet ? 1 : 0))
let options = given.isEmpty ? ["-c", "1,16,100", "-t", "0.2", "-r", "50"] : given
if isMillion {
    let result = try await MillionPolicies.measure(options)
    print(result.output, result.errors, separator: "")
    exit(result.status)
}

let network = try TestNetwork(prefix: "127.30")
let directory = try TemporaryDirectory("sts-bench")
let common = ["-d", try KnownDomains.add(to: network, directory)]
let postgres = isFleet ? try PostgresServer(address: "127.30.0.100") : nil
if let server = try postgres?.settingsConnection() {
    let file = try directory.write("migrate.toml", "[fleet]\npostgres = \"\(server)\"\n")
    try Command.check([try DaemonProcess.program(), "fleet", "migrate", "--config", file])
}
// Without a fleet: the first one writes no line for a verdict. With one: it is the one that shares.
let quiet = try await BenchDaemon(
    level: isFleet ? "info" : "warning", in: network, directory, fleet: postgres?.settingsConnection())
let talking = try await BenchDaemon(level: "info", in: network, directory)
// Every domain is asked for once before anything is measured.
_ = try BenchDaemon.load(
    common + ["-c", "1", "-t", "3", "-r", "1", "quiet=\(quiet.socket)", "info=\(talking.socket)"],
    timeout: .seconds(120))
let result = try BenchDaemon.load(
    common + options + [
        "\(isFleet ? "fleet-info" : "sts-milter")=\(quiet.socket)", "sts-milter-info=\(talking.socket)",
    ],
    timeout: .seconds(900))
print(result.output, result.errors, separator: "")
for daemon in [quiet, talking] { daemon.process.stop() }
postgres?.stop()
network.stop()
exit(result.status)
