// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Postfix: a resolver that is gone")
struct ResolverScenarios {
    @Test("a known policy whose hosts were not seen holds its mail, others' goes, and all is well once it is back")
    func gone() async throws {
        let lab = try await Lab.open()
        let view = try NameServer(address: "127.20.0.57", before: lab.network.names)
        let daemon = try DaemonProcess(
            address: "127.20.9.60",
            settings: lab.network.settings.replacing(
                "\(lab.network.resolver.address)@\(lab.network.resolver.port)", with: "\(view.address)@\(view.port)"))
        try await daemon.start()
        defer { daemon.terminate() }
        let known = try lab.network.domain("r-known.lab")
        let seen = try lab.network.domain("r-seen.lab")
        let fresh = try lab.network.domain("r-fresh.lab")
        #expect(try daemon.command("policy", "refresh", "r-known.lab").succeeded)
        #expect(try await lab.send(through: 60, to: "u@r-seen.lab").reply.isPositive)

        view.stop()
        async let one = lab.send(through: 60, to: "v@r-known.lab")
        async let two = lab.send(through: 60, to: "v@r-seen.lab")
        async let three = lab.send(through: 60, to: "v@r-fresh.lab")
        #expect(try await one.reply.enhancedCode == "4.7.0")
        // Seen to keep its policy within `probe.conforming_for`.
        #expect(try await two.reply.isPositive)
        // Nobody can say whether it has a policy.
        #expect(try await three.reply.isPositive)
        try await daemon.waitForLog("recipient_domain=r-known.lab", "verdict=unproven", "action=defer")
        try await daemon.waitForLog("recipient_domain=r-fresh.lab", "verdict=unknown", "action=log")
        _ = try await fresh.waitForMessage()
        #expect(known.messages.isEmpty)

        try view.start()
        try await Wait.until("the mail goes again", within: .seconds(60)) {
            // What the DNS did not say is not asked for half a minute, unless the operator asks.
            guard try daemon.command("policy", "refresh", "r-known.lab").succeeded else { return false }
            return try await lab.send(through: 60, to: "w@r-known.lab").reply.isPositive
        }
        #expect(try await known.waitForMessage().overTLS)
        #expect(!seen.messages.contains { !$0.overTLS })
    }
}
