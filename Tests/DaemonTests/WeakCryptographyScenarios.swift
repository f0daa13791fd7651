// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Postfix: weak keys, groups and signatures are judged as Postfix itself judges them")
struct WeakCryptographyScenarios {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        /// Whether Postfix verifies the host, and delivers.
        let isDelivered: Bool
        /// What our look calls it where it is not.
        var text = ""
        var hasSmallGroup = false
        let credential: @Sendable (CertificateAuthority, [String]) throws -> Credential
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "dh1024", isDelivered: true, hasSmallGroup: true) {
            try $0.issue(names: $1, options: [.rsaKey(bits: 2048)])
        },
        Row(name: "rsa1024", isDelivered: true) { try $0.issue(names: $1, options: [.rsaKey(bits: 1024)]) },
        Row(name: "rsa768", isDelivered: false, text: "EE certificate key too weak") {
            try $0.issue(names: $1, options: [.rsaKey(bits: 768)])
        },
        Row(name: "leafsha1", isDelivered: false, text: "CA signature digest algorithm too weak") {
            try $0.issue(names: $1, options: [.sha1Signature])
        },
        Row(name: "subsha1", isDelivered: false, text: "CA signature digest algorithm too weak") {
            try $0.intermediate(digest: "sha1").issue(names: $1)
        },
    ]

    private func domain(_ row: Row, _ prefix: String, _ lab: Lab) throws -> (domain: String, host: MXServer) {
        let domain = "\(prefix)-\(row.name).lab"
        let host = try lab.network.domain(
            domain, credential: try row.credential(lab.network.authority, ["mx.\(domain)"]))
        host.change { $0.hasSmallGroup = row.hasSmallGroup }
        return (domain, host)
    }

    /// Postfix asks nobody but its own main.cf.
    @Test("Postfix alone, at level secure", arguments: Postfix.hasDebian13 ? [false, true] : [false])
    func alone(_ isDebian13: Bool) async throws {
        let lab = try await Lab.open()
        var options = Postfix.Options()
        options.caFile = lab.network.authority.caFile
        if isDebian13 { options.root = Postfix.debian13 }
        options.settings = ["smtp_tls_security_level = secure", "smtp_tls_secure_cert_match = hostname"]
        let postfix = try Postfix(address: "127.20.0.66", options: options)
        defer { postfix.stop() }
        for row in Self.rows {
            let (domain, host) = try domain(row, "wk\(isDebian13 ? "n" : "o")", lab)
            try await postfix.accept("u@\(domain)")
            try await deliver(row, domain, host, postfix)
        }
    }

    @Test("Postfix with our map, and with our milter before it: one and the same judgement")
    func withMap() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(68, MapLab.serving(68), before: MapLab.enforcing)
        var options = MapLab.options(lab.network, map: MapLab.map(68))
        let map = try Postfix(address: "127.20.0.67", options: options)
        defer { map.stop() }
        options.milters = ["{ inet:127.20.9.68:8890, default_action=tempfail, command_timeout=10s }"]
        let both = try Postfix(address: "127.20.0.68", options: options)
        defer { both.stop() }
        for row in Self.rows {
            let (domain, host) = try domain(row, "wk", lab)
            try await map.accept("u@\(domain)")
            try await deliver(row, domain, host, map)
            let dialogue = try await both.send(to: ["v@\(domain)"])
            #expect(try dialogue.reply.isPositive == row.isDelivered, "\(row.name): \(dialogue)")
            let line = try await daemon.waitForLog("recipient_domain=\(domain)", "verdict=")
            guard row.isDelivered else {
                #expect(line.contains("verdict=violating") && line.contains(row.text), "\(line)")
                #expect(line.contains("too weak for tls.security_level = 1"), "\(line)")
                continue
            }
            #expect(line.contains("verdict=conforming"), "\(line)")
            _ = try await host.waitForMessage { $0.recipients == ["v@\(domain)"] }
        }
    }

    private func deliver(_ row: Row, _ domain: String, _ host: MXServer, _ postfix: Postfix) async throws {
        guard row.isDelivered else {
            try await postfix.waitForLog("to=<u@\(domain)>", "status=deferred")
            #expect(host.messages.isEmpty, "\(row.name)")
            return
        }
        #expect(try await host.waitForMessage { $0.recipients == ["u@\(domain)"] }.overTLS)
        try await postfix.waitForLog("Verified TLS connection established to mx.\(domain)")
    }

    @Test(
        "Debian's Sendmail asks for level 2, and with a CipherList of its own for what Postfix asks",
        .enabled(if: Sendmail.isPrepared), arguments: [2, 1])
    func sendmail(_ level: Int) async throws {
        let lab = try await MapLab.open()
        var options = Sendmail.Options()
        options.caFile = lab.network.authority.caFile
        options.features["sts_milter"] = try ContribTests.contrib("sendmail/feature/sts_milter.m4")
        options.definitions = ["FEATURE(`sts_milter', `inet:8461@127.20.9.\(MapLab.gate)')dnl"]
        if level == 1 { options.definitions.append("define(`confCIPHER_LIST', `DEFAULT:@SECLEVEL=1')dnl") }
        let sendmail = try Sendmail(address: "127.20.7.9", options: options)
        defer { sendmail.stop() }
        for row in Self.rows {
            let (domain, host) = try domain(row, "wks\(level)", lab.lab)
            #expect(try await sendmail.send(to: ["u@\(domain)"]).data?.isPositive == true)
            if row.isDelivered, level == 1 {
                #expect(try await host.waitForMessage().overTLS, "\(row.name)")
            } else {
                try await sendmail.waitForLog("to=<u@\(domain)>", "stat=Deferred")
                #expect(host.messages.isEmpty, "\(row.name)")
            }
        }
    }

    @Test("with tls.security_level = 2, as Debian's Sendmail has it, the milter refuses by name")
    func stricter() async throws {
        let lab = try await Lab.open()
        let strict = lab.network.settings.replacing("[tls]\n", with: "[tls]\nsecurity_level = 2\n")
        let daemon = try DaemonProcess(address: "127.20.9.69", settings: strict)
        for row in Self.rows.filter(\.isDelivered) {
            let (domain, _) = try domain(row, "wk2", lab)
            let result = try daemon.command("check", domain)
            #expect(result.output.contains("too weak for tls.security_level = 2"), "\(result)")
        }
    }
}
