// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Foundation
import LabKit
import TestKit

/// What the daemon has to do beside verdicts.
struct OtherWork {
    static let map = "inet:8470@127.0.0.1"
    /// Domains that nobody has asked for yet; as many of them wait at a time as ``cold`` says.
    private static let coldDomains = 10_000
    /// Connections, and questions that wait in each: a thousand domains, within the default limits of the map.
    private static let cold = (connections: 50, depth: 20)
    private static let slowness = Duration.seconds(1)
    /// Some five thousand questions a second: each of the connections asks, and again this many milliseconds after
    /// the answer.
    private static let known = (connections: 110, pause: 19)
    private static let linesPerSecond = 2000

    let log: DeliveryLog
    private let programs: String
    private let network: TestNetwork
    private let folder: TemporaryDirectory
    private let processes = Locked<(cold: BackgroundProcess, map: BackgroundProcess, began: Began)?>(nil)

    private struct Began {
        let time = ContinuousClock.now
        let fetches: Int
        let lines: Int
    }

    init(programs: String, network: TestNetwork, folder: TemporaryDirectory, known: [String]) throws {
        self.programs = programs
        self.network = network
        self.folder = folder
        log = try DeliveryLog(path: folder.path + "/mail.log", domains: known)
        let names = (0..<Self.coldDomains).map { "cold\($0).lab" }
        try network.slowDomains(names, delay: Self.slowness)
        try folder.write("cold", names.joined(separator: "\n") + "\n")
    }

    /// Begins; returns once it has, and has all of it go on for so many seconds.
    func start(for length: Double) async throws {
        log.start(linesPerSecond: Self.linesPerSecond)
        let before = network.policies.requests.count
        let (connections, depth) = Self.cold
        let cold = try BackgroundProcess(
            [programs + "/map-load", "-d", folder.path + "/cold", "-c", "\(connections)", "-p", "\(depth)"]
                + ["-t", "3600", "-r", "1", "cold=\(Self.map)"], logFile: folder.path + "/cold.log")
        try await Wait.until("lookups\n\(cold.log)", within: .seconds(60)) {
            network.policies.requests.count > before
        }
        let map = try BackgroundProcess(
            [programs + "/map-load", "-d", folder.path + "/known", "-c", "\(Self.known.connections)"]
                + ["-w", "\(Self.known.pause)", "-t", "\(length)", "-r", "1", "map=\(Self.map)"],
            logFile: folder.path + "/map.log")
        let began = Began(fetches: network.policies.requests.count, lines: log.lines)
        processes.withLock { $0 = (cold, map, began) }
    }

    /// Ends it, and says what was done.
    func stop() async throws -> String {
        guard let (cold, map, began) = processes.withLock({ $0 }) else { return "" }
        let passed = seconds(ContinuousClock.now - began.time)
        let fetches = Double(network.policies.requests.count - began.fetches) / passed
        let lines = Double(log.lines - began.lines) / passed
        guard cold.isRunning else { throw Failure("the cold domains: \(cold.log)") }
        cold.stop()
        try await log.stop()
        guard try await map.exitStatus(within: .seconds(60)) == 0 else { throw Failure("the map: \(map.log)") }
        return """
            == meanwhile
            \(Self.cold.connections * Self.cold.depth) cold domains waited, \(rounded(fetches)) of their policies asked for \
            a second; \(rounded(lines)) lines of the log a second; and the policy map, whose answers come from:
            \(map.log)
            """
    }
}
