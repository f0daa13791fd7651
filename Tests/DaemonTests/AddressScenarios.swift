// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Postfix: hosts on IPv6")
struct AddressScenarios {
    @Test("hosts are judged on IPv6 as on IPv4, and on both where they have both")
    func families() async throws {
        let lab = try await Lab.open()
        let network = lab.network
        let daemon = try await lab.daemon(56)
        // One host at ::1 for all; the name asked for chooses its certificate.
        let six = try MXServer(address: "::1", hostName: "mx.k-six.lab", credential: nil)
        defer { six.stop() }
        let names = ["good", "bad", "mixed", "both", "dead"].map { "mx.k-six-\($0).lab" }
        for name in names {
            let domain = String(name.dropFirst("mx.".count))
            let isBad = name.contains("bad") || name.contains("mixed")
            let credential = try network.authority.issue(names: [name], validity: isBad ? .expired : .valid)
            six.change { $0.credentialsByName[name] = credential }
            six.change { $0.credential = $0.credential ?? credential }
            // The network's own host is the one on IPv4.
            if name.contains("mixed") || name.contains("both") { try network.mailHost(name) }
            network.names.set(name, .aaaa("::1"))
            network.route(domain, to: [name])
            try network.publish(domain, mode: "enforce", mx: [name])
        }
        #expect(try await lab.send(through: 56, to: "u@k-six-good.lab").reply.isPositive)
        #expect(try await six.waitForMessage { $0.recipients == ["u@k-six-good.lab"] }.overTLS)

        let bad = try await lab.send(through: 56, to: "u@k-six-bad.lab").reply
        #expect(bad.enhancedCode == "4.7.5", "\(bad) \(daemon.log)")
        #expect(bad.text.contains("mx.k-six-bad.lab: certificate expired"), "\(bad)")
        // Good on IPv4: the MTA may dial either.
        let mixed = try await lab.send(through: 56, to: "u@k-six-mixed.lab").reply
        #expect(mixed.enhancedCode == "4.7.5", "\(mixed) \(daemon.log)")
        #expect(mixed.text.contains("mx.k-six-mixed.lab: certificate expired"), "\(mixed)")
        #expect(try await lab.send(through: 56, to: "u@k-six-both.lab").reply.isPositive)
        // An address where nobody answers says nothing of the host.
        network.names.set("mx.k-six-dead.lab", .aaaa("::1"), .aaaa("fd00::dead"))
        #expect(try await lab.send(through: 56, to: "u@k-six-dead.lab").reply.isPositive)
        try await daemon.waitForLog("recipient_domain=k-six-dead.lab", "verdict=conforming")
        #expect(!six.messages.contains { $0.recipients.contains { $0.contains("bad") || $0.contains("mixed") } })
    }
}
