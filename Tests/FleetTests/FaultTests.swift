// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Reporting
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

        /// A machine behind a network that can be cut; it may be killed, and is then another process on the same store.
        private final class Place {
            let relay: TCPRelay
            let name: String
            let site: FleetSite
            var machine: Machine
            /// Sendings under way when it was killed.
            var lost: Set<String> = []

            init(_ site: FleetSite, _ name: String, port: Int) throws {
                self.site = site
                self.name = name
                relay = try TCPRelay(
                    address: "127.8.2.10", port: port, to: (site.lab.postgres.address, site.lab.postgres.port))
                machine = try Machine(site, name, by: relay)
            }

            /// Claims, marks some of it, and is gone.
            func kill(_ random: inout SplitMix) async throws {
                let owner = DeliveryOwner(name: "killed \(random.next())", lease: .seconds(1800))
                var order = DeliveryOrder()
                order.limit = 3
                let claim = try? await machine.outbox.claim(order, for: owner, at: SystemClock().now)
                for delivery in claim?.deliveries ?? [] where Bool.random(using: &random) {
                    let isMarked = try? await machine.outbox.markSending(delivery, by: owner, at: SystemClock().now)
                    if isMarked == true { lost.insert(delivery.destination.description) }
                }
                machine.close()
                try machine.store.close()
                machine = try Machine(site, name, by: relay)
            }

            func stop() {
                machine.close()
                relay.stop()
            }
        }

        private struct SplitMix: RandomNumberGenerator {
            var state: UInt64
            mutating func next() -> UInt64 {
                state &+= 0x9E37_79B9_7F4A_7C15
                var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
                mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
                return mixed ^ (mixed >> 31)
            }
        }

        @Test(
            "killed machines, cut networks, servers that take over without the last transactions",
            arguments: seeds)
        func faults(seed: UInt64) async throws {
            let server = try PostgresServer(address: "127.8.2.\(20 + seed % 100)")
            var random = SplitMix(state: seed)
            let site = try await FleetSite(on: server)
            let all = (0..<Self.domains).map { "https://x\($0).example/" }
            for (index, destination) in all.enumerated() {
                site.records.set("d\(index).example", rua: destination)
                try await site.ship(["d\(index).example": (1, 0)])
            }
            let places = try Self.machines.enumerated().map { index, name in
                try Place(site, name, port: 5500 + Int(seed) * 4 + index)
            }
            defer { for place in places { place.stop() } }
            for _ in 0..<Self.rounds { try await round(site, places, &random) }
            try await end(site, places)
            let sent = site.carrier.sent
            let lost = places.reduce(into: Set<String>()) { $0.formUnion($1.lost) }
            #expect(Set(sent).count == sent.count, "\(sent.sorted())")
            // Nobody knows what came of those that were under way when a machine was killed.
            #expect(Set(sent).union(lost) == Set(all), "\(sent.sorted()) \(lost.sorted())")
            for (destination, state) in try await site.states() {
                #expect(state == (sent.contains(destination) ? "accepted" : "uncertain"), "\(destination)")
            }
        }

        private func round(_ site: FleetSite, _ places: [Place], _ random: inout SplitMix) async throws {
            try await site.forgetBackUp()
            try await site.backUp()
            for _ in 0..<4 {
                let place = places[Int.random(in: places.indices, using: &random)]
                switch Int.random(in: 0..<6, using: &random) {
                case 0: _ = try? await place.machine.build()
                case 1:
                    try await site.lab.run("UPDATE sts.day SET until = now() - interval '1 s'")
                    _ = try? await place.machine.build()
                case 2: try await place.kill(&random)
                case 3: await send(site, place, cutBefore: true, &random)
                case 4: await send(site, place, cutBefore: false, &random)
                default: try? await place.machine.send()
                }
                place.relay.set(.pass)
            }
            guard Bool.random(using: &random) else { return }
            // A standby takes over that has nothing of this round.
            try await site.lab.restart()
            try await site.putBack()
        }

        /// Sends, and has the network cut at one of the deliveries, before the mark or after the last octet.
        private func send(_ site: FleetSite, _ place: Place, cutBefore: Bool, _ random: inout SplitMix) async {
            let left = Locked(Int.random(in: 0..<4, using: &random))
            let relay = place.relay
            let cut: @Sendable () -> Void = {
                guard
                    left.withLock({
                        $0 -= 1; return $0 == 0
                    })
                else { return }
                relay.set(.refuse)
                relay.cut()
            }
            if cutBefore {
                site.carrier.set(prepared: { cut() })
            } else {
                site.carrier.set(finished: {
                    cut()
                    return .accepted("201")
                })
            }
            try? await place.machine.send()
            site.carrier.set()
        }

        /// All is well again, for long enough.
        private func end(_ site: FleetSite, _ places: [Place]) async throws {
            try await site.lab.run("UPDATE sts.day SET until = now() - interval '1 s'")
            for place in places { try? await place.machine.send() }
            for _ in 0..<2 {
                for place in places { _ = try? await place.machine.build() }
            }
            try await Wait.until("all is settled", within: .seconds(30)) {
                try await site.lab.run(
                    "UPDATE sts.delivery SET claimed_until = now() - interval '1 s' WHERE claimed_until > now()")
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
