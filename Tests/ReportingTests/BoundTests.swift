// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Store
import TestKit
import Testing
@testable import Reporting

@Suite("Reports are no weapon")
struct BoundTests {
    /// A site with these names and their destinations, built.
    private func site(_ names: [String], _ destinations: (Int) -> [String]) async throws -> (Site, Store) {
        let site = try Site()
        let store = try site.store()
        for (number, name) in names.enumerated() {
            try await site.count(store, name)
            site.records.set(name, .texts(["v=TLSRPTv1; rua=" + destinations(number).joined(separator: ",")]))
        }
        try await site.builder(store).build(site.day)
        return (site, store)
    }

    @Test("a hundred names of one domain send a mailbox twenty mails a day, and the rest is listed")
    func oneMailbox() async throws {
        let names = (0..<100).map { "n\($0).hostile.example" }
        let (site, store) = try await site(names + ["honest.example"]) { number in
            guard number < 100 else { return ["mailto:victim@big.example"] }
            return (0..<10).map { "mailto:victim+\(number)x\($0)@big.example" }
        }
        try await site.sender(store).send(DeliveryOrder())
        let mails = site.carrier.carriages
        #expect(mails.count == DeliveryBound.perDestination + 1)
        #expect(mails.count { $0.report.policyDomain.ascii == "honest.example" } == 1)
        let lines = try await store.reportLines(of: site.day, failuresOnly: false)
        let left = lines.filter { $0.state == "suppressed" }
        #expect(left.count == 1000 - DeliveryBound.perDestination)
        #expect(
            left.first?.text == "not sent: this destination gets at most 20 reports a day for names of hostile.example")
        let said = site.log.lines.filter { $0.contains("reports past the bounds of a day are not sent") }
        #expect(said.count == 1 && said[0].contains("980") && said[0].contains("hostile.example"))

        // The next day has bounds of its own.
        let next = site.day.advanced(by: 1)
        site.clock.set(next.advanced(by: 1).start + .seconds(1800))
        try await site.count(store, names[0], on: next)
        try await site.builder(store).build(next)
        try await site.sender(store).send(DeliveryOrder())
        #expect(site.carrier.carriages.count == mails.count + 10)
    }

    @Test("mailboxes and hosts below one domain get a hundred, whatever their names")
    func oneSite() async throws {
        let (site, store) = try await site((0..<30).map { "n\($0).hostile.example" }) { number in
            (0..<5).flatMap {
                ["mailto:u\(number)x\($0)@h\($0).victim.example", "https://h\(number)x\($0).victim.example/"]
            }
        }
        try await site.sender(store).send(DeliveryOrder())
        #expect(site.carrier.carriages.count == DeliveryBound.perSite)
    }

    @Test("endpoints that hang hold up nobody else's report", .timeLimit(.minutes(1)))
    func slowEndpoints() async throws {
        let site = try Site()
        let store = try site.store()
        let gate = Gate()
        // Owners of many names with ten endpoints each, planned before the honest one.
        for owner in 0..<12 {
            for number in 0..<10 {
                let name = "n\(number).hostile\(owner).example"
                try await site.count(store, name)
                let uris = (0..<10).map { "https://e\(number)x\($0).hostile\(owner).example/" }
                site.records.set(name, .texts(["v=TLSRPTv1; rua=" + uris.joined(separator: ",")]))
            }
        }
        try await site.builder(store).build(site.day)
        try await site.count(store, "zz.honest.example")
        site.records.set("zz.honest.example", rua: "mailto:tls@honest.example", "https://reports.honest.example/")
        try await site.builder(store).build(site.day)
        let running = Locked<[String: Int]>([:])
        let most = Locked(0)
        site.carrier.set { report, destination in
            guard destination.host.contains("hostile") else { return .accepted("201") }
            let owner = report.policyDomain.registrable.ascii
            let count = running.withLock { running in
                running[owner, default: 0] += 1
                return running[owner] ?? 0
            }
            most.withLock { $0 = max($0, count) }
            await gate.wait()
            running.withLock { $0[owner, default: 0] -= 1 }
            return .accepted("201")
        }
        let sending = Task { try await site.sender(store).send(DeliveryOrder()) }
        let honest = try await eventually {
            try await site.states(store).count { $0.key.contains("honest") && $0.value == "accepted" } >= 2
        }
        #expect(honest)
        #expect(running.withLock { $0.values.reduce(0, +) } <= 24)
        sending.cancel()
        gate.open()
        try await sending.value
        #expect(most.withLock { $0 } == ReportSender.maxPerSource)
    }

    @Test("whoever has few waits for nobody who has many: turns go round")
    func turns() async throws {
        let site = try Site()
        let store = try site.store()
        for number in 0..<20 {
            try await site.count(store, "n\(number).many.example")
            site.records.set("n\(number).many.example", rua: "https://e\(number).many.example/")
        }
        try await site.builder(store).build(site.day)
        for name in ["few.example", "two.example"] {
            try await site.count(store, name)
            site.records.set(name, rua: "https://\(name)/")
        }
        site.clock.advance(by: .seconds(60))
        try await site.builder(store).build(site.day)
        var order = DeliveryOrder()
        (order.limit, order.limitPerSource) = (4, 2)
        let owner = DeliveryOwner(name: "x", lease: .seconds(60))
        let first = try await store.claim(order, for: owner, at: site.clock.now).deliveries.map(\.domain.ascii)
        #expect(first.count == 4 && first.filter { $0.hasSuffix("many.example") }.count == 2)
        #expect(first.contains("few.example") && first.contains("two.example"))
        #expect(try await store.claim(order, for: owner, at: site.clock.now).deliveries.isEmpty)
    }
}
