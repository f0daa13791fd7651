// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import TestKit
import Testing
@testable import PostgreSQL

@Suite("Whatever becomes of a PostgreSQL server, nobody waits longer than the deadline", .serialized)
struct FaultTests {
    private static let server = Task { try PostgresServer(address: "127.8.1.1") }
    private static let limit = Duration.seconds(30)

    private func cause(_ connection: PostgresConnection, within limit: Duration = limit) async -> PostgresError.Cause? {
        do throws(PostgresError) { _ = try await connection.run("SELECT 1", within: limit) } catch {
            return error.cause
        }
        return nil
    }

    @Test(
        "stopped, killed and stalled, it is unreachable or late, and then there again",
        arguments: ["stop", "kill", "pause"])
    func gone(_ how: String) async throws {
        let server = try await Self.server.value
        let connection = try PostgresConnection(server.owner)
        defer { connection.close() }
        #expect(await cause(connection) == nil)
        switch how {
        case "stop": server.stop()
        case "kill": server.kill()
        default: server.pause()
        }
        for _ in 0..<3 {
            let began = ContinuousClock.now
            let cause = await cause(connection, within: .seconds(1))
            #expect(cause == (how == "pause" ? .late : .unreachable))
            #expect(ContinuousClock.now - began < .seconds(10))
        }
        if how == "pause" { server.resume() } else { try server.start() }
        #expect(await cause(connection) == nil)
    }

    @Test("an answer to COMMIT that is lost leaves it open whether it was committed")
    func uncertain() async throws {
        let server = try await Self.server.value
        let relay = try TCPRelay(address: "127.8.1.2", port: 5432, to: (server.address, server.port))
        defer { relay.stop() }
        let direct = try PostgresConnection(server.owner)
        let connection = try PostgresConnection(server.owner.replacing("127.8.1.1", with: relay.address))
        defer {
            direct.close()
            connection.close()
        }
        try await direct.run("CREATE TABLE open (id bigint)", within: Self.limit)
        for (number, mode) in [TCPRelay.Mode.cutAnswers, .swallow].enumerated() {
            relay.set(.pass)
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction(within: .seconds(8)) { session throws(PostgresError) in
                    try session.run("INSERT INTO open VALUES ($1)", [.integer(Int64(number))])
                    relay.set(mode)
                }
            }
            #expect(error?.cause == .uncertain || error?.cause == .late, "\(error as Any)")
            try await Wait.until("what was committed") {
                let rows = try await direct.run(
                    "SELECT count(*) FROM open WHERE id = $1", [.integer(Int64(number))], within: Self.limit)
                return rows.first?.integer(0) == 1
            }
        }
        relay.set(.pass)
        #expect(await cause(connection) == nil)
        relay.set(.refuse)
        relay.cut()
        #expect(await cause(connection) == .unreachable)
    }

    @Test("a statement that takes too long is given up, and what waits behind it has its turn")
    func slow() async throws {
        let connection = try PostgresConnection(try await Self.server.value.owner)
        defer { connection.close() }
        #expect(await cause(connection) == nil)
        let slow = Task { try await connection.run("SELECT pg_sleep(60)", within: .seconds(1)) }
        let error = await #expect(throws: PostgresError.self) { try await slow.value }
        #expect(error?.cause == .late)
        #expect(await cause(connection) == nil)
    }

    @Test("after close nothing waits, and nothing is asked")
    func closed() async throws {
        let connection = try PostgresConnection(try await Self.server.value.owner)
        #expect(await cause(connection) == nil)
        connection.close()
        #expect(await cause(connection) == .unreachable)
    }
}
