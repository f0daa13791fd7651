// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import PostgreSQL
import TestKit
@testable import Fleet

/// One server for all tests that leave it running.
private let shared = Task { try PostgresServer(address: "127.8.2.1") }
private let numbers = Locked(0)

/// A database of a test's own on a real PostgreSQL.
final class FleetLab: Sendable {
    /// Long enough for a loaded machine; no test waits for its end.
    static let limit = Duration.seconds(30)

    let postgres: PostgresServer
    let name: String
    /// Servers that take each other's place, the first of which is `postgres`.
    private let pair: ServerPair?
    private let connection: PostgresConnection

    /// - Parameters:
    ///   - own: a server that the test does not leave running as it is.
    ///   - pair: the same with a standby.
    init(on own: PostgresServer? = nil, pair: ServerPair? = nil) async throws {
        if let own = pair?.first ?? own { postgres = own } else { postgres = try await shared.value }
        self.pair = pair
        name = "fleet\(numbers.withLock { $0 += 1; return $0 })"
        let owner = postgres.connection(database: name)
        connection = try PostgresConnection(
            pair.map { owner.replacing("host=\($0.addresses[0])", with: Self.hosts($0.addresses)) } ?? owner)
        try await postgresRun("CREATE DATABASE \(name)")
    }

    /// Of a connection string: the one of them that may be written to.
    private static func hosts(_ addresses: [String]) -> String {
        "target_session_attrs=read-write connect_timeout=2 host=" + addresses.joined(separator: ",")
    }

    /// The primary is gone, and the standby takes its place with what it has.
    func failOver() async throws {
        try pair?.failOver()
        _ = try? await connection.run("SELECT 1", within: Self.limit)
    }

    /// Ends the server as kill -9 does, and starts it again.
    func restart() async throws {
        postgres.kill()
        // A child that was being made holds its memory for a moment longer.
        try await Wait.until("the server has started") { (try? postgres.start()) != nil }
        // The connection of before is found to be gone.
        _ = try? await connection.run("SELECT 1", within: Self.limit)
    }

    deinit { connection.close() }

    /// The connection string of the database's owner.
    var owner: FleetServer {
        get throws { try server(user: "sts") }
    }

    private func server(user: String, by relays: [TCPRelay] = []) throws -> FleetServer {
        let text = try postgres.settingsConnection(user: user, database: name)
        guard !relays.isEmpty else { return try FleetServer(text) }
        let ports = relays.map { "\($0.port)" }.joined(separator: ",")
        return try FleetServer(
            text.replacing(
                "host=\(postgres.address) port=\(postgres.port)",
                with: "\(Self.hosts(relays.map(\.address))) port=\(ports)"))
    }

    /// The server behind a relay, for its owner.
    func server(by relay: TCPRelay) throws -> FleetServer { try server(user: "sts", by: [relay]) }

    /// The server by another way.
    func server(at address: String?) throws -> FleetServer {
        let text = try postgres.settingsConnection(database: name)
        return try FleetServer(address.map { text.replacing("host=\(postgres.address)", with: "host=\($0)") } ?? text)
    }

    /// Runs a statement in the server's own database.
    func postgresRun(_ sql: String) async throws {
        let all = try PostgresConnection(postgres.owner)
        defer { all.close() }
        try await all.run(sql, within: Self.limit)
    }

    /// A daemon's connection.
    /// - Parameter relays: one for each server.
    func member(
        _ node: String, machine: String = "m", host: String = "mx.example", user: String = "sts",
        by relays: [TCPRelay] = [], clock: any WallClock = SystemClock()
    ) throws -> FleetDatabase {
        try FleetDatabase(
            server(user: user, by: relays), as: FleetMember(node: node, machine: machine, host: host, program: "0"),
            clock: clock)
    }

    /// Runs a statement as the owner.
    @discardableResult
    func run(_ sql: String, _ parameters: [PostgresValue] = []) async throws -> [PostgresRow] {
        try await connection.run(sql, parameters, within: Self.limit)
    }
}
