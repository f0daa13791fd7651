// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import PostgreSQL
import Reporting
import TLSRPT
import TestKit
import Testing
@testable import Fleet

extension ReportTests {
    @Suite("No destination gets a report twice, whatever becomes of machines and database")
    struct DeliveryTests {
        private func site(
            _ destinations: String..., on own: PostgresServer? = nil
        ) async throws -> FleetSite {
            let site = try await FleetSite(on: own)
            for (index, destination) in destinations.enumerated() {
                site.records.set("d\(index).example", rua: destination)
                try await site.ship(["d\(index).example": (1, 0)])
            }
            let builder = try Machine(site, "builder")
            defer { builder.close() }
            try await builder.build()
            return site
        }

        private static let (x, y) = ("https://x.example/", "https://y.example/")

        @Test("what a machine had begun when it was killed is uncertain, and not sent again; the rest another sends")
        func killed() async throws {
            let site = try await site(Self.x, Self.y)
            let (a, b) = (try Machine(site, "a"), try Machine(site, "b"))
            defer { b.close() }
            let owner = DeliveryOwner(name: "dead", lease: .seconds(1800))
            var order = DeliveryOrder()
            order.limit = 2
            let claim = try await a.outbox.claim(order, for: owner, at: SystemClock().now)
            let first = try #require(claim.deliveries.first { $0.destination.description == Self.x })
            #expect(claim.deliveries.count == 2)
            #expect(try await a.outbox.markSending(first, by: owner, at: SystemClock().now))
            a.close()
            try await b.send()
            #expect(site.carrier.sent.isEmpty, "the leases still hold")
            try await site.lab.run("UPDATE sts.delivery SET claimed_until = now() - interval '1 s'")
            try await b.send()
            try await b.send()
            #expect(site.carrier.sent == [Self.y])
            #expect(try await site.states() == [Self.x: "uncertain", Self.y: "accepted"])
            #expect(b.log.lines.contains { $0.contains("may have been delivered before the program ended") })
            // The same machine, started again, leaves it so.
            let again = try Machine(site, "a")
            defer { again.close() }
            try await again.send()
            #expect(site.carrier.sent == [Self.y])

            // Only the operator has it sent again, and what machines remember of before does not undo that.
            #expect(try await FleetReportList(site.lab.owner).reopen(site.day, nil).due == 1)
            let third = try Machine(site, "a")
            defer { third.close() }
            try await third.send()
            #expect(site.carrier.sent == [Self.y, Self.x])
        }

        @Test("a machine that lost its claim sends nothing, but what came of a sending of its own counts")
        func lostClaim() async throws {
            let site = try await site(Self.x, Self.y)
            let a = try Machine(site, "a")
            defer { a.close() }
            let owner = DeliveryOwner(name: "slow", lease: .seconds(1800))
            var order = DeliveryOrder()
            order.limit = 2
            let now = SystemClock().now
            let claimed = try await a.outbox.claim(order, for: owner, at: now).deliveries.sorted {
                $0.destination.description < $1.destination.description
            }
            #expect(claimed.count == 2)
            #expect(try await a.outbox.markSending(claimed[0], by: owner, at: now))
            try await site.lab.run("UPDATE sts.delivery SET claimed_until = now() - interval '1 s'")
            #expect(try await !a.outbox.markSending(claimed[1], by: owner, at: now))
            let b = try Machine(site, "b")
            defer { b.close() }
            site.carrier.set(finished: { .deferred("later", after: nil) })
            try await b.send()
            #expect(try await site.states() == [Self.x: "uncertain", Self.y: "deferred"])
            let accepted = DeliveryConclusion(.accepted, nextTry: now, text: "201")
            for one in claimed { try await a.outbox.conclude(one, as: accepted, by: owner, at: now) }
            #expect(try await site.states() == [Self.x: "accepted", Self.y: "deferred"])
        }

        @Test("machines together send to one host no more at a time than one machine does")
        func shares() async throws {
            let site = try await site("https://x.example/1", "https://x.example/2", "https://x.example/3", Self.y)
            let (a, b) = (try Machine(site, "a"), try Machine(site, "b"))
            defer {
                a.close()
                b.close()
            }
            var order = DeliveryOrder()
            (order.limit, order.limitPerHost) = (10, 2)
            let now = SystemClock().now
            let first = try await a.outbox.claim(
                order, for: DeliveryOwner(name: "a", lease: .seconds(1800)), at: now)
            #expect(first.deliveries.count == 3)
            let second = try await b.outbox.claim(
                order, for: DeliveryOwner(name: "b", lease: .seconds(1800)), at: now)
            #expect(second.deliveries.isEmpty)
        }

        @Test("while the database cannot be asked nothing is sent, and then once", arguments: [false, true])
        func markFails(isCommitted: Bool) async throws {
            let site = try await site(Self.x)
            let relay = try TCPRelay(
                address: "127.8.2.9", port: isCommitted ? 5441 : 5440,
                to: (site.lab.postgres.address, site.lab.postgres.port))
            let a = try Machine(site, "a", by: [relay])
            defer {
                a.close()
                relay.stop()
            }
            site.carrier.set(prepared: {
                relay.set(.refuse)
                relay.cut()
                return nil
            })
            try? await a.send()
            #expect(site.carrier.sent.isEmpty)
            if isCommitted {
                // The mark was written, and only the answer lost.
                try await site.lab.run("UPDATE sts.delivery SET state = 'sending'")
            }
            site.carrier.set()
            await #expect(throws: FleetError.self) { try await a.send() }
            relay.set(.pass)
            try await site.lab.run(
                "UPDATE sts.delivery SET claimed_until = now() - interval '1 s' WHERE state = 'waiting'")
            try await Wait.until("it is sent") {
                try? await a.send()
                return !site.carrier.sent.isEmpty
            }
            try await a.send()
            #expect(site.carrier.sent == [Self.x])
            #expect(try await site.states() == [Self.x: "accepted"])
        }

