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
@testable import Fleet

let noon = UTCTime(secondsSinceEpoch: 1_790_000_000)

/// A machine of the fleet: a store, what is counted in it, and its connection.
final class CountingMachine: Sendable {
    let store: Store
    let database: FleetDatabase
    let member: FleetMember
    let shipper: CountShipper
    let log: CapturedLog
    private let directory: TemporaryDirectory
    private let clock: any WallClock

    private init(
        _ store: Store, _ directory: TemporaryDirectory, _ lab: FleetLab, _ clock: any WallClock, host: String,
        address: String?
    ) async throws {
        self.store = store
        self.directory = directory
        self.clock = clock
        log = CapturedLog()
        member = FleetMember(node: try await store.node(on: "m").node.id, machine: "m", host: host, program: "0")
        database = try FleetDatabase(lab.server(at: address), as: member, clock: clock)
        shipper = CountShipper(store, to: database, as: member, clock: clock)
    }

    convenience init(
        in lab: FleetLab, _ clock: any WallClock, host: String = "mx.example", address: String? = nil
    ) async throws {
        let directory = try TemporaryDirectory("fleet-machine")
        let store = try Store(path: directory.path + "/store", logger: CapturedLog().logger)
        try await self.init(store, directory, lab, clock, host: host, address: address)
    }

    /// With a copy of another's disk.
    convenience init(copyOf other: CountingMachine, in lab: FleetLab, _ clock: any WallClock) async throws {
        let directory = try TemporaryDirectory("fleet-machine")
        for file in try FileManager.default.contentsOfDirectory(atPath: other.directory.path) {
            try FileManager.default.copyItem(
                atPath: other.directory.path + "/" + file, toPath: directory.path + "/" + file)
        }
        let store = try Store(path: directory.path + "/store", logger: CapturedLog().logger)
        try await self.init(store, directory, lab, clock, host: "clone.example", address: nil)
    }

    /// The same after a restart.
    convenience init(of other: CountingMachine, in lab: FleetLab, _ clock: any WallClock) async throws {
        other.database.close()
        try await self.init(other.store, other.directory, lab, clock, host: other.member.host, address: nil)
    }

    deinit { database.close() }

    func count(_ domain: String, _ sessions: Int, on day: UTCDay? = nil) async throws {
        let ledger = Ledger(store: store, clock: clock, logger: log.logger)
        let policy = AppliedPolicy.reported(ReportedPolicy(.sts, domain: domain, strings: ["one"]))
        ledger.record(
            [
                SessionCount(
                    day: day ?? clock.now.day, domain: try DomainName(domain), policy: policy, isFailure: false,
                    details: [])
            ], times: sessions)
        guard await ledger.flush() else { throw LabError("not counted") }
    }

    func tryToShip() async throws -> Int { (try? await shipper.ship()) ?? 0 }

    /// Why nothing can be sent; nil if all was.
    func shippingError() async throws -> FleetError? {
        do {
            try await shipper.ship()
            return nil
        } catch let error as FleetError {
            return error
        }
    }
}

extension FleetLab {
    /// Sessions of the batches by domain.
    func counts() async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for row in try await run("SELECT body FROM sts.batch") {
            for line in try CountBatch.lines(in: row.octets(0) ?? []) {
                counts[line.domain.ascii, default: 0] += line.result.tally.sessions
            }
        }
        return counts
    }

    /// Ends all connections but the lab's.
    func cutSessions() async throws {
        try await run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND datname = current_database()
            """)
    }
}
