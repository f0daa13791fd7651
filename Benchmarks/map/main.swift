// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

// Puts the policy map beside an echo by the same swift-nio and beside postfix-mta-sts-resolver, all warm:
// bench-map LOAD [OPTIONS OF map-load], or bench-map serve map|echo PORT for one of the two alone; bench-map cold LOAD puts
// warm answers of the daemon beside those that it gives while it looks up ten thousand domains; bench-map instructions N
// gives N warm answers without sockets, for callgrind to count.
//
// Runs in a network of its own (Tests/lab/netns) by Tests/Bench/map-bench. With STS_MILTER, the path of the daemon, the
// whole daemon is measured as well.
let domains = (0..<20).map { "d\($0).lab" }

func serve(_ what: String, port: UInt16) async throws {
    if what == "echo" {
        try await EchoHandler.serve(port: Int(port)).closeFuture.get()
    } else {
        let server = try await WarmResolver.serve(port: port, domains: domains)
        while true { try await Task.sleep(for: .seconds(3600)) }
        await server.stop()
    }
}

/// A map that runs, and where it listens.
struct Running {
    let name: String
    let process: BackgroundProcess
    let socket: String
    var argument: String { "\(name)=\(socket),\(process.processIdentifier)" }
}

func compare(load: String, options: [String]) async throws -> Int32 {
    let network = try TestNetwork(prefix: "127.31")
    let folder = try TemporaryDirectory("sts-bench-map")
    for domain in domains { try network.domain(domain) }
    let file = try folder.write("domains", domains.joined(separator: "\n") + "\n")
    var maps: [Running] = []
    if let program = ProcessInfo.processInfo.environment["STS_MILTER"], !program.isEmpty {
        maps.append(try daemon(program, network, folder))
    }
    for what in ["map", "echo"] {
        let port = maps.count + 8471
        let process = try BackgroundProcess(
            [CommandLine.arguments[0], "serve", what, "\(port)"], logFile: "\(folder.path)/\(what).log")
        maps.append(Running(name: what, process: process, socket: "inet:\(port)@127.0.0.1"))
    }
    for cache in ["memory", "sqlite"] { maps.append(try resolver(cache, port: maps.count + 8471, network, folder)) }
    for map in maps {
        try await Wait.until("a policy map\n\(map.process.log)", within: .seconds(30)) {
            (try? answers(map.socket)) ?? false
        }
    }
    // Each domain is asked for before anything is measured.
    let warming = ["-d", file, "-c", "1", "-t", "3", "-r", "1"]
    _ = try Command.check([load] + warming + maps.map(\.argument), timeout: .seconds(120))
    // One question a time is what MTAs ask; many a write show what an answer costs once the system calls are shared.
    let runs =
        options.isEmpty
        ? [["-c", "1,16,100"], ["-c", "16", "-p", "50"]].map { $0 + ["-t", "2", "-r", "5"] } : [options]
    var status: Int32 = 0
    for run in runs where status == 0 {
        let result = try Command.run([load, "-d", file] + run + maps.map(\.argument), timeout: .seconds(1800))
        print(result.output, result.errors, separator: "")
        status = result.status
    }
    for map in maps { map.process.stop() }
    network.stop()
    return status
}

func daemon(
    _ program: String, _ network: TestNetwork, _ folder: TemporaryDirectory, _ more: String = ""
) throws -> Running {
    let settings =
        network.settings + """
            [milter]
            socket = "unix:\(folder.path)/milter.sock"
            [policy_map]
            socket = "inet:8470@127.0.0.1"
            \(more)
            [store]
            path = "\(folder.path)/store.sqlite"
            [control]
            socket = ""
            [log]
            level = "warning"
            """
    let process = try BackgroundProcess(
        [program, "serve", "--config", try folder.write("sts-milter.toml", settings)],
        logFile: "\(folder.path)/daemon.log")
    return Running(name: "sts-milter", process: process, socket: "inet:8470@127.0.0.1")
}

/// postfix-mta-sts-resolver as Debian has it, its cache in memory or in SQLite.
func resolver(_ cache: String, port: Int, _ network: TestNetwork, _ folder: TemporaryDirectory) throws -> Running {
    let kept =
        cache == "sqlite"
        ? "  type: sqlite\n  options:\n    filename: \(folder.path)/cache.db\n"
        : "  type: internal\n  options:\n    cache_size: 10000\n"
    let settings = "host: 127.0.0.1\nport: \(port)\ncache:\n\(kept)"
    let process = try BackgroundProcess(
        ["mta-sts-daemon", "-c", try folder.write("resolver-\(cache).yml", settings)],
        logFile: "\(folder.path)/resolver-\(cache).log",
        environment: ["SSL_CERT_FILE": network.authority.caFile])
    return Running(name: "pmsr-\(cache)", process: process, socket: "inet:\(port)@127.0.0.1")
}

func answers(_ socket: String) throws -> Bool {
    guard let port = socket.split(separator: ":").last?.split(separator: "@").first else { return false }
    return try Command.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\(port)"]).succeeded
}

let arguments = CommandLine.arguments
if arguments.count == 4, arguments[1] == "serve", let port = UInt16(arguments[3]) {
    try await serve(arguments[2], port: port)
} else if arguments.count == 3, arguments[1] == "cold" {
    try await ColdDomains.measure(load: arguments[2])
} else if arguments.count == 3, arguments[1] == "instructions", let count = Int(arguments[2]) {
    try await Instructions.measure(questions: count, domains: domains)
} else if arguments.count > 1 {
    exit(try await compare(load: arguments[1], options: Array(arguments.dropFirst(2))))
} else {
    print("usage: bench-map LOAD [OPTIONS OF map-load] | cold LOAD | serve map|echo PORT | instructions N")
    exit(64)
}
