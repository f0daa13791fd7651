// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import PostgreSQL
import Reporting
import TestKit
import Testing
@testable import Fleet

@Suite("What machines agree on goes by the database's clock, whatever their own say")
struct ClockTests {
    private let lab: FleetLab
    private let clock = SkewedClock()

    init() async throws {
        lab = try await FleetLab()
        _ = try await FleetSchema.migrate(lab.owner, role: nil)
    }

    private func sharing(
        _ machine: CountingMachine, settings: [String: String] = [:], readThrough: @escaping @Sendable () -> UTCTime?
    ) -> CountSharing {
        CountSharing(
            machine.store, by: machine.database, as: machine.member, settings: FleetSettingValues(settings),
            clock: clock,
            logger: machine.log.logger
        ) { readThrough() }
    }

    private func number(_ sql: String) async throws -> Int64 { try await lab.run(sql).first?.integer(0) ?? -1 }

    @Test("a machine whose clock is a day ahead closes no day that is not over; set right, it closes what is")
    func ahead() async throws {
        clock.set(ahead: .seconds(86_400))
        let machine = try await CountingMachine(in: lab, clock)
        let clock = clock
        let isKnown = Locked(true)
        let sharing = sharing(machine) { isKnown.withLock { $0 } ? clock.now : nil }
        await sharing.step()
        let yesterday = try await number("SELECT (extract(epoch FROM now())::bigint - 300) / 86400 - 1")
        #expect(try await number("SELECT closed_through FROM sts.node") == yesterday)
        // Set back while the logs are not read to their ends: what it said before of what is read is no more so.
        clock.set(ahead: .zero)
        isKnown.withLock { $0 = false }
        try await lab.run("UPDATE sts.node SET closed_through = 0")
        await sharing.step()
        #expect(try await number("SELECT closed_through FROM sts.node") == 0)
        isKnown.withLock { $0 = true }
        clock.set(ahead: CountSharing.sealInterval)
        await sharing.step()
        #expect(try await number("SELECT closed_through FROM sts.node") == yesterday)
    }

    @Test("a clock that differs is said once, with by how much, and in fleet status; so is its end")
    func said() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        let sharing = sharing(machine) { nil }
        await sharing.step()
        #expect(try await FleetSurvey.read(lab.owner).machines.map { abs($0.clockAheadSeconds) <= 1 } == [true])
        func count(_ text: String) -> Int { machine.log.lines.count { $0.contains(text) } }
        clock.set(ahead: .seconds(-7200))
        for _ in 0..<3 { await sharing.step() }
        #expect(count("warning the clock of this machine differs from that of the fleet's database") == 1)
        let ahead = try await FleetSurvey.read(lab.owner).machines.first?.clockAheadSeconds ?? 0
        #expect(abs(ahead + 7200) <= 1, "\(ahead)")
        clock.set(ahead: .zero)
        for _ in 0..<2 { await sharing.step() }
        #expect(count("notice the clock of this machine is that of the fleet's database again") == 1)
        #expect(count("the clock of this machine") == 2)
    }

    @Test("the fleet's time goes on as it was when the machine's clock is set, or the database is away")
    func steady() async throws {
        let database = try lab.member("a", clock: clock)
        defer { database.close() }
        let fleet = FleetClock(database, else: clock)
        clock.set(ahead: .seconds(-86_400))
        #expect(fleet.now == clock.now)
        try await database.perform { session throws(PostgresError) in _ = try session.run("SELECT 1") }
        #expect(abs((fleet.now - SystemClock().now).components.seconds) <= 1)
        database.close()
        clock.set(ahead: .seconds(86_400))
        #expect(abs((fleet.now - SystemClock().now).components.seconds) <= 1)
    }

    @Test("settings that differ are named in the log, with the machines, once a change; fleet status has the values")
    func settings() async throws {
        let one = try await CountingMachine(in: lab, clock, host: "mx1.example")
        let two = try await CountingMachine(in: lab, clock, host: "mx2.example")
        let off = try await CountingMachine(in: lab, clock, host: "off.example")
        let values = ["report.contact_info": "tlsrpt@example.org", "report.spread": "4h"]
        let (first, second) = (sharing(one, settings: values) { nil }, sharing(two, settings: values) { nil })
        // It makes no reports, and its settings are nobody's concern.
        let third = sharing(off) { nil }
        func steps() async { for sharing in [first, second, third, first] { await sharing.step() } }
        func warnings(_ machine: CountingMachine) -> [String] {
            machine.log.lines.filter { $0.contains("a setting differs between machines of the fleet") }
        }
        await steps()
        #expect(warnings(one).isEmpty && warnings(two).isEmpty && warnings(off).isEmpty)
        #expect(try await FleetSurvey.read(lab.owner).differences.isEmpty)
        // A setting that one version has and another has not is not compared.
        second.apply(
            FleetSettingValues(["report.contact_info": "else@example.org", "report.spread": "4h", "report.new": "x"]))
        for _ in 0..<3 { await steps() }
        #expect(warnings(one).count == 1 && warnings(two).count == 1 && warnings(off).isEmpty)
        #expect(warnings(one).first?.contains("setting=report.contact_info") == true)
        #expect(warnings(one).first?.contains("machines=mx2.example") == true, "\(warnings(one))")
        let differences = try await FleetSurvey.read(lab.owner).differences
        #expect(differences.map(\.setting) == ["report.contact_info"])
        #expect(
            differences.first?.values.map { "\($0.value) \($0.hosts)" } == [
                #"else@example.org ["mx2.example"]"#, #"tlsrpt@example.org ["mx1.example"]"#,
            ])
        second.apply(FleetSettingValues(values))
        for _ in 0..<2 { await steps() }
        #expect(one.log.lines.count { $0.contains("have to be the same in the fleet are so again") } == 1)
        #expect(warnings(one).count == 1)
    }

    @Test(
        "fleet status has what came of each day, also once the batches are gone; a batch that comes twice counts once")
    func totals() async throws {
        let machine = try await CountingMachine(in: lab, TestClock(noon))
        for round in 1...3 {
            try await machine.count("a.example", round)
            try await machine.store.seal(at: noon, isThorough: true)
        }
        try await machine.shipper.ship()
        try await machine.store.noteLacking([1, 2])
        #expect(try await machine.shipper.ship() == 2)
        func day() async throws -> FleetSurvey.Day? { try await FleetSurvey.read(lab.owner).days.first }
        #expect(try await day().map { [$0.batches, $0.sessions] } == [3, 6])
        try await lab.run("DELETE FROM sts.batch")
        #expect(try await day().map { [$0.batches, $0.sessions] } == [3, 6])
    }
}
