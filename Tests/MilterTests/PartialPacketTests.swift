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
            defer { test.clean() }
            try test.start()
            let (quiet, silent) = (try test.message(), try test.client())
            let partial = try (0..<40).map { _ in try test.client() }
            for client in partial { try client.write([0, 0]) }
            let within = try test.message()
            try within.write([0, 0, 0, 9, 0x52, 0x3C])
            // Each read ends with the connection, long before libmilter's own 7210 s; the client's limit is 10 s.
            let began = ContinuousClock.now
            for client in partial + [within] {
                #expect(throws: MilterClient.Failure.self) { try client.receive() }
            }
            #expect(ContinuousClock.now - began < .seconds(9))
            #expect(test.eventually { test.server.connections == 1 }, "\(test.server.connections)")
            #expect(try quiet.recipient("<u@x.lab>").command == "c")
            _ = try silent.negotiate()
        }
    }
}
