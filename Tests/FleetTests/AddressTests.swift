// SPDX-License-Identifier: Apache-2.0
import LabKit
import TestKit
import Testing
@testable import Fleet

@Suite("Each machine knows where the fleet's reports go by mail")
struct AddressTests {
    @Test("all of them, however many pieces they come in, and later what is new")
    func pieces() async throws {
        let site = try await FleetSite()
        let machine = try Machine(site, "a")
        defer { machine.close() }
        func report(_ number: Int) async throws -> String {
            site.records.set("d\(number).example", rua: "mailto:t@d\(number).example")
            try await site.ship(["d\(number).example": (1, 0)])
            return "t@d\(number).example"
        }
        var expected: Set<String> = []
        for number in 1...5 { expected.insert(try await report(number)) }
        try await machine.build()
        let addresses = FleetAddresses(machine.database, pieceCount: 2)
        #expect(try await addresses.refresh() == expected)
        #expect(try await addresses.refresh() == expected)
        expected.insert(try await report(6))
        try await machine.build()
        #expect(try await addresses.refresh() == expected)
    }
}
