// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Postfix: crowds of local clients")
struct CrowdScenarios {
    /// Clients of each kind: fewer than the map's `max_connections` leaves room for.
    private static let each = 150

    @Test("clients that say half a packet and stay change no verdict and no answer")
    func crowds() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(63, MapLab.serving(63))
        try lab.network.domain("x-good.lab")
        try lab.network.domain("x-known.lab", plain: true)
        try lab.network.domain("x-bad.lab", plain: true)
        #expect(try daemon.command("policy", "refresh", "x-known.lab").succeeded)
        let crowd = Crowd()
        defer { crowd.stop() }
        for opening in [Crowd.Opening.nothing, .halfMilterPacket, .hugeMilterPacket] {
            await crowd.connect(Self.each, to: daemon.address, port: daemon.port, opening: opening)
        }
        for opening in [Crowd.Opening.nothing, .halfNetstring, .netstringWithoutEnd, .hugeNetstring] {
            await crowd.connect(Self.each, to: daemon.address, port: 8461, opening: opening)
        }
        #expect(crowd.connected >= 2 * Self.each)
        #expect(try await lab.send(through: 63, to: "u@x-good.lab").reply.isPositive)
        #expect(try await lab.send(through: 63, to: "u@x-bad.lab").reply.code == 451)
        #expect(try await lab.send(through: 63, to: "u@x-known.lab").reply.code == 451)
        let question = MapQuestion(address: daemon.address)
        try lab.network.domain("x-new.lab", plain: true)
        for domain in ["x-known.lab", "x-new.lab"] {
            #expect(try await question.ask(domain) == "OK secure match=mx.\(domain) servername=hostname")
        }
        #expect(daemon.terminate() == 0)
    }
}
