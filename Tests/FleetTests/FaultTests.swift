// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Reporting
import TLSRPT
import TestKit
import Testing
@testable import Fleet

extension ReportTests {
    @Suite("Whatever faults come in whatever order, no destination gets a report twice, and none is forgotten")
    struct FaultTests {
        private static let rounds = 6
        private static let seeds = Array(1...UInt64(Endurance.count(40, usually: 2)))
        private static let domains = 12
        private static let machines = ["a", "b", "c"]

        /// Longer than a test: it ends once all machines have said what they sent.
        private static let quiet = Duration.seconds(3600)

        /// A machine behind a network that can be cut, with a clock that is set at random; it may be killed, and is then another
        /// process on the same store.
        private final class Place {
            let relays: [TCPRelay]
            let clock = SkewedClock()
            let name: String
            let site: FleetSite
            var machine: Machine
            /// Sendings under way when it was killed.
            var lost: Set<String> = []

            init(_ site: FleetSite, _ name: String, _ servers: Servers, port: Int) throws {
                self.site = site
                self.name = name
                relays = try servers.addresses.enumerated().map { index, address in
                    try TCPRelay(address: "127.8.2.\(10 + index)", port: port, to: (address, 5432))
                }
                machine = try Machine(site, name, quiet: FaultTests.quiet, by: relays, clock: clock)
            }

            /// Claims, marks some of it, and is gone.
            func kill(_ random: inout SeededGenerator) async throws {
                let owner = DeliveryOwner(name: "killed \(random.next())", lease: .seconds(1800))
                var order = DeliveryOrder()
                order.limit = 3
                let claim = try? await machine.outbox.claim(order, for: owner, at: clock.now)
                for delivery in claim?.deliveries ?? [] where Bool.random(using: &random) {
                    let isMarked = try? await machine.outbox.markSending(delivery, by: owner, at: clock.now)
                    if isMarked == true { lost.insert(delivery.destination.description) }
                }
                machine.close()
                try machine.store.close()
                machine = try Machine(site, name, quiet: FaultTests.quiet, by: relays, clock: clock)
            }

            func setNetwork(isUp: Bool) { Self.set(relays, isUp: isUp) }

            static func set(_ relays: [TCPRelay], isUp: Bool) {
                for relay in relays {
                    relay.set(isUp ? .pass : .refuse)
                    if !isUp { relay.cut() }
                }
            }

            func stop() {
                machine.close()
                for relay in relays { relay.stop() }
            }
        }

        /// How a database goes back.
        private enum Servers {
            /// Started anew, with rows that were put back.
            case one(PostgresServer)
            /// A standby that is promoted, and lacks the last transactions.
            case pair(ServerPair)

            var addresses: [String] {
                switch self {
                case .one(let server): [server.address]
                case .pair(let pair): pair.addresses
                }
            }
        }

        @Test(
            "killed machines, cut networks, clocks that jump, servers that are put back to an older state",
            arguments: seeds)
        func faults(seed: UInt64) async throws {
            try await run(.one(PostgresServer(address: "127.8.2.\(40 + seed % 100)")), seed)
        }

        @Test("the same with a standby that takes over without the last transactions", arguments: seeds)
        func standby(seed: UInt64) async throws {
            let pair = try ServerPair(["127.8.3.\(1 + seed % 100)", "127.8.3.\(101 + seed % 100)"])
            defer { pair.stop() }
            try await run(.pair(pair), seed)
            #expect(pair.losses > 0, "no promotion lost anything: the test shows less than it says")
        }

        /// Up to a day ahead or behind.
        private static func skew(_ random: inout SeededGenerator) -> Duration {
            .seconds(Int64.random(in: -86_400...86_400, using: &random))
        }

        private func run(_ servers: Servers, _ seed: UInt64) async throws {
            var random = SeededGenerator(seed: seed)
            let site: FleetSite
            switch servers {
            case .one(let server): site = try await FleetSite(on: server)
            case .pair(let pair): site = try await FleetSite(pair: pair)
            }
            let all = (0..<Self.domains).map { "https://x\($0).example/" }
            for (index, destination) in all.enumerated() {
                site.records.set("d\(index).example", rua: destination)
                try await site.ship(["d\(index).example": (index, 1)])
            }
            let places = try Self.machines.enumerated().map { index, name in
                try Place(site, name, servers, port: 5500 + Int(seed) * 4 + index)
            }
            defer { for place in places { place.stop() } }
            for number in 0..<Self.rounds {
                try await round(site, servers, places, isLost: number == 0 || Bool.random(using: &random), &random)
            }
            try await end(site, places)
            let sent = site.carrier.sent
            let lost = places.reduce(into: Set<String>()) { $0.formUnion($1.lost) }
            #expect(Set(sent).count == sent.count, "\(sent.sorted())")
            // Nobody knows what came of those that were under way when a machine was killed.
            #expect(Set(sent).union(lost) == Set(all), "\(sent.sorted()) \(lost.sorted())")
            for (destination, state) in try await site.states() {
                #expect(state == (sent.contains(destination) ? "accepted" : "uncertain"), "\(destination)")
            }
            // Each has what was counted, as if nothing had happened.
            for report in site.carrier.reports {
                let index = Int(report.policyDomain.ascii.dropFirst().prefix { $0 != "." }) ?? -1
                #expect(report.totals == Tally(successes: index, failures: 1) && report.day == site.day)
            }
        }

