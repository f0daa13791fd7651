// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip
import LabKit
import Logging
import PostgreSQL
import Reporting
import Store
import TLSRPT
import TestKit
@testable import Fleet

/// Machines of one fleet, what was counted on them yesterday, and the destinations of their reports.
final class FleetSite: Sendable {
    let lab: FleetLab
    let directory: TemporaryDirectory
    /// The day before today, by the database's clock.
    let day: UTCDay
    let records = Records()
    let carrier = Carrier()
    private let numbers = Locked<Int64>(0)

    init(on own: PostgresServer? = nil, pair: ServerPair? = nil) async throws {
        lab = try await FleetLab(on: own, pair: pair)
        directory = try TemporaryDirectory("sts-lab-fleet")
        _ = try await FleetSchema.migrate(lab.owner, role: nil)
        let today = try await lab.run("SELECT \(FleetDailyCounts.today)").first?.integer(0) ?? 0
        day = UTCDay(daysSinceEpoch: today - 1)
    }

    /// Writes a batch as a machine does that ships it.
    func ship(_ counts: [String: (successes: Int, failures: Int)], from node: String = "a") async throws {
        let lines = try counts.map { name, count in
            CountsLine(
                domain: try DomainName(name),
                result: PolicyResult(
                    ReportedPolicy(.noPolicyFound, domain: name),
                    Tally(successes: count.successes, failures: count.failures)))
        }
        try await ship(Self.body(lines), lines: lines.count, from: node)
    }

    static func body(_ lines: [CountsLine]) throws -> [UInt8] {
        try compress(lines.flatMap { try CountsEntry.line($0).octets + [0x0A] })
    }

    func ship(_ body: [UInt8], lines: Int, from node: String = "a") async throws {
        let number = numbers.withLock {
            $0 += 1; return $0
        }
        try await lab.run(
            "INSERT INTO sts.day (day) VALUES ($1) ON CONFLICT DO NOTHING", [.integer(day.daysSinceEpoch)])
        try await lab.run("UPDATE sts.day SET ended = NULL WHERE day = $1", [.integer(day.daysSinceEpoch)])
        try await lab.run(
            "INSERT INTO sts.batch (node, number, day, lines, sessions, body) VALUES ($1, $2, $3, $4, 0, $5)",
            [
                .text(node), .integer(number), .integer(day.daysSinceEpoch), .integer(Int64(lines)), .octets(body),
            ])
    }

    /// Tables of the reports as they are now, to be put back.
    func backUp() async throws {
        for table in Self.tables { try await lab.run("CREATE TABLE \(table)_kept AS SELECT * FROM sts.\(table)") }
    }

    func putBack() async throws {
        let all = Self.tables.flatMap { ["DELETE FROM sts.\($0);", "INSERT INTO sts.\($0) SELECT * FROM \($0)_kept;"] }
        try await lab.run("DO $$ BEGIN \(all.joined(separator: " ")) END $$")
    }

    private static let tables = ["day", "report", "delivery", "report_share", "sender"]

    /// The states of deliveries, by destination.
    func states() async throws -> [String: String] {
        let rows = try await lab.run("SELECT destination, state FROM sts.delivery")
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0] ?? "", $0[1] ?? "") })
    }

    func number(_ sql: String) async throws -> Int64 { try await lab.run(sql).first?.integer(0) ?? -1 }
}

/// One machine of the fleet.
final class Machine: Sendable {
    let name: String
    let store: Store
    let database: FleetDatabase
    let counts: FleetDailyCounts
    let outbox: FleetOutbox
    let log = CapturedLog()
    let clock: FleetClock
    private let site: FleetSite

    init(
        _ site: FleetSite, _ name: String, wait: Duration = .seconds(0), steadiness: Duration = .zero,
        quiet: Duration = .seconds(2), by relays: [TCPRelay] = [], clock own: any WallClock = SystemClock()
    ) throws {
        self.site = site
        self.name = name
        store = try Store(path: site.directory.path + "/\(name).sqlite", logger: log.logger)
        database = try site.lab.member(name, machine: "m-" + name, host: "\(name).example", by: relays, clock: own)
        clock = FleetClock(database, else: own)
        let sums = ScratchCounts(path: site.directory.path + "/\(name).fleet", logger: log.logger)
        counts = FleetDailyCounts(database, sums: sums, host: "\(name).example", wait: wait, steadiness: steadiness)
        var limits = FleetOutbox.Limits()
        limits.quiet = quiet
        outbox = FleetOutbox(database, memory: store, limits: limits, logger: log.logger)
    }

