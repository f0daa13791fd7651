// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
@testable import Milter

@Suite("Clients of the milter that begin a packet and do not end it")
struct PartialPacketTests {
    @Test("are closed within the limit, and those that say nothing between two commands are not")
    func closed() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.packetTimeout = .seconds(1) }
            try test.start()
            let (quiet, partial) = (try test.message(), try test.message())
            #expect(test.eventually { test.server.connections == 2 })
            try partial.write([0, 0])
            // libmilter's own limit is 7210 s; how soon it looks is its own affair.
            let deadline = ContinuousClock.now + .seconds(60)
            while test.server.connections == 2, ContinuousClock.now < deadline { usleep(5_000) }
            #expect(test.server.connections == 1)
            #expect(throws: MilterClient.Failure.self) { try partial.receive() }
            #expect(try quiet.recipient("<u@x.lab>").command == "c")
        }
    }
}
