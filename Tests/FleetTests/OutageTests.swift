// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import PostgreSQL
import Reporting
import TestKit
import Testing
@testable import Fleet

@Suite("A day waits for the machines that were there before the database went away")
struct OutageTests {
    private let site: FleetSite

    init() async throws { site = try await FleetSite() }

    /// As other machines have left it.
    private func set(_ node: String, closed: Int64, seen days: Int) async throws {
        try await site.lab.run(
            """
            INSERT INTO sts.node (node, machine, host, program, version, session, began, seen, closed_through)
            VALUES ($1, '', $1, '0', 1, '', now(), now() - make_interval(days => $2), $3)
            ON CONFLICT (node) DO UPDATE SET seen = excluded.seen, closed_through = excluded.closed_through
            """, [.text(node), .integer(Int64(days)), .integer(closed)])
    }

    @Test("long after midnight, too, machines have time to send what waited once the database is back")
    func steadiness() async throws {
        try await site.ship(["d.example": (1, 0)])
        let machine = try Machine(site, "a", steadiness: .seconds(1))
        defer { machine.close() }
        _ = try await machine.counts.token()
        try await set("b", closed: site.day.daysSinceEpoch - 1, seen: 0)
        try await set("a", closed: site.day.daysSinceEpoch, seen: 0)
        guard case .waiting(["b"], let end) = try await machine.readiness() else {
            Issue.record("not waited for")
            return
        }
        #expect(end - machine.clock.now <= .seconds(1))
        try await Wait.until("it was there long enough") {
            try await machine.readiness() == .overdue(["b"])
        }
        // A new connection begins anew.
        try await site.lab.cutSessions()
        try await Wait.until("it is connected again") { (try? await machine.counts.token()) != nil }
        #expect(try await machine.readiness() != .overdue(["b"]))
    }

    @Test(
        "who was silent for days is waited for, if all of the days just before was there, and else not",
        arguments: [(-1, true), (-2, true), (-3, false), (0, false)])
    func silent(_ closed: Int64, _ isAwaited: Bool) async throws {
        try await site.ship(["d.example": (1, 0)])
        let machine = try Machine(site, "a", wait: .seconds(2 * 86_400))
        defer { machine.close() }
        _ = try await machine.counts.token()
        try await set("a", closed: site.day.daysSinceEpoch, seen: 0)
        try await set("b", closed: site.day.daysSinceEpoch + closed, seen: 3)
        let readiness = try await machine.readiness()
        if isAwaited {
            guard case .waiting(["b"], _) = readiness else {
                Issue.record("\(readiness)")
                return
            }
        } else {
            #expect(readiness == .complete)
        }
    }

    @Test("a machine that is gone is removed and not waited for; one that lives stays, and comes back by itself")
    func removal() async throws {
        let machine = try Machine(site, "a")
        defer { machine.close() }
        _ = try await machine.counts.token()
        try await set("b", closed: 0, seen: 1)
        #expect(try await FleetSurvey.remove("a.example", from: site.lab.owner) == 0)
        #expect(try await FleetSurvey.remove("b", from: site.lab.owner) == 1)
        #expect(try await FleetSurvey.read(site.lab.owner).machines.map(\.host) == ["a.example"])
        try await site.lab.run("DELETE FROM sts.node")
        let database = machine.database
        @Sendable func confirm() async throws(FleetError) -> FleetError? {
            try await database.transaction { session throws(PostgresError) in try database.confirm(session) }
        }
        let error = await #expect(throws: FleetError.self) { _ = try await confirm() }
        guard case .database(let cause)? = error else { return }
        #expect(cause.cause == .conflict)
        #expect(try await confirm() == nil)
    }
}