    func close() { database.close() }

    func readiness() async throws -> DayReadiness { try await counts.readiness(of: site.day, at: clock.now) }

    var builder: ReportBuilder {
        get async throws {
            guard let contact = Mailbox("tlsrpt@mta.example") else { throw LabError("no address") }
            var settings = ReportingSettings(organizationName: "Example", contact: contact, source: name)
            settings.spread = .zero
            settings.token = try await counts.token()
            return ReportBuilder(
                counts: counts, records: site.records, settings: settings, clock: clock, logger: log.logger)
        }
    }

    @discardableResult
    func build() async throws -> ReportBuilder.Summary { try await builder.build(site.day) }

    func send() async throws {
        try await ReportSender(
            outbox: outbox, carrier: site.carrier, clock: clock, logger: log.logger,
            owner: "process of \(name) \(UInt64.random(in: 0...UInt64.max))"
        ).send(DeliveryOrder())
    }
}

/// A clock that is wrong by as much as the test says.
final class SkewedClock: WallClock {
    private let ahead = Locked(Duration.zero)

    var now: UTCTime { SystemClock().now + ahead.withLock { $0 } }
    func set(ahead new: Duration) { ahead.withLock { $0 = new } }
}

/// TLSRPT records from a table: what is not in it is absent.
final class Records: ReportRecordSource {
    private let table = Locked<[String: String]>([:])
    private let asked = Locked(Look { _ in })

    /// A function that is held as a generic value is wrapped once more each time it is taken.
    private struct Look: Sendable {
        let body: @Sendable (String) async -> Void
    }

    func set(_ domain: String, rua: String...) {
        table.withLock { $0[domain] = "v=TLSRPTv1; rua=" + rua.joined(separator: ",") }
    }

    func onLook(_ body: @escaping @Sendable (String) async -> Void) { asked.withLock { $0 = Look(body: body) } }

    func record(for domain: DomainName) async -> ReportRecordLookup {
        await asked.withLock { $0 }.body(domain.ascii)
        guard let text = table.withLock({ $0[domain.ascii] }) else { return .found(.absent) }
        return .found(TLSRPTRecord.select(from: [text]))
    }
}

/// Counts what is sent in truth: a report whose last octet went.
final class Carrier: ReportCarrier {
    private struct State {
        var sent: [String] = []
        var reports: [CompressedReport] = []
        var prepared: @Sendable () async -> SendResult? = { nil }
        var finished: @Sendable () async -> SendResult = { .accepted("201") }
    }

    private let state = Locked(State())

    /// Destinations, as often as they got a report.
    var sent: [String] { state.withLock { $0.sent } }
    var reports: [CompressedReport] { state.withLock { $0.reports } }

    /// - Parameters:
    ///   - prepared: what happens when all but the last octet is sent; a result is how it ends there.
    ///   - finished: what happens behind the last octet.
    func set(
        prepared: @escaping @Sendable () async -> SendResult? = { nil },
        finished: @escaping @Sendable () async -> SendResult = { .accepted("201") }
    ) {
        state.withLock { state in
            state.prepared = prepared
            state.finished = finished
        }
    }

    func prepare(_ report: CompressedReport, for destination: ReportDestination) async -> ReportPreparation {
        if let result = await state.withLock({ $0.prepared })() { return .ended(result) }
        return .held(Held(carrier: self, report: report, destination: destination.description))
    }

    private struct Held: HeldReport {
        let carrier: Carrier
        let report: CompressedReport
        let destination: String

        func finish() async -> SendResult {
            let finished = carrier.state.withLock { state in
                state.sent.append(destination)
                state.reports.append(report)
                return state.finished
            }
            return await finished()
        }

        func withdraw() {}
    }
}
