// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import TestKit
import Testing
@testable import PostgreSQL

/// One server for all tests that leave it running.
private let shared = Task { try PostgresServer(address: "127.8.0.1") }

@Suite("A PostgreSQL server is asked under a deadline, and errors say what to do next")
struct ConnectionTests {
    /// Long enough for a loaded machine; no test waits for its end.
    private static let limit = Duration.seconds(30)

    private func cause(_ body: () async throws -> Void) async -> PostgresError.Cause? {
        do { try await body() } catch { return (error as? PostgresError)?.cause }
        return nil
    }

    @Test("parameters of all kinds arrive as they are, and nothing in them is SQL")
    func parameters() async throws {
        let connection = try PostgresConnection(try await shared.value.owner)
        defer { connection.close() }
        let texts = ["", "it's", "'); DROP TABLE x; --", "\\x41", "a\nb\tc", "é€😀", "$1"]
        for text in texts {
            let rows = try await connection.run("SELECT $1::text, $1 IS NULL", [.text(text)], within: Self.limit)
            #expect(rows.first?[0] == text && rows.first?[1] == "f")
        }
        let all = (0...255).map { UInt8($0) }
        let rows = try await connection.run(
            "SELECT $1::bytea, $2::bytea, $3::bigint, $4::text, $5::text",
            [
                .octets(all), .octets([]), .integer(.min), .null, .text("a\0b"),
            ], within: Self.limit)
        let row = try #require(rows.first)
        #expect(row.octets(0) == all && row.octets(1) == [] && row.integer(2) == .min && row[3] == nil)
        #expect(row[4] == "ab" && row[5] == nil && row.octets(4) == nil)
        let many = try await connection.run("SELECT g FROM generate_series(1, 5000) g", within: Self.limit)
        #expect(many.count == 5000 && many.last?.integer(0) == 5000)
        // More than the kernel takes at once.
        let large = [UInt8](repeating: 7, count: 9 << 20)
        let length = try await connection.run("SELECT length($1::bytea)", [.octets(large)], within: .seconds(300))
        #expect(length.first?.integer(0) == Int64(large.count))
    }