        private func round(
            _ site: FleetSite, _ servers: Servers, _ places: [Place], isLost: Bool, _ random: inout SeededGenerator
        ) async throws {
            // What is deferred is tried again within a day.
            try await site.lab.run("UPDATE sts.delivery SET next_try = now() WHERE state = 'deferred'")
            let steps = 4
            // From here on it is lost.
            let first = isLost ? Int.random(in: 0..<steps, using: &random) : steps
            for step in 0..<steps {
                if step == first { try await beginLosing(site, servers) }
                for place in places where Bool.random(using: &random) { place.clock.set(ahead: Self.skew(&random)) }
                let place = places[Int.random(in: places.indices, using: &random)]
                switch Int.random(in: 0..<7, using: &random) {
                case 0: await build(site, place, &random)
                case 1:
                    try await site.lab.run("UPDATE sts.day SET until = now() - interval '1 s'")
                    await build(site, place, &random)
                case 2: try await place.kill(&random)
                case 3: await send(site, place, fault: .cutBefore, &random)
                case 4: await send(site, place, fault: .cutAfter, &random)
                case 5: await send(site, place, fault: .deferral, &random)
                default: try? await place.machine.send()
                }
                place.setNetwork(isUp: true)
            }
            guard isLost else { return }
            switch servers {
            case .one:
                try await site.lab.restart()
                try await site.putBack()
            case .pair: try await site.lab.failOver()
            }
            let before = site.carrier.sent.count
            try? await places[Int.random(in: places.indices, using: &random)].machine.send()
            #expect(site.carrier.sent.count == before, "sent before all machines have said what they sent")
            try await endQuiet(site, places)
        }

        private func beginLosing(_ site: FleetSite, _ servers: Servers) async throws {
            switch servers {
            case .one:
                try await site.forgetBackUp()
                try await site.backUp()
            case .pair(let pair):
                try await pair.catchUp()
                pair.primary.pauseReplication()
            }
        }

        /// Has all machines say what they have sent, until none of them finds any more that the database has gone back.
        private func endQuiet(_ site: FleetSite, _ places: [Place]) async throws {
            func epoch() async throws -> String? { try await site.lab.run("SELECT epoch FROM sts.sender").first?[0] }
            try await Wait.until("all machines have said what they sent", within: FleetLab.limit) {
                let before = try await epoch()
                for place in places where (try? await place.machine.send()) == nil { return false }
                return try await epoch() == before
            }
            try await site.lab.run("UPDATE sts.sender SET quiet_until = '-infinity'")
        }

        /// Builds, and has the clock set while a record is looked up.
        private func build(_ site: FleetSite, _ place: Place, _ random: inout SeededGenerator) async {
            let (clock, skew) = (place.clock, Self.skew(&random))
            site.records.onLook { _ in clock.set(ahead: skew) }
            _ = try? await place.machine.build()
            site.records.onLook { _ in }
        }

        private enum SendingFault { case cutBefore, cutAfter, deferral }

        /// Sends; at one of the deliveries the network is cut, before the mark or after the last octet, or the destination is not
        /// there. Meanwhile the clock is set.
        private func send(_ site: FleetSite, _ place: Place, fault: SendingFault, _ random: inout SeededGenerator) async
        {
            let left = Locked(Int.random(in: 0..<4, using: &random))
            let (relays, clock, skew) = (place.relays, place.clock, Self.skew(&random))
            let isNow: @Sendable () -> Bool = {
                clock.set(ahead: skew)
                return left.withLock {
                    $0 -= 1
                    return $0 == 0
                }
            }
            switch fault {
            case .cutBefore:
                site.carrier.set(prepared: {
                    if isNow() { Place.set(relays, isUp: false) }
                    return nil
                })
            case .cutAfter:
                site.carrier.set(finished: {
                    if isNow() { Place.set(relays, isUp: false) }
                    return .accepted("201")
                })
            case .deferral: site.carrier.set(prepared: { isNow() ? .deferred("away", after: nil) : nil })
            }
            try? await place.machine.send()
            site.carrier.set()
        }

        /// All is well again, for long enough.
        private func end(_ site: FleetSite, _ places: [Place]) async throws {
            try await site.lab.run("UPDATE sts.day SET until = now() - interval '1 s', rests_until = '-infinity'")
            try await endQuiet(site, places)
            for _ in 0..<2 {
                for place in places { _ = try? await place.machine.build() }
            }
            try await Wait.until("all is settled", within: FleetLab.limit) {
                try await site.lab.run(
                    "UPDATE sts.delivery SET claimed_until = now() - interval '1 s' WHERE claimed_until > now()")
                try await site.lab.run("UPDATE sts.delivery SET next_try = now() WHERE state = 'deferred'")
                for place in places { try? await place.machine.send() }
                return try await site.number(
                    "SELECT count(*) FROM sts.delivery WHERE state IN ('accepted', 'uncertain')") == Self.domains
            }
        }
    }
}

extension FleetSite {
    func forgetBackUp() async throws {
        for table in ["day", "report", "delivery", "report_share", "sender"] {
            try await lab.run("DROP TABLE IF EXISTS \(table)_kept")
        }
    }
}
