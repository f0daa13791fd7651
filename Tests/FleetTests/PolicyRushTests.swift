// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import LabKit
import MTASTS
import PostgreSQL
import TestKit
import Testing
@testable import Fleet

private let addresses = Locked(0)

/// One that a test does something to, or that has much to do.
private func ownServer() throws -> PostgresServer {
    try PostgresServer(address: "127.8.3.\(addresses.withLock { $0 += 1; return $0 })")
}

@Suite("Many machines fetch a policy at most twice", .serialized)
struct PolicyRushTests {
    private let lab: FleetLab
    private let hosts = PolicyHosts()
    private let clock = TestClock(SystemClock().now - .seconds(20 * 86_400))

    init() async throws {
        lab = try await FleetLab(on: ownServer())
        _ = try await FleetSchema.migrate(lab.owner, role: nil)
    }

    private func machines(_ count: Int) async throws -> [PolicyMachine] {
        let machines = try (0..<count).map { try PolicyMachine("n\($0)", in: lab, hosts, clock) }
        for machine in machines { try await machine.isWorking() }
        return machines
    }

    private func ask(_ machines: [PolicyMachine], for domains: [DomainName]) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for machine in machines {
                for domain in domains { group.addTask { await machine.mode(domain) == .enforce } }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }

    private static let count = Endurance.count(10_000, usually: 500)

    @Test("twenty machines get mail for the same unknown domains at once, and renew them half a day later")
    func cold() async throws {
        let count = Self.count
        let machines = try await machines(20)
        let domains = try (0..<count).map { try DomainName("d\($0).example") }
        hosts.set { $0.delay = .milliseconds(20) }
        let began = ContinuousClock.now
        // Ten thousand lookups at a time, which is what this one machine can do in the patience of all.
        for start in stride(from: 0, to: count, by: 500) {
            let wave = Array(domains[start..<min(start + 500, count)])
            #expect(await ask(machines, for: wave) == 20 * wave.count)
        }
        print("20 machines, \(count) domains:", hosts.allFetches, "fetches in", ContinuousClock.now - began)
        #expect(hosts.mostFetches <= 2, "\(hosts.histogram), \(machines.flatMap(\.troubles).prefix(3))")
        #expect(hosts.allFetches < count * 6 / 5)
        // All hold what one has fetched, and all are due at the same second.
        try await Wait.until("all have all", within: FleetLab.limit) {
            domains.allSatisfy { domain in machines.allSatisfy { $0.held(domain) == machines[0].held(domain) } }
        }
        for machine in machines { for domain in domains { machine.use(domain) } }
        hosts.forgetFetches()
        clock.advance(by: .seconds(43_200))
        // Two hundred at one look.
        for _ in 0..<(count / 50) where machines.contains(where: { !$0.cache.dueWork(at: clock.now).refreshes.isEmpty })
        {
            await withDiscardingTaskGroup { group in
                for machine in machines { group.addTask { _ = await PolicyRefresher(machine.cache).refreshDue() } }
            }
            try await Wait.until("all is told", within: FleetLab.limit) {
                machines.allSatisfy { $0.exchange.waitingCount == 0 }
            }
        }
        print("renewed:", hosts.allFetches, "fetches")
        try await Wait.until("all are renewed everywhere", within: FleetLab.limit) {
            domains.allSatisfy { domain in machines.allSatisfy { $0.held(domain)?.fetchedAt == clock.now } }
        }
        #expect(hosts.mostFetches <= 2, "\(hosts.histogram), \(machines.flatMap(\.troubles).prefix(3))")
        #expect(hosts.allFetches < count * 6 / 5)
    }

    @Test("a claim that nobody gives back holds a lookup up for its wait, no longer")
    func endless() async throws {
        let machine = try PolicyMachine("one", in: lab, hosts, clock, isPatient: false)
        try await machine.isWorking()
        try await lab.run("INSERT INTO sts.claim VALUES ('example.org', 'someone', now() + interval '4 minutes')")
        try await lab.run("INSERT INTO sts.claim VALUES ('example.net', 'someone', 'infinity')")
        let began = ContinuousClock.now
        #expect(await machine.mode(try DomainName("example.org")) == .enforce)
        #expect(ContinuousClock.now - began < .seconds(5))
        #expect(await machine.mode(try DomainName("example.net")) == .enforce)
        #expect(hosts.allFetches == 2)
    }
}