        @Test("what came of a sending is not lost with the connection", arguments: ["accepted", "deferred"])
        func lostConclusion(state: String) async throws {
            let site = try await site(Self.x)
            let relay = try TCPRelay(
                address: "127.8.2.9", port: state == "accepted" ? 5442 : 5443,
                to: (site.lab.postgres.address, site.lab.postgres.port))
            let a = try Machine(site, "a", by: [relay])
            defer {
                a.close()
                relay.stop()
            }
            site.carrier.set(finished: {
                relay.set(.refuse)
                relay.cut()
                return state == "accepted" ? .accepted("201") : .deferred("later", after: nil)
            })
            try? await a.send()
            #expect(try await site.states() == [Self.x: "sending"])
            relay.set(.pass)
            try await Wait.until("it is said") {
                try? await a.send()
                return (try? await site.states()) == [Self.x: state]
            }
            #expect(site.carrier.sent == [Self.x])
            #expect(try await a.store.sendings(after: nil).count == (state == "accepted" ? 1 : 0))
        }

        @Test("rows that were put back from before a sending are not sent again: machines wait, and say what they sent")
        func putBack() async throws {
            let site = try await site(Self.x, Self.y)
            let (a, b) = (try Machine(site, "a"), try Machine(site, "b"))
            defer {
                a.close()
                b.close()
            }
            try await site.backUp()
            try await a.send()
            try await b.send()
            #expect(site.carrier.sent.sorted() == [Self.x, Self.y])
            try await site.putBack()
            #expect(try await site.states() == [Self.x: "waiting", Self.y: "waiting"])
            // Who sent nothing has seen by the marks that the database has gone back.
            try await b.send()
            #expect(b.log.lines.contains { $0.contains("has gone back") && $0.contains("marks_lost=true") })
            #expect(try await site.states() == [Self.x: "waiting", Self.y: "waiting"])
            try await a.send()
            #expect(try await site.states() == [Self.x: "accepted", Self.y: "accepted"])
            try await quietIsOver(site)
            for machine in [a, b] { try await machine.send() }
            #expect(site.carrier.sent.count == 2)
        }

        @Test("nor after a server has taken over that lacks the last transactions, whoever comes first to it")
        func failOver() async throws {
            let server = try PostgresServer(address: "127.8.2.3")
            let site = try await site(Self.x, Self.y, on: server)
            let a = try Machine(site, "a")
            defer { a.close() }
            // It is in use, and has nothing to send yet.
            _ = try await a.outbox.claim(
                DeliveryOrder(day: site.day.advanced(by: -1)), for: DeliveryOwner(name: "a", lease: .seconds(60)),
                at: SystemClock().now)
            try await site.backUp()
            try await a.send()
            #expect(site.carrier.sent.count == 2)
            try await site.putBack()
            try await site.lab.restart()
            // It has never seen a mark.
            let c = try Machine(site, "c")
            defer { c.close() }
            try await c.send()
            #expect(c.log.lines.contains { $0.contains("is another one or has gone back") })
            try await Wait.until("the other has said what it sent") {
                try? await a.send()
                return (try? await site.states()) == [Self.x: "accepted", Self.y: "accepted"]
            }
            try await quietIsOver(site)
            for machine in [a, c] { try await machine.send() }
            #expect(site.carrier.sent.count == 2)
        }

        @Test("a report that the database has lost is made again, and goes to whom no machine has sent it")
        func lostReport() async throws {
            let site = try await FleetSite()
            site.records.set("d.example", rua: Self.x, Self.y)
            try await site.ship(["d.example": (1, 0)])
            let (a, b) = (try Machine(site, "a"), try Machine(site, "b"))
            defer {
                a.close()
                b.close()
            }
            try await site.backUp()
            try await a.build()
            let isFirst = Locked(true)
            site.carrier.set(finished: {
                isFirst.withLock { was in
                    defer { was = false }; return was
                }
                    ? .accepted("201") : .deferred("later", after: nil)
            })
            try await a.send()
            let first = site.carrier.sent
            #expect(first.count == 2)
            try await site.putBack()
            #expect(try await site.states() == [:])
            try await b.build()
            try await a.send()
            try await quietIsOver(site)
            site.carrier.set()
            for machine in [b, a] { try await machine.send() }
            // The one that had accepted it is left alone.
            #expect(site.carrier.sent == first + [first[1]])
            #expect(try await Set(site.states().values) == ["accepted"])
        }

        private func quietIsOver(_ site: FleetSite) async throws {
            try await Wait.until("the quiet is over") {
                (try? await site.number("SELECT count(*) FROM sts.sender WHERE quiet_until <= now()")) == 1
            }
        }
    }
}
