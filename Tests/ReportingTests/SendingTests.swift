// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Store
import TLSRPT
import TestKit
import Testing
@testable import Reporting

@Suite("Each destination gets each report once")
struct SendingTests {
    /// A site whose only report is for `a.example`, to these destinations.
    private func site(_ destinations: String...) async throws -> (Site, Store) {
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "a.example", failing: true)
        site.records.set("a.example", .texts(["v=TLSRPTv1; rua=" + destinations.joined(separator: ",")]))
        try await site.builder(store).build(site.day)
        return (site, store)
    }

    @Test("what was accepted is not sent again, and its octets are let go")
    func accepted() async throws {
        let (site, store) = try await site("mailto:tls@a.example", "https://a.example/")
        for _ in 0..<3 {
            try await site.sender(store).send(DeliveryOrder(ignoresSpread: true))
            site.clock.advance(by: .seconds(86_400))
        }
        #expect(site.carrier.carriages.count == 2)
        #expect(try await site.states(store) == ["mailto:tls@a.example": "accepted", "https://a.example/": "accepted"])
        let delivery = Delivery(
            id: 1, day: site.day, domain: try DomainName("a.example"),
            destination: try ReportDestination("https://a.example/"),
            state: .accepted, attempts: 1, firstAttempt: nil)
        #expect(try await store.report(of: delivery) == nil)
    }

    @Test("a deferred report is tried again with growing pauses for a day, the same octets each time")
    func retries() async throws {
        let (site, store) = try await site("https://a.example/")
        site.carrier.set(.deferred("503", after: nil))
        let began = site.clock.now
        var tries: [Duration] = []
        while site.clock.now - began < .seconds(48 * 3600) {
            let before = site.carrier.carriages.count
            try await site.sender(store).send(DeliveryOrder())
            if site.carrier.carriages.count > before { tries.append(site.clock.now - began) }
            site.clock.advance(by: .seconds(300))
        }
        let minutes = tries.map { $0.components.seconds / 60 }
        #expect(minutes == [0, 5, 15, 35, 75, 155, 315, 555, 795, 1035, 1275])
        #expect(Set(site.carrier.carriages.map(\.report)).count == 1)
        #expect(try await site.states(store) == ["https://a.example/": "expired"])
    }

    @Test("Retry-After is kept, also when longer than our own pause")
    func retryAfter() async throws {
        let (site, store) = try await site("https://a.example/")
        site.carrier.set(.deferred("429", after: .seconds(7200)))
        try await site.sender(store).send(DeliveryOrder())
        site.clock.advance(by: .seconds(7199))
        try await site.sender(store).send(DeliveryOrder(ignoresSpread: true))
        #expect(site.carrier.carriages.count == 1)
        site.clock.advance(by: .seconds(1))
        site.carrier.set(.accepted("201"))
        try await site.sender(store).send(DeliveryOrder())
        #expect(site.carrier.carriages.count == 2)
        #expect(try await site.states(store) == ["https://a.example/": "accepted"])
    }

    @Test("a Retry-After beyond the last try of the day ends the tries")
    func retryTooLate() async throws {
        let (site, store) = try await site("https://a.example/")
        site.carrier.set(.deferred("503", after: .seconds(25 * 3600)))
        try await site.sender(store).send(DeliveryOrder())
        #expect(try await site.states(store) == ["https://a.example/": "expired"])
    }

    @Test("the program dies behind the point of no return: uncertain, named, and not sent again")
    func crash() async throws {
        let (site, store) = try await site("https://a.example/", "https://b.example/")
        let dead = DeliveryOwner(name: "dead", lease: ReportSender.lease)
        var order = DeliveryOrder()
        order.limit = 2
        let claim = try await store.claim(order, for: dead, at: site.clock.now)
        let first = try #require(claim.deliveries.first)
        #expect(claim.deliveries.count == 2)
        #expect(try await store.markSending(first, by: dead, at: site.clock.now))
        try store.close()

        let reopened = try site.store()
        try await site.sender(reopened).send(DeliveryOrder())
        // The lease still holds: the other might be alive.
        #expect(site.carrier.carriages.isEmpty)
        let until = site.clock.now + ReportSender.lease
        let left = try await reopened.openDeliveries(of: site.day, at: site.clock.now)
        #expect(left == OpenDeliveries(count: 2, claimed: 2, claimedUntil: until, nextTry: nil))
        site.clock.advance(by: ReportSender.lease)
        try await site.sender(reopened).send(DeliveryOrder())
        #expect(site.carrier.destinations == ["https://b.example/"])
        #expect(
            try await site.states(reopened) == ["https://a.example/": "uncertain", "https://b.example/": "accepted"])
        #expect(try await reopened.openDeliveries(of: nil, at: site.clock.now).count == 0)
        #expect(site.log.lines.contains { $0.contains("may have been delivered before the program ended") })

        // Only the operator has it sent again, and only where it was not accepted.
        #expect(try await reopened.reopen(site.day, try DomainName("a.example"), at: site.clock.now) == 1)
        try await site.sender(reopened).send(DeliveryOrder())
        #expect(site.carrier.destinations == ["https://b.example/", "https://a.example/"])
    }

    @Test("past its lease an owner sends nothing, but a success that it saw still counts")
    func lostLease() async throws {
        let (site, store) = try await site("https://a.example/", "https://b.example/")
        let slow = DeliveryOwner(name: "slow", lease: ReportSender.lease)
        let other = DeliveryOwner(name: "other", lease: ReportSender.lease)
        var order = DeliveryOrder()
        order.limit = 2
        let claimed = try await store.claim(order, for: slow, at: site.clock.now).deliveries
        #expect(claimed.count == 2)
        let (begun, idle) = (claimed[0], claimed[1])
        #expect(try await store.markSending(begun, by: slow, at: site.clock.now))
        site.clock.advance(by: ReportSender.lease)
        #expect(try await !store.markSending(idle, by: slow, at: site.clock.now))
        let claim = try await store.claim(order, for: other, at: site.clock.now)
        #expect(claim.lost.map(\.id) == [begun.id] && claim.deliveries.map(\.id) == [idle.id])
        #expect(try await !store.markSending(idle, by: slow, at: site.clock.now))
        let accepted = DeliveryConclusion(.accepted, nextTry: site.clock.now, text: "201")
        for delivery in claimed { try await store.conclude(delivery, as: accepted, by: slow, at: site.clock.now) }
        #expect(
            try await site.states(store) == [
                begun.destination.description: "accepted", idle.destination.description: "waiting",
            ])
    }

    @Test("daemon and command at once send nothing twice")
    func twoProcesses() async throws {
        let site = try Site()
        let store = try site.store()
        let names = (0..<60).map { "d\($0).example" }
        for name in names {
            try await site.count(store, name)
            site.records.set(name, rua: "mailto:tls@\(name)", "https://\(name)/")
        }
        try await site.builder(store).build(site.day)
        let other = try site.store()
        async let first: Void = site.sender(store, owner: "daemon").send(DeliveryOrder())
        async let second: Void = site.sender(other, owner: "command").send(DeliveryOrder(ignoresSpread: true))
        _ = try await (first, second)
        #expect(site.carrier.carriages.count == 120)
        #expect(Set(site.carrier.destinations).count == 120)
        #expect(try await site.states(store).values.allSatisfy { $0 == "accepted" })
    }

    @Test("a destination that hangs holds up no other, and one host gets two at a time", .timeLimit(.minutes(1)))
    func slowDestination() async throws {
        let site = try Site()
        let store = try site.store()
        let gate = Gate()
        for number in 0..<40 {
            try await site.count(store, "d\(number).example")
            site.records.set("d\(number).example", rua: "https://slow.example/\(number)", "https://d\(number).example/")
        }
        try await site.builder(store).build(site.day)
        let running = Locked((now: 0, most: 0))
        site.carrier.set { _, destination in
            guard destination.host == "slow.example" else { return .accepted("201") }
            running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            await gate.wait()
            running.withLock { $0.now -= 1 }
            return .accepted("201")
        }
        async let sending: Void = site.sender(store).send(DeliveryOrder())
        #expect(try await eventually { try await site.states(store).filter({ $0.value == "accepted" }).count >= 40 })
        #expect(running.withLock { $0.now } <= 2)
        gate.open()
        try await sending
        #expect(running.withLock { $0.most } == 2)
        #expect(Set(site.carrier.destinations).count == 80 && site.carrier.carriages.count == 80)
    }

    @Test("a stop lets what is under way end, and begins nothing", .timeLimit(.minutes(1)))
    func stop() async throws {
        let site = try Site()
        let store = try site.store()
        let gate = Gate()
        let committed = Gate()
        for number in 0..<40 {
            try await site.count(store, "d\(number).example")
            site.records.set("d\(number).example", rua: "https://same.example/\(number)")
        }
        try await site.builder(store).build(site.day)
        site.carrier.set { _, _ in
            committed.open()
            await gate.wait()
            return .accepted("201")
        }
        let task = Task { try await site.sender(store).send(DeliveryOrder()) }
        await committed.wait()
        task.cancel()
        gate.open()
        try await task.value
        let states = try await site.states(store)
        let accepted = states.count { $0.value == "accepted" }
        #expect((1...2).contains(accepted))
        #expect(states.count { $0.value == "waiting" } == 40 - accepted)
        site.carrier.set(.accepted("201"))
        try await site.sender(store, owner: "next").send(DeliveryOrder())
        #expect(try await site.states(store).values.allSatisfy { $0 == "accepted" })
    }

    @Test("three days of refusals, and the destination is left alone for a month")
    func suppression() async throws {
        let site = try Site()
        let store = try site.store()
        site.records.set("a.example", rua: "https://a.example/", "mailto:tls@a.example")
        site.carrier.set { _, destination in
            return destination.host == "a.example" && destination.description.hasPrefix("https")
                ? .refused("404 Not Found") : .accepted("sent")
        }
        func report(_ number: Int64) async throws -> [String] {
            let day = site.day.advanced(by: number)
            site.clock.set(day.advanced(by: 1).start + .seconds(1800))
            try await site.count(store, "a.example", on: day)
            try await site.builder(store).build(day)
            let before = site.carrier.carriages.count
            try await site.sender(store).send(DeliveryOrder())
            return site.carrier.destinations.dropFirst(before).sorted()
        }
        let both = ["https://a.example/", "mailto:tls@a.example"]
        for number: Int64 in 0..<3 { #expect(try await report(number) == both) }
        let left = try #require(try await store.suppressions(at: site.clock.now).first)
        #expect(left.destination == "https://a.example/" && left.text == "404 Not Found")
        #expect(left.until == site.clock.now + SuppressionRule.duration)
        for number: Int64 in 3..<32 { #expect(try await report(number) == ["mailto:tls@a.example"]) }
        let lines = try await store.reportLines(of: site.day.advanced(by: 3), failuresOnly: false)
        #expect(lines.map(\.state).sorted() == ["accepted", "suppressed"])
        #expect(try await report(32) == both)
        #expect(try await store.suppressions(at: site.clock.now).isEmpty)
    }

    @Test("the operator takes a destination off the list")
    func unsuppress() async throws {
        let (site, store) = try await site("https://a.example/")
        site.carrier.set(.refused("410 Gone"))
        for number: Int64 in 0..<3 {
            site.clock.set(site.day.advanced(by: 1 + number).start)
            _ = try await store.reopen(site.day, nil, at: site.clock.now)
            try await site.sender(store).send(DeliveryOrder())
        }
        let destination = "https://a.example/"
        #expect(try await store.suppressions(at: site.clock.now).map(\.destination) == [destination])
        #expect(try await store.unsuppress(destination))
        #expect(try await !store.unsuppress(destination))
        #expect(try await store.suppressions(at: site.clock.now).isEmpty)
    }

    @Test("refusals of one day count once")
    func refusalsOfADay() async throws {
        let (site, store) = try await site("https://a.example/")
        site.carrier.set(.refused("404"))
        for _ in 0..<5 {
            _ = try await store.reopen(site.day, nil, at: site.clock.now)
            try await site.sender(store).send(DeliveryOrder())
        }
        #expect(site.carrier.carriages.count == 5)
        #expect(try await store.suppressions(at: site.clock.now).isEmpty)
    }

    @Test("an order takes its day and domain only, and may take what waits for its time")
    func orders() async throws {
        let site = try Site()
        let store = try site.store()
        let next = site.day.advanced(by: 1)
        for (day, name) in [(site.day, "a.example"), (site.day, "b.example"), (next, "a.example")] {
            try await site.count(store, name, on: day)
        }
        for name in ["a", "b"] { site.records.set("\(name).example", rua: "https://\(name).example/") }
        let settings = try Site.settings { $0.spread = .seconds(4 * 3600) }
        for day in [site.day, next] { try await site.builder(store, settings).build(day) }
        let sender = site.sender(store)
        try await sender.send(DeliveryOrder())
        #expect(site.carrier.carriages.isEmpty)
        try await sender.send(DeliveryOrder(day: site.day, domain: DomainName("a.example"), ignoresSpread: true))
        #expect(site.carrier.carriages.map(\.report.day) == [site.day])
        try await sender.send(DeliveryOrder(day: next, ignoresSpread: true))
        #expect(site.carrier.carriages.map(\.report.day) == [site.day, next])
        site.clock.advance(by: .seconds(4 * 3600))
        try await sender.send(DeliveryOrder())
        #expect(site.carrier.destinations.last == "https://b.example/" && site.carrier.carriages.count == 3)
    }

    @Test("a store that cannot be written sends nothing that it could not remember")
    func brokenOutbox() async throws {
        let (site, store) = try await site("https://a.example/")
        let broken = BrokenOutbox(store)
        let sender = ReportSender(
            outbox: broken, carrier: site.carrier, clock: site.clock, logger: site.log.logger, owner: "x")
        let committed = Locked(0)
        site.carrier.set { _, _ in
            committed.withLock { $0 += 1 }
            return .accepted("201")
        }
        try await sender.send(DeliveryOrder())
        #expect(committed.withLock { $0 } == 0)
        #expect(site.log.lines.contains { $0.contains("cannot be read or written") })
        site.clock.advance(by: ReportSender.lease)
        try await site.sender(store).send(DeliveryOrder())
        #expect(committed.withLock { $0 } == 1)
        #expect(try await site.states(store) == ["https://a.example/": "accepted"])
    }
}

/// An outbox on a disk that is full.
private struct BrokenOutbox: ReportOutbox {
    private struct Full: Error {}
    private let store: Store

    init(_ store: Store) { self.store = store }

    func claim(_ order: DeliveryOrder, for owner: DeliveryOwner, at time: UTCTime) async throws -> Claim {
        try await store.claim(order, for: owner, at: time)
    }
    func report(of delivery: Delivery) async throws -> CompressedReport? { try await store.report(of: delivery) }
    func markSending(_ delivery: Delivery, by owner: DeliveryOwner, at time: UTCTime) async throws -> Bool {
        throw Full()
    }
    func conclude(
        _ delivery: Delivery, as conclusion: DeliveryConclusion?, by owner: DeliveryOwner, at time: UTCTime
    ) async throws { throw Full() }
}
