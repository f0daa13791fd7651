// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

/// What lookups of many domains whose policy hosts are slow cost those that ask for known ones.
enum ColdDomains {
    private static let count = 10_000
    private static let slowness = Duration.seconds(1)
    /// Connections that ask for cold domains, and questions of each: all of them at once.
    private static let load = (connections: 1000, depth: 10)
    private static let limits = "max_connections = 2000\nmax_lookups = 20000"
    /// Sixteen delivery agents, each asking two hundred times a second: what is measured is waiting, not throughput.
    private static let warm = ["-c", "16", "-w", "5", "-r", "1", "-t"]

    static func measure(load program: String) async throws {
        guard let milter = ProcessInfo.processInfo.environment["STS_MILTER"], !milter.isEmpty else {
            throw LabError("STS_MILTER must name the daemon")
        }
        let network = try TestNetwork(prefix: "127.31")
        let folder = try TemporaryDirectory("sts-bench-cold")
        for domain in domains { try network.domain(domain) }
        let known = try folder.write("known", domains.joined(separator: "\n") + "\n")
        let names = (0..<count).map { "cold\($0).lab" }
        try network.slowDomains(names, delay: slowness)
        let cold = try folder.write("cold", names.joined(separator: "\n") + "\n")
        let map = try daemon(milter, network, folder, limits)
        try await Wait.until("the daemon\n\(map.process.log)", within: .seconds(30)) {
            (try? answers(map.socket)) ?? false
        }
        let asking = [program, "-d", known]
        _ = try Command.check(asking + ["-c", "1", "-t", "3", "-r", "1", map.argument], timeout: .seconds(60))

        print("== warm answers, nothing else going on")
        print(try Command.check(asking + warm + ["10", map.argument], timeout: .seconds(120)))
        let before = network.policies.requests.count
        let load = try BackgroundProcess(
            [program, "-d", cold, "-c", "\(load.connections)", "-p", "\(load.depth)", "-t", "300", "-r", "1"]
                + [map.argument],
            logFile: "\(folder.path)/load.log")
        print("== warm answers, while \(count) domains are asked for whose policy hosts take \(slowness): the onset")
        print(try Command.check(asking + warm + ["5", map.argument], timeout: .seconds(120)))
        print("== the same, once they wait for their lookups")
        print(try Command.check(asking + warm + ["10", map.argument], timeout: .seconds(120)))
        print("slow policies asked for meanwhile: \(network.policies.requests.count - before)")
        load.stop()
        map.process.stop()
        network.stop()
    }
}
