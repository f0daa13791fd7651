// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import PostgreSQL
import TestKit
import Testing
@testable import Fleet

@Suite("A machine takes part only with tables that it can use, and alone under its identity")
struct SchemaTests {
    private let server: FleetLab

    init() async throws { server = try await FleetLab() }

    @Test("without tables nothing is done; fleet migrate makes them, once")
    func migration() async throws {
        let database = try server.member("a")
        defer { database.close() }
        #expect(await refusal(of: database) == .notMigrated(found: nil))
        #expect(try await FleetSchema.migrate(server.owner, role: nil) == nil)
        #expect(try await FleetSchema.migrate(server.owner, role: nil) == FleetSchema.version)
        #expect(await refusal(of: database) == nil)
        #expect(database.health == .working)
    }

    @Test("older tables and those that take no such program any more are told apart")
    func versions() async throws {
        _ = try await FleetSchema.migrate(server.owner, role: nil)
        let wanted = FleetSchema.version
        let table: [(version: Int, oldest: Int, refusal: FleetError?)] = [
            (wanted - 1, 0, .notMigrated(found: wanted - 1)), (wanted + 1, wanted, nil),
            (wanted + 2, wanted + 1, .tooOld(needed: wanted + 1)),
        ]
        for row in table {
            try await server.run("UPDATE sts.version SET version = \(row.version), oldest = \(row.oldest)")
            let database = try server.member("a")
            defer { database.close() }
            #expect(await refusal(of: database) == row.refusal)
        }
    }

    @Test("a daemon's role can use the tables and change none of them")
    func role() async throws {
        try await server.run("CREATE ROLE \"sts milter\" LOGIN PASSWORD 'secret word'")
        _ = try await FleetSchema.migrate(server.owner, role: "sts milter")
        let database = try server.member("a", user: "'sts milter'")
        defer { database.close() }
        #expect(await refusal(of: database) == nil)
        for sql in ["DROP TABLE sts.batch", "CREATE TABLE sts.x (a int)", "UPDATE sts.version SET version = 7"] {
            let error = await #expect(throws: FleetError.self) {
                try await database.perform { session throws(PostgresError) in _ = try session.run(sql) }
            }
            guard case .database(let cause)? = error else { return }
            #expect(cause.cause == .refused, "\(sql): \(cause)")
        }
    }

    @Test("a copy of a machine's store is noticed: by the machine, or by two daemons that live at once")
    func copies() async throws {
        _ = try await FleetSchema.migrate(server.owner, role: nil)
        let first = try server.member("a", machine: "m1", host: "one")
        defer { first.close() }
        #expect(await refusal(of: first) == nil)
        let elsewhere = try server.member("a", machine: "m2", host: "two")
        defer { elsewhere.close() }
        #expect(await refusal(of: elsewhere) == .copied(host: "one"))
        // With the same machine-id, as images often have it, the one that began later looks like a restart.
        let clone = try server.member("a", machine: "m1", host: "three")
        defer { clone.close() }
        #expect(await refusal(of: clone) == nil)
        let taken = try await first.transaction { session throws(PostgresError) in try first.confirm(session) }
        #expect(taken == .copied(host: "three"))
        // And after a new connection it is refused.
        try await server.cutSessions()
        try await Wait.until("the connection is gone") { await refusal(of: first) == .copied(host: "three") }
    }

    @Test("a database that was put back to an older state takes the machine as it is")
    func restored() async throws {
        _ = try await FleetSchema.migrate(server.owner, role: nil)
        let before = try server.member("a")
        #expect(await refusal(of: before) == nil)
        try await server.run("CREATE TABLE kept AS SELECT * FROM sts.node")
        before.close()
        let now = try server.member("a")
        defer { now.close() }
        #expect(await refusal(of: now) == nil)
        try await server.run("DELETE FROM sts.node")
        try await server.run("INSERT INTO sts.node SELECT * FROM kept")
        try await server.cutSessions()
        try await Wait.until("it is let in again") { await refusal(of: now) == nil && now.connections > 1 }
    }

    private func refusal(of database: FleetDatabase) async -> FleetError? {
        do throws(FleetError) {
            try await database.perform { session throws(PostgresError) in _ = try session.run("SELECT 1") }
            return nil
        } catch {
            return error
        }
    }
}
