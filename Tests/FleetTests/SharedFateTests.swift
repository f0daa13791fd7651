// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import LabKit
import Logging
import PostgreSQL
import Reporting
import Store
import TLSRPT
import TestKit
import Testing
@testable import Fleet

@Suite("Whatever dies and whenever, each session is in the fleet's database once")
struct SharedFateTests {
    private static let rounds = Endurance.count(200, usually: 30)
    private static let machines = 3

    /// What befalls the fleet in a round.
    private enum Fault: CaseIterable {
        case machineKilled, serverKilled, connectionsCut, answersLost, serverPaused, promotion
    }

    @Test(
        "machines killed, servers killed, a standby that lacks the last transactions, a network that cuts answers, clocks that jump"
    )
    func faults() async throws {
        var random = SeededGenerator.chosen(for: "faults of a fleet")
        let pair = try await RelayedPair()
        defer { pair.stop() }
        let victims = try (0..<Self.machines).map { try Victim("\($0)", pair.settings) }
        for victim in victims { try victim.start() }
        var kinds: [Fault: Int] = [:]
        for round in 0..<Self.rounds {
            // A new standby costs seconds: one round in ten.
            let fault =
                round % 10 == 9
                ? Fault.promotion
                : Fault.allCases.filter { $0 != .promotion }.randomElement(using: &random) ?? .machineKilled
            kinds[fault, default: 0] += 1
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...150, using: &random)))
            switch fault {
            case .machineKilled:
                let victim = victims[Int.random(in: 0..<victims.count, using: &random)]
                try victim.kill()
                try victim.start()
            case .serverKilled:
                pair.primary.kill()
                try pair.primary.start()
            case .connectionsCut: pair.cut()
            case .answersLost:
                pair.set(.cutAnswers)
                try await Task.sleep(for: .milliseconds(50))
                pair.set(.pass)
                pair.cut()
            case .serverPaused:
                pair.primary.pause()
                try await Task.sleep(for: .milliseconds(100))
                pair.primary.resume()
            case .promotion:
                pair.primary.pauseReplication()
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...300, using: &random)))
                try pair.failOver()
            }
        }
        for victim in victims { try victim.kill() }
        for victim in victims { try await victim.finish() }
        var counted: [String: Int] = [:]
        for victim in victims { counted.merge(try await victim.counts(), uniquingKeysWith: +) }
        let arrived = try await pair.counts()
        let days = Set(counted.keys.compactMap { $0.split(separator: " ").first })
        #expect(days.count > 2, "the clocks were those of one day: \(days)")
        #expect(counted.values.reduce(0, +) > Self.rounds)
        let wrong = arrived.filter { counted[$0.key] != $0.value }
        #expect(arrived == counted, "seed \(random.seed), after \(kinds): \(wrong)")
        #expect(pair.losses > 0, "no promotion lost anything: the test shows less than it says")
    }
}

/// A primary and its standby, each behind a relay.
private final class RelayedPair: Sendable {
    private static let relayed = ["127.8.2.31", "127.8.2.32"]

    private let servers: ServerPair
    private let relays: [TCPRelay]
    let settings: String

    init() async throws {
        let servers = try ServerPair(["127.8.2.21", "127.8.2.22"])
        self.servers = servers
        settings =
            try servers.first.settingsConnection().replacing(
                "host=\(servers.addresses[0])", with: "host=\(Self.relayed.joined(separator: ","))")
            + " target_session_attrs=read-write connect_timeout=2"
        _ = try await FleetSchema.migrate(FleetServer(try servers.first.settingsConnection()), role: nil)
        relays = try zip(Self.relayed, servers.addresses).map { try TCPRelay(address: $0, port: 5432, to: ($1, 5432)) }
    }

    var primary: PostgresServer { servers.primary }
    var losses: Int { servers.losses }

    func set(_ mode: TCPRelay.Mode) { for relay in relays { relay.set(mode) } }
    func cut() { for relay in relays { relay.cut() } }
    func failOver() throws { try servers.failOver() }
    func stop() {
        for relay in relays { relay.stop() }
        servers.stop()
    }

    func counts() async throws -> [String: Int] {
        let connection = try PostgresConnection(primary.owner)
        defer { connection.close() }
        var counts: [String: Int] = [:]
        var last: (node: String, number: Int64) = ("", 0)
        while true {
            let rows = try await connection.run(
                "SELECT node, number, day, body FROM sts.batch WHERE (node, number) > ($1, $2) ORDER BY node, number LIMIT 1000",
                [.text(last.node), .integer(last.number)], within: .seconds(60))
            guard let end = rows.last else { return counts }
            last = (end[0] ?? "", end.integer(1) ?? 0)
            for row in rows {
                for line in try CountBatch.lines(in: row.octets(3) ?? []) {
                    add(line.result, of: line.domain.ascii, on: row.integer(2) ?? 0, to: &counts)
                }
            }
        }
    }
}

/// A machine that is killed.
private final class Victim: Sendable {
    private let directory: TemporaryDirectory
    private let server: String
    private let process = Locked<BackgroundProcess?>(nil)

    init(_ name: String, _ server: String) throws {
        directory = try TemporaryDirectory("fleet-victim-\(name)")
        self.server = server
    }

    private func run(_ mode: String) throws -> BackgroundProcess {
        try BackgroundProcess(
            [try DaemonProcess.program("fleet-victim"), directory.path + "/store", server, mode],
            logFile: directory.path + "/log")
    }

    func start() throws {
        let started = try run("count")
        process.withLock { $0 = started }
    }

    func kill() throws {
        let victim = process.withLock { $0 }
        #expect(victim?.isRunning == true, "\(victim?.log.suffix(2000) ?? "")")
        victim?.signal(SIGKILL)
        _ = victim?.waitForExit(within: .seconds(10))
    }

    /// Lets all get through that was counted.
    func finish() async throws {
        let last = try run("finish")
        defer { last.stop() }
        guard try await last.exitStatus(within: .seconds(120)) == 0 else { throw LabError(last.log) }
    }

    /// What the machine itself knows of its sessions.
    func counts() async throws -> [String: Int] {
        let store = try Store(path: directory.path + "/store", logger: Logger(label: "victim"))
        var counts: [String: Int] = [:]
        for day in try await store.days() {
            for try await results in store.results(of: day, ownOnly: true) {
                for result in results.policies {
                    add(result, of: results.domain.ascii, on: day.daysSinceEpoch, to: &counts)
                }
            }
        }
        return counts
    }
}

/// By day, domain, policy and kind.
private func add(_ result: PolicyResult, of domain: String, on day: Int64, to counts: inout [String: Int]) {
    let key = "\(day) \(domain) \(result.policy.strings.joined(separator: " "))"
    counts[key + " good", default: 0] += result.tally.successes
    for (details, sessions) in result.tally.details {
        counts[key + " \(details.receivingMXHostname ?? "")", default: 0] += sessions
    }
}
