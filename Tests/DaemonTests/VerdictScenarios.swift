// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Postfix: what a route is worth")
struct VerdictScenarios {
    struct Bad: Sendable, CustomTestStringConvertible {
        let name: String
        let code: String
        let type: String
        var validity: Validity = .valid
        var options: Set<CertificateOption> = []
        var certificateName: String?
        var isSelfSigned = false
        var isForeign = false
        var fault: MXFault?
        var maximumTLS10 = false
        var testDescription: String { name }
    }

    static let bad: [Bad] = [
        Bad(name: "expired", code: "4.7.5", type: "certificate-expired", validity: .expired),
        Bad(name: "notyet", code: "4.7.5", type: "certificate-not-trusted", validity: .notYet),
        Bad(name: "wrongname", code: "4.7.5", type: "certificate-host-mismatch", certificateName: "mx.other.lab"),
        Bad(name: "parentname", code: "4.7.5", type: "certificate-host-mismatch", certificateName: "*.lab"),
        Bad(name: "cnonly", code: "4.7.5", type: "certificate-host-mismatch", options: [.commonNameOnly]),
        Bad(name: "selfsigned", code: "4.7.5", type: "certificate-not-trusted", isSelfSigned: true),
        Bad(name: "foreign", code: "4.7.5", type: "certificate-not-trusted", isForeign: true),
        Bad(name: "refuses", code: "4.7.4", type: "starttls-not-supported", fault: .refuseStartTLS(454)),
        Bad(name: "noehlo", code: "4.7.4", type: "starttls-not-supported", fault: .noEHLO),
        Bad(name: "garbage", code: "4.7.5", type: "validation-failure", fault: .garbageAfterStartTLS),
        Bad(name: "drops", code: "4.7.5", type: "validation-failure", fault: .dropAfterStartTLS),
        Bad(name: "injects", code: "4.7.5", type: "validation-failure", fault: .injectAfterStartTLS),
        Bad(name: "tls10", code: "4.7.5", type: "validation-failure", maximumTLS10: true),
    ]