@Suite("A database that fails in any way holds no lookup up", .serialized)
struct PolicyFaultTests {
    private let server: PostgresServer
    private let lab: FleetLab
    private let hosts = PolicyHosts()
    private let clock = TestClock(SystemClock().now - .seconds(20 * 86_400))

    init() async throws {
        server = try ownServer()
        lab = try await FleetLab(on: server)
        _ = try await FleetSchema.migrate(lab.owner, role: nil)
    }

    /// Asks for a domain that nobody knows.
    /// - Returns: how long it took.
    private func ask(_ machine: PolicyMachine, _ name: String) async throws -> Duration {
        let domain = try DomainName(name)
        let began = ContinuousClock.now
        #expect(await machine.mode(domain) == .enforce, "\(name)")
        #expect(hosts.fetches(of: domain) == 1, "\(name)")
        return ContinuousClock.now - began
    }

    /// Not by the count of the machine: what it was not told the end of it says again.
    private func untilTold(_ count: Int) async throws {
        try await Wait.until("all is told", within: FleetLab.limit) {
            try await lab.run("SELECT count(*) FROM sts.policy").first?.integer(0) == Int64(count)
        }
    }

    @Test(
        "stopped as a whole: the first lookup waits its tenths of a second, the next ones not; then all goes on by itself"
    )
    func paused() async throws {
        let machine = try PolicyMachine("one", in: lab, hosts, clock, isPatient: false)
        try await machine.isWorking()
        server.pause()
        // Tenths of a second, and what a loaded machine takes.
        #expect(try await ask(machine, "a.example") < .seconds(3))
        #expect(!machine.exchange.isWorking)
        for number in 0..<20 { #expect(try await ask(machine, "b\(number).example") < .seconds(2)) }
        server.resume()
        try await Wait.until("it is asked again", within: FleetLab.limit) { machine.exchange.isWorking }
        try await untilTold(21)
    }

    @Test("killed, and begun anew: the same")
    func killed() async throws {
        let machine = try PolicyMachine("one", in: lab, hosts, clock, isPatient: false)
        try await machine.isWorking()
        server.kill()
        #expect(try await ask(machine, "a.example") < .seconds(3))
        try await Wait.until("it is said", within: FleetLab.limit) {
            machine.log.lines.contains { $0.hasPrefix("warning policies are not shared") }
        }
        #expect(try await ask(machine, "b.example") < .seconds(2))
        try server.start()
        try await untilTold(2)
        try await Wait.until("it is said that it is over", within: FleetLab.limit) {
            machine.log.lines.contains { $0.hasPrefix("notice policies are shared") }
        }
    }

    @Test("read-only: what others know is taken, what is not is fetched, and told later")
    func readOnly() async throws {
        let one = try PolicyMachine("one", in: lab, hosts, clock, isPatient: true)
        try await one.isWorking()
        _ = try await ask(one, "a.example")
        try await Wait.until("it is told", within: FleetLab.limit) { one.exchange.counts.offered == 1 }
        try await lab.postgresRun("ALTER DATABASE \(lab.name) SET default_transaction_read_only = on")
        try await lab.cutSessions()
        let two = try PolicyMachine("two", in: lab, hosts, clock, isPatient: true)
        let known = try DomainName("a.example")
        try await Wait.until("it is read", within: FleetLab.limit) { two.held(known) != nil }
        _ = try await ask(two, "a.example")
        _ = try await ask(two, "b.example")
        #expect(hosts.allFetches == 2)
        try await lab.postgresRun("ALTER DATABASE \(lab.name) SET default_transaction_read_only = off")
        try await lab.cutSessions()
        try await Wait.until("it is told", within: FleetLab.limit) { two.exchange.counts.offered == 1 }
    }

    @Test("without tables nothing is shared, and mail goes on")
    func noTables() async throws {
        try await lab.run("DROP SCHEMA sts CASCADE")
        let machine = try PolicyMachine("one", in: lab, hosts, clock, isPatient: false)
        _ = try await ask(machine, "a.example")
        try await Wait.until("it is said", within: FleetLab.limit) {
            machine.log.lines.contains { $0.contains("fleet migrate") }
        }
        _ = try await FleetSchema.migrate(lab.owner, role: nil)
        try await Wait.until("all is told", within: FleetLab.limit) { machine.exchange.counts.offered == 1 }
    }
}
