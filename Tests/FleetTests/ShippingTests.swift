// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import LabKit
import Logging
import PostgreSQL
import Reporting
import Store
import TLSRPT
import TestKit
import Testing
@testable import Fleet

@Suite("What a machine has counted comes to the fleet's database once, whatever is lost on the way")
struct ShippingTests {
    private let lab: FleetLab
    private let clock = TestClock(noon)

    init() async throws {
        lab = try await FleetLab()
        _ = try await FleetSchema.migrate(lab.owner, role: nil)
    }

    @Test("batches are sent in order, and a second time changes nothing")
    func plain() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        for round in 1...3 {
            try await machine.count("a.example", round)
            try await machine.store.seal(at: clock.now, isThorough: true)
        }
        #expect(try await machine.shipper.ship() == 3)
        #expect(try await machine.shipper.ship() == 0)
        #expect(try await lab.counts() == ["a.example": 6])
        // As if the answer had been lost.
        try await machine.store.noteLacking([1, 2, 3])
        #expect(try await machine.shipper.ship() == 3)
        #expect(try await lab.counts() == ["a.example": 6])
    }

    @Test("a database that was put back, or has lost the last transactions, gets again what it lacks")
    func lost() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        for round in 1...4 {
            try await machine.count("a.example", round)
            try await machine.store.seal(at: clock.now, isThorough: true)
        }
        try await machine.shipper.ship()
        try await lab.run("DELETE FROM sts.batch WHERE number IN (2, 4)")
        // Nothing tells of it before the connection goes.
        #expect(try await machine.shipper.ship() == 0)
        try await lab.cutSessions()
        try await Wait.until("it is sent again") { try await machine.tryToShip() == 2 }
        #expect(try await lab.counts() == ["a.example": 10])
    }

    @Test("a store that is older than what the database has of it is refused, and sends nothing")
    func olderStore() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        try await machine.count("a.example", 1)
        try await machine.store.seal(at: clock.now, isThorough: true)
        try await machine.shipper.ship()
        try await lab.run("UPDATE sts.batch SET number = 9")
        try await machine.count("a.example", 1)
        try await machine.store.seal(at: clock.now, isThorough: true)
        try await lab.cutSessions()
        try await Wait.until("it is refused") { try await machine.shippingError() == .storeIsOlder }
        #expect(try await lab.counts() == ["a.example": 1])
    }

    @Test("two machines with one identity: what the second counts is not taken for what the first did")
    func clones() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        try await machine.count("a.example", 1)
        try await machine.store.seal(at: clock.now, isThorough: true)
        try await machine.shipper.ship()
        let clone = try await CountingMachine(copyOf: machine, in: lab, clock)
        try await machine.count("a.example", 2)
        try await machine.store.seal(at: clock.now, isThorough: true)
        #expect(try await machine.shipper.ship() == 1)
        try await clone.count("b.example", 5)
        try await clone.store.seal(at: clock.now, isThorough: true)
        // It came later, so that it looks like a restart, whose store then lacks a batch.
        #expect(try await clone.shippingError() == .storeIsOlder)
        #expect(try await machine.shippingError() == .none)
        try await machine.count("a.example", 2)
        try await machine.store.seal(at: clock.now, isThorough: true)
        #expect(try await machine.shippingError() == .copied(host: "clone.example"))
        // Cured on the machine with the copy, the other goes on with its next start.
        try await clone.store.adopt(on: "m", from: clock.now.day)
        let cured = try await CountingMachine(of: clone, in: lab, clock)
        let restarted = try await CountingMachine(of: machine, in: lab, clock)
        try await cured.count("b.example", 1)
        try await cured.store.seal(at: clock.now, isThorough: true)
        _ = try await (restarted.shipper.ship(), cured.shipper.ship())
        #expect(try await lab.counts()["a.example"] == 5)
    }

    @Test("a store that has taken the place of another under the daemon sends nothing under its identity")
    func otherStore() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        try await machine.store.adopt(on: "m", from: clock.now.day)
        try await machine.count("a.example", 1)
        try await machine.store.seal(at: clock.now, isThorough: true)
        #expect(try await machine.shippingError() == .otherStore)
        #expect(try await lab.counts().isEmpty)
    }

    @Test("a day that was ended goes on when a count comes late")
    func late() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        try await machine.count("a.example", 1)
        try await machine.store.seal(at: clock.now, isThorough: true)
        try await machine.shipper.ship()
        try await lab.run("UPDATE sts.day SET ended = now()")
        try await machine.count("a.example", 1)
        try await machine.store.seal(at: clock.now, isThorough: true)
        try await machine.shipper.ship()
        #expect(try await lab.run("SELECT count(*) FROM sts.day WHERE ended IS NULL").first?.integer(0) == 1)
    }

    @Test("a day is closed once it is over, its counts are read, and none of them waits")
    func closing() async throws {
        let machine = try await CountingMachine(in: lab, clock)
        let readThrough = Locked<UTCTime?>(nil)
        let sharing = CountSharing(
            machine.store, by: machine.database, as: machine.member, clock: clock, logger: machine.log.logger
        ) { readThrough.withLock { $0 } }
        func closed() async throws -> Int64? {
            await sharing.step()
            return try await lab.run("SELECT closed_through FROM sts.node").first?.integer(0)
        }
        let today = clock.now.day
        try await machine.count("a.example", 1)
        // It is not known what was read.
        #expect(try await closed() == 0)
        readThrough.withLock { $0 = clock.now }
        #expect(try await closed() == today.daysSinceEpoch - 1)
        // Over, but read only up to noon.
        clock.set(today.advanced(by: 1).start + CountSharing.grace + .seconds(60))
        #expect(try await closed() == today.daysSinceEpoch - 1)
        readThrough.withLock { $0 = clock.now }
        // Over and read, but what was counted does not get through.
        try await lab.run("ALTER TABLE sts.batch RENAME TO away")
        try await machine.count("a.example", 1, on: today)
        #expect(try await closed() == today.daysSinceEpoch - 1)
        try await lab.run("ALTER TABLE sts.away RENAME TO batch")
        #expect(try await closed() == today.daysSinceEpoch)
        #expect(machine.log.lines.contains { $0.contains("the fleet's database is used again") })
    }

    @Test("while the database is full, read-only, silent or away all waits, and comes later by itself")
    func away() async throws {
        let relay = try TCPRelay(address: "127.8.2.9", port: 5432, to: (lab.postgres.address, lab.postgres.port))
        defer { relay.stop() }
        let machine = try await CountingMachine(in: lab, clock, address: relay.address)
        var expected = 0
        func count() async throws {
            expected += 1
            try await machine.count("a.example", 1)
            try await machine.store.seal(at: clock.now, isThorough: true)
        }
        for mode in [TCPRelay.Mode.refuse, .cutAnswers] {
            try await count()
            relay.set(mode)
            relay.cut()
            _ = try await machine.shippingError()
            relay.set(.pass)
            relay.cut()
            try await Wait.until("all is there", within: .seconds(30)) {
                _ = try await machine.shippingError()
                return try await lab.counts() == ["a.example": expected]
            }
        }
        try await count()
        try await lab.run("ALTER DATABASE \(lab.name) SET default_transaction_read_only = on")
        try await lab.cutSessions()
        try await Wait.until("it is read-only") {
            if case .database(let error)? = try await machine.shippingError() { return error.cause == .readOnly }
            return false
        }
        try await lab.postgresRun("ALTER DATABASE \(lab.name) RESET default_transaction_read_only")
        try await lab.cutSessions()
        try await Wait.until("all is there") {
            _ = try await machine.shippingError()
            return try await lab.counts() == ["a.example": expected]
        }
        #expect(try await machine.store.backlog().batches == 0)
    }
}