    @Test("good routes are delivered over TLS, each bad one is deferred with its reason")
    func enforce() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(1)
        let good = try lab.network.domain("v-good.lab")
        #expect(try await lab.send(through: 1, to: "u@v-good.lab").reply.isPositive)
        #expect(try await good.waitForMessage().overTLS)
        let wildcard = try lab.network.mailHost(
            "a.v-wild.lab", credential: lab.network.authority.issue(names: ["*.v-wild.lab"]))
        lab.network.route("v-wild.lab", to: ["a.v-wild.lab"])
        try lab.network.publish("v-wild.lab", mode: "enforce", mx: ["*.v-wild.lab"])
        #expect(try await lab.send(through: 1, to: "u@v-wild.lab").reply.isPositive)
        _ = try await wildcard.waitForMessage()
        for row in Self.bad {
            let domain = "v-\(row.name).lab"
            let host = try prepare(row, domain, lab)
            let reply = try await lab.send(through: 1, to: "u@\(domain)").reply
            #expect(reply.code == 451, "\(row.name): \(reply)")
            #expect(reply.enhancedCode == row.code, "\(row.name): \(reply)")
            #expect(reply.text.contains("MTA-STS: \(domain): mx.\(domain): "), "\(reply)")
            #expect(reply.text.contains("(policy mode enforce); see sts-milter check \(domain)"), "\(reply)")
            let line = try await daemon.waitForLog("recipient_domain=\(domain)", "result_type=")
            #expect(line.contains("result_type=\(row.type)"), "\(line)")
            #expect(host.messages.isEmpty)
            #expect(!host.commands.contains { $0.uppercased().hasPrefix("MAIL") || $0.uppercased().hasPrefix("DATA") })
        }
    }

    private func prepare(_ row: Bad, _ domain: String, _ lab: Lab) throws -> MXServer {
        let authority = row.isForeign ? try CertificateAuthority(commonName: "foreign root") : lab.network.authority
        let names = [row.certificateName ?? "mx.\(domain)"]
        let credential =
            row.isSelfSigned
            ? try authority.selfSigned(names: names)
            : try authority.issue(
                names: names, commonName: "mx.\(domain)", validity: row.validity, options: row.options)
        let host = try lab.network.domain(domain, credential: credential)
        if let fault = row.fault { host.fail(fault) }
        if row.maximumTLS10 { host.change { $0.maximumTLSVersion = .tlsv1 } }
        return host
    }

    @Test("an MX host outside the policy defers, although its certificate is good")
    func hijacked() async throws {
        let lab = try await Lab.open()
        try await lab.daemon(2)
        try lab.network.domain("v-hijacked.lab")
        let attacker = try lab.network.mailHost("mx.v-attacker.lab")
        lab.network.route("v-hijacked.lab", to: ["mx.v-attacker.lab"])
        let reply = try await lab.send(through: 2, to: "u@v-hijacked.lab").reply
        #expect(reply.enhancedCode == "4.7.0")
        #expect(reply.text.contains("mx.v-attacker.lab: MX host is not in the policy"))
        #expect(attacker.messages.isEmpty)
    }

    @Test("an MX record that names an address, or a host outside the policy that is down, defers")
    func strangers() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(58)
        try lab.network.domain("v-address.lab")
        lab.network.names.set("v-address.lab", [.mx(10, "127.20.250.1"), .mx(20, "mx.v-address.lab")])
        let reply = try await lab.send(through: 58, to: "u@v-address.lab").reply
        #expect(reply.code == 451, "\(reply)")
        #expect(reply.text.contains("MX record names no host of the policy: 127.20.250.1"), "\(reply)")
        let check = try daemon.command("check", "v-address.lab")
        #expect(check.status == 1 && check.output.contains("127.20.250.1: names no host"), "\(check)")
        // What the gate holds back, since Postfix takes an address for a host.
        let dialled = try MXServer(address: "127.20.250.1", hostName: "evil.lab", credential: nil)
        lab.network.names.set("_mta-sts.v-address2.lab", .txt("no policy"))
        lab.network.names.set("v-address2.lab", [.mx(10, "127.20.250.1")])
        #expect(try await lab.send(through: 58, to: "u@v-address2.lab").reply.isPositive)
        _ = try await dialled.waitForMessage()
        try lab.network.domain("v-hiding.lab")
        lab.network.names.set("mx.v-hidden.lab", .a("127.20.250.2"))
        lab.network.route("v-hiding.lab", to: ["mx.v-hidden.lab"])
        let hidden = try await lab.send(through: 58, to: "u@v-hiding.lab").reply
        #expect(hidden.text.contains("mx.v-hidden.lab: MX host is not in the policy"), "\(hidden)")
    }

    @Test("modes testing and none, and no policy at all, hold nothing back")
    func lenient() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(3)
        for mode in ["testing", "none"] {
            let host = try lab.network.domain("v-\(mode).lab", mode: mode, plain: true)
            #expect(try await lab.send(through: 3, to: "u@v-\(mode).lab").reply.isPositive)
            #expect(!(try await host.waitForMessage().overTLS))
        }
        try await daemon.waitForLog("recipient_domain=v-testing.lab", "starttls-not-supported")
        let plain = try lab.network.mailHost("mx.v-nopolicy.lab", plain: true)
        lab.network.route("v-nopolicy.lab", to: ["mx.v-nopolicy.lab"])
        #expect(try await lab.send(through: 3, to: "u@v-nopolicy.lab").reply.isPositive)
        _ = try await plain.waitForMessage()
        // Announced, but not to be had: as if there were none. - RFC 8461 §3.3
        let broken = try lab.network.domain("v-nofetch.lab", plain: true)
        lab.network.policies.set("mta-sts.v-nofetch.lab", .status(404))
        #expect(try await lab.send(through: 3, to: "u@v-nofetch.lab").reply.isPositive)
        _ = try await broken.waitForMessage()
        try await daemon.waitForLog("v-nofetch.lab", "sts-policy-fetch-error")
    }

    @Test("DANE decides for hosts that have it; forged answers defer")
    func dane() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(4)
        #expect(try await lab.send(through: 4, to: "u@dane.seclab").reply.isPositive)
        let bad = try await lab.send(through: 4, to: "u@danebad.seclab").reply
        #expect(bad.code == 451, "\(bad)")
        let forged = try await lab.send(through: 4, to: "u@bogusmx.seclab").reply
        #expect(forged.enhancedCode == "4.7.0", "\(forged) \(daemon.log)")
        #expect(forged.text.contains("DNSSEC"))
    }

    @Test("recipients of one message are judged each for itself, the full text is said once a domain")
    func manyRecipients() async throws {
        let lab = try await Lab.open()
        try await lab.daemon(5)
        let good = try lab.network.domain("v-many-good.lab")
        try lab.network.domain("v-many-bad.lab", plain: true)
        let dialogue = try await lab.send(
            through: 5, to: "a@v-many-bad.lab", "b@v-many-good.lab", "c@v-many-bad.lab", "d@v-many-good.lab")
        #expect(dialogue.recipients.map(\.reply.code) == [451, 250, 451, 250])
        #expect(dialogue.data?.isPositive == true)
        let message = try await good.waitForMessage()
        #expect(message.recipients == ["b@v-many-good.lab", "d@v-many-good.lab"])
    }

    @Test("under an enforce policy hosts that are down, and a null MX that nobody vouches for, hold the mail back")
    func unproven() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(6)
        try lab.network.domain("v-down.lab").stop()
        #expect(try await lab.send(through: 6, to: "u@v-down.lab").reply.enhancedCode == "4.7.0")
        try await daemon.waitForLog("v-down.lab", "verdict=unproven", "action=defer")
        try lab.network.publish("v-nullmx.lab", mode: "enforce", mx: ["mx.v-nullmx.lab"])
        lab.network.names.set("v-nullmx.lab", .mx(0, "."))
        #expect(try await lab.send(through: 6, to: "u@v-nullmx.lab").reply.enhancedCode == "4.7.0")
        lab.network.names.set("v-nullfree.lab", .mx(0, "."))
        #expect(try await lab.send(through: 6, to: "u@v-nullfree.lab").reply.isPositive)
        #expect(try await lab.send(through: 6, to: "u@v-nowhere.lab").reply.isPositive)
    }

    @Test("one bad host defers without a policy map; with it, one good host delivers")
    func enforcement() async throws {
        let lab = try await Lab.open()
        try await lab.daemon(7)
        try await lab.daemon(8, MapLab.serving(8), before: MapLab.enforcing)
        try lab.network.mailHost("mx1.v-mixed.lab", plain: true)
        try lab.network.mailHost("mx2.v-mixed.lab")
        lab.network.route("v-mixed.lab", to: ["mx1.v-mixed.lab", "mx2.v-mixed.lab"])
        try lab.network.publish("v-mixed.lab", mode: "enforce", mx: ["*.v-mixed.lab"])
        #expect(try await lab.send(through: 7, to: "u@v-mixed.lab").reply.code == 451)
        #expect(try await lab.send(through: 8, to: "u@v-mixed.lab").reply.isPositive)
    }

    @Test("fixed routes are judged by the next hop's own policy, virtual aliases by the recipient's domain")
    func routes() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(9)
        // The recipient's domain has a policy that the smart host does not fulfil: it does not apply.
        try lab.network.publish("fixedgood.lab", mode: "enforce", mx: ["mx.elsewhere.lab"])
        let goodHost = try lab.network.mailHost("mx.goodsmarthost.lab")
        try lab.network.publish("mx.goodsmarthost.lab", mode: "enforce", mx: ["mx.goodsmarthost.lab"])
        #expect(try await lab.send(through: 9, to: "u@fixedgood.lab").reply.isPositive)
        _ = try await goodHost.waitForMessage()
        try lab.network.mailHost("mx.smarthost.lab", plain: true)
        try lab.network.publish("mx.smarthost.lab", mode: "enforce", mx: ["mx.smarthost.lab"])
        let reply = try await lab.send(through: 9, to: "u@fixed.lab").reply
        #expect(reply.text.contains("MTA-STS: mx.smarthost.lab: "), "\(reply) \(daemon.log)")
        try lab.network.publish("literal.lab", mode: "enforce", mx: ["mx.elsewhere.lab"])
        #expect(try await lab.send(through: 9, to: "u@literal.lab").reply.isPositive)
        try lab.network.publish("local.lab", mode: "enforce", mx: ["mx.elsewhere.lab"])
        #expect(try await lab.send(through: 9, to: "u@local.lab").reply.isPositive)
        // Postfix says the route of a virtual alias is an error, and takes the mail.
        try lab.network.domain("virtual.lab", plain: true)
        // The mail goes to the alias's target, and never to these hosts.
        #expect(try await lab.send(through: 9, to: "alias@virtual.lab").reply.code == 250)
    }

    @Test("U-labels, upper case and quoted local parts find their policy; nothing hostile is echoed")
    func oddAddresses() async throws {
        let lab = try await Lab.open()
        try await lab.daemon(10)
        try lab.network.domain("v-odd.lab", plain: true)
        for address in ["U@V-ODD.Lab", "\"a b\"@v-odd.lab", "\"x@good.lab\"@v-odd.lab"] {
            #expect(try await lab.send(through: 10, to: address).reply.code == 451, "\(address)")
        }
        try lab.network.domain("xn--bcher-kva.lab", plain: true)
        #expect(try await lab.send(through: 10, to: "u@xn--bcher-kva.lab").reply.code == 451)
        let evil =
            "version: STSv1\nmode: enforce\nmx: mx.v-evil.lab\nmx: x\u{1b}[31m%s\u{7f} ciphers=low\nmax_age: 86400\n"
        try lab.network.domain("v-evil.lab", plain: true)
        try lab.network.publish("v-evil.lab", .policy(evil))
        let reply = try await lab.send(through: 10, to: "u@v-evil.lab").reply
        #expect(reply.code == 451)
        #expect(reply.text.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
    }
}
