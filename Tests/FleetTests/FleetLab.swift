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
    private let connection: PostgresConnection

    /// - Parameter own: a server that the test does not leave running as it is.
    init(on own: PostgresServer? = nil) async throws {
        if let own { postgres = own } else { postgres = try await shared.value }
        name = "fleet\(numbers.withLock { $0 += 1; return $0 })"
        connection = try PostgresConnection(postgres.connection(database: name))
        try await postgresRun("CREATE DATABASE \(name)")
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

    private func server(user: String, by relay: TCPRelay? = nil) throws -> FleetServer {
        let text = try postgres.settingsConnection(user: user, database: name)
        guard let relay else { return try FleetServer(text) }
        return try FleetServer(
            text.replacing(
                "host=\(postgres.address) port=\(postgres.port)", with: "host=\(relay.address) port=\(relay.port)"))
    }

    /// The server behind a relay, for its owner.
    func server(by relay: TCPRelay) throws -> FleetServer { try server(user: "sts", by: relay) }

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
    func member(
        _ node: String, machine: String = "m", host: String = "mx.example", user: String = "sts",
        by relay: TCPRelay? = nil
    ) throws -> FleetDatabase {
        try FleetDatabase(
            server(user: user, by: relay), as: FleetMember(node: node, machine: machine, host: host, program: "0"),
            clock: SystemClock())
    }

    /// Runs a statement as the owner.
    @discardableResult
    func run(_ sql: String, _ parameters: [PostgresValue] = []) async throws -> [PostgresRow] {
        try await connection.run(sql, parameters, within: Self.limit)
    }
}