    @Test("what the server says against a statement is told apart, and the connection goes on")
    func causes() async throws {
        let server = try await shared.value
        let connection = try PostgresConnection(server.owner)
        defer { connection.close() }
        try await connection.run("CREATE TABLE causes (id bigint PRIMARY KEY)", within: Self.limit)
        let pid = try await connection.run("SELECT pg_backend_pid()", within: Self.limit)
        try await connection.run("INSERT INTO causes VALUES (1)", within: Self.limit)
        let table: [(String, PostgresError.Cause)] = [
            ("INSERT INTO causes VALUES (1)", .duplicate), ("SELECT * FROM no_such_table", .schema),
            ("SELECT no_such_column FROM causes", .schema), ("SELEC", .other),
            ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", .full),
            ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$", .conflict),
            ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '42501'; END $$", .refused),
            ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57014'; END $$", .late),
        ]
        for (sql, expected) in table {
            #expect(await cause { try await connection.run(sql, within: Self.limit) } == expected, "\(sql)")
        }
        try await connection.run("SET default_transaction_read_only = on", within: Self.limit)
        #expect(
            await cause {
                try await connection.transaction(within: Self.limit) { session throws(PostgresError) in
                    _ = try session.run("INSERT INTO causes VALUES (2)")
                }
            } == .readOnly)
        #expect(try await connection.run("SELECT pg_backend_pid()", within: Self.limit) == pid)
    }

    @Test("a transaction is committed as a whole or not at all")
    func transactions() async throws {
        let connection = try PostgresConnection(try await shared.value.owner)
        defer { connection.close() }
        try await connection.run("CREATE TABLE whole (id bigint PRIMARY KEY)", within: Self.limit)
        for (last, isWhole) in [(1, false), (2, true)] {
            let cause = await cause {
                try await connection.transaction(within: Self.limit) { session throws(PostgresError) in
                    try session.run("INSERT INTO whole VALUES (1)")
                    try session.run("INSERT INTO whole VALUES ($1)", [.integer(Int64(last))])
                }
            }
            #expect(cause == (isWhole ? nil : .duplicate))
            let count = try await connection.run("SELECT count(*) FROM whole", within: Self.limit)
            #expect(count.first?.integer(0) == (isWhole ? 2 : 0))
        }
    }

    @Test("who is not let in is refused, and a string that cannot be read says so")
    func refused() async throws {
        let server = try await shared.value
        for text in [
            server.connection(password: "wrong"), server.connection(user: "nobody"),
            server.connection(database: "nothing"), server.owner + " sslmode=require",
        ] {
            let connection = try PostgresConnection(text)
            defer { connection.close() }
            let error = await #expect(throws: PostgresError.self) {
                try await connection.run("SELECT 1", within: Self.limit)
            }
            #expect(error?.description.contains("secret") == false)
            #expect(error?.cause == .refused, "\(error as Any)")
        }
        for text in ["host", "nokey=1", "host=a,b,c port=1,2", "postgresql://[::1"] {
            let error = #expect(throws: PostgresError.self) { try PostgresConnection(text) }
            #expect(error?.cause == .settings, "\(text)")
        }
    }

    @Test(
        "hosts are tried in turn: one that is down or read-only is passed over, a silent one takes no longer than its share"
    )
    func hosts() async throws {
        let server = try await shared.value
        let silent = try TCPRelay(address: "127.8.0.9", port: 5432, to: (server.address, server.port))
        defer { silent.stop() }
        silent.set(.swallow)
        for first in ["127.8.0.200", "127.8.0.9"] {
            let connection = try PostgresConnection(
                server.owner + " host=\(first),127.8.0.1 target_session_attrs=read-write")
            defer { connection.close() }
            #expect(try await connection.run("SELECT 1", within: Self.limit).count == 1)
        }
        let nobody = try PostgresConnection(server.owner + " host=127.8.0.200,127.8.0.201")
        defer { nobody.close() }
        #expect(await cause { try await nobody.run("SELECT 1", within: Self.limit) } == .unreachable)
        let standby = try PostgresConnection(server.owner + " target_session_attrs=standby")
        defer { standby.close() }
        #expect(await cause { try await standby.run("SELECT 1", within: Self.limit) } != nil)
    }

    @Test("what is said on a channel is heard, also after the connection was lost")
    func listening() async throws {
        let server = try await shared.value
        let relay = try TCPRelay(address: "127.8.0.10", port: 5432, to: (server.address, server.port))
        defer { relay.stop() }
        let events = Locked<[PostgresConnection.Event]>([])
        let text = server.owner.replacing("127.8.0.1", with: relay.address)
        let listening = try PostgresConnection(text, channels: ["sts_test", "not a name"]) { event in
            events.withLock { $0.append(event) }
        }
        defer { listening.close() }
        let speaking = try PostgresConnection(server.owner)
        defer { speaking.close() }
        try await listening.run("SELECT 1", within: Self.limit)
        #expect(events.withLock { $0 } == [.connected])
        try await speaking.run("SELECT pg_notify('sts_test', 'one')", within: Self.limit)
        let one = PostgresConnection.Event.notice(PostgresNotice(channel: "sts_test", payload: "one"))
        try await Wait.until("a notice") { events.withLock { $0 } == [.connected, one] }
        relay.cut()
        try await Wait.until("a lost connection") { events.withLock { $0 } == [.connected, one, .lost] }
        try await listening.run("SELECT 1", within: Self.limit)
        try await speaking.run("SELECT pg_notify('sts_test', 'one')", within: Self.limit)
        try await Wait.until("a notice") { events.withLock { $0 } == [.connected, one, .lost, .connected, one] }
    }
}
