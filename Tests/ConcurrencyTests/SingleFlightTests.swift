// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import Concurrency
import TestKit
import Testing

@Suite("What is in flight is shared out by owner")
struct SingleFlightTests {
    @Test("one owner's names leave room for others, and what is in flight is joined all the same")
    func share() async throws {
        let flights = SingleFlight<DomainName, Int>(capacity: 16) { $0 }
        let names = try (0..<16).map { try DomainName("n\($0).hostile.example") }
        let end = Latch()
        let started = names.map { name in
            flights.start(name) {
                await end.wait()
                return 1
            }
        }
        // Half of all, then no more.
        #expect(started.count { $0 != nil } == 8)
        #expect(await flights.join(try DomainName("victim.example")) { 2 } == 2)
        #expect(flights.start(names[0]) { 3 } != nil)
        await end.open()
        for task in started { if let task { #expect(await task.value == 1) } }
        #expect(await flights.join(names[15]) { 4 } == 4)
    }
}
