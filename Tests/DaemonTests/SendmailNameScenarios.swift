// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite(
    "On a real Sendmail: FEATURE(`sts_milter') takes a certificate for the host, and for no other",
    .enabled(if: Sendmail.isPrepared, "Tests/lab/install sendmail makes it"))
struct SendmailNameScenarios {
    /// A Sendmail with the feature of contrib.
    private static let shared = Task {
        let lab = try await MapLab.open()
        var options = Sendmail.Options()
        options.caFile = lab.network.authority.caFile
        options.features["sts_milter"] = try ContribTests.contrib("sendmail/feature/sts_milter.m4")
        options.definitions = ["FEATURE(`sts_milter', `inet:8461@127.20.9.\(MapLab.gate)')dnl"]
        options.mailerTable = ["sn-smart.lab esmtp:[mx.sn-smarthost.lab]"]
        return try Sendmail(address: "127.20.7.8", options: options)
    }

    private func open() async throws -> (MapLab, Sendmail) { (try await MapLab.open(), try await Self.shared.value) }

    /// A domain with one mail host; `@` stands for the domain.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        var host = "mx.@"
        let certificate: [String]
        var options: Set<CertificateOption> = []
        var patterns = ["mx.@"]
        /// What Sendmail says of mail that waits; nil for mail that is delivered, or that the map holds.
        var refusal: String?
        /// Whether the map says "try again later", since no MX host is in the policy.
        var isHeldByMap = false
        var testDescription: String { name }

        func text(_ text: String, _ domain: String) -> String { text.replacing("@", with: domain) }
    }

    private static let otherName = "not listed in SANs"

    static let rows: [Row] = [
        Row(name: "exact", certificate: ["mx.@"]),
        Row(name: "uppercase", certificate: ["MX.@"]),
        Row(name: "several", certificate: ["www.@", "*.other.lab", "mx.@", "mx2.@"]),
        Row(name: "wildcard", certificate: ["*.@"]),
        Row(name: "wildcardamong", certificate: ["other.lab", "*.@", "www.other.lab"]),
        Row(
            name: "twolabels", host: "mx.deep.@", certificate: ["*.@"], patterns: ["mx.deep.@"],
            refusal: otherName),
        Row(name: "deepwildcard", host: "mx.deep.@", certificate: ["*.deep.@"], patterns: ["mx.deep.@"]),
        Row(name: "wrongname", certificate: ["mx.elsewhere.lab"], refusal: otherName),
        Row(name: "wrongwildcard", certificate: ["*.elsewhere.lab"], refusal: otherName),
        Row(name: "parent", certificate: ["@"], refusal: otherName),
        Row(name: "partial", certificate: ["m*.@"], refusal: otherName),
        Row(name: "cnonly", certificate: ["mx.@"], options: [.commonNameOnly], refusal: otherName),
        Row(name: "pattern", certificate: ["*.@"], patterns: ["*.@"]),
        Row(name: "patternexact", certificate: ["mx.@"], patterns: ["backup.other.lab", "*.@"]),
        Row(name: "patterndeep", host: "mx.deep.@", certificate: ["mx.deep.@"], patterns: ["*.@"], isHeldByMap: true),
        Row(name: "patternaway", certificate: ["mx.@"], patterns: ["*.elsewhere.lab"], isHeldByMap: true),
    ]

    @Test("a wildcard stands for the left-most label alone, in certificates and in policies", arguments: rows)
    func names(_ row: Row) async throws {
        let (lab, sendmail) = try await open()
        let domain = "sn-\(row.name).lab"
        let name = row.text(row.host, domain)
        let credential = try lab.network.authority.issue(
            names: row.certificate.map { row.text($0, domain) }, commonName: name, options: row.options)
        let host = try lab.network.mailHost(name, credential: credential)
        lab.network.route(domain, to: [name])
        try lab.network.publish(domain, mode: "enforce", mx: row.patterns.map { row.text($0, domain) })
        #expect(try await sendmail.send(to: ["u@\(domain)"]).data?.isPositive == true)
        if row.isHeldByMap {
            try await sendmail.waitForLog("to=<u@\(domain)>", "stat=Deferred")
            #expect(try sendmail.test("/map sts \(domain)").contains("no match (75)"))
            #expect(host.messages.isEmpty)
            return
        }
        guard let refusal = row.refusal else {
            let message = try await host.waitForMessage()
            #expect(message.overTLS && message.serverName == name, "\(message)")
            return
        }
        try await sendmail.waitForLog("to=<u@\(domain)>", "stat=Deferred")
        let line = try await sendmail.waitForLog("ruleset=tls_rcpt", "u@\(domain)")
        #expect(line.contains("\(name) \(refusal)"), "\(line)")
        #expect(host.messages.isEmpty)
    }

    @Test("a certificate that nobody vouches for is none, for no recipient of a connection")
    func secondRecipient() async throws {
        let (lab, sendmail) = try await open()
        // The same host serves a domain without a policy, which comes first.
        let host = try lab.network.mailHost(
            "mx.sn-shared.lab", credential: lab.network.authority.selfSigned(names: ["mx.sn-shared.lab"]))
        for domain in ["sn-aopen.lab", "sn-bheld.lab"] { lab.network.route(domain, to: ["mx.sn-shared.lab"]) }
        try lab.network.publish("sn-bheld.lab", mode: "enforce", mx: ["mx.sn-shared.lab"])
        let dialogue = try await sendmail.send(to: ["u@sn-aopen.lab", "u@sn-bheld.lab"])
        #expect(dialogue.data?.isPositive == true, "\(dialogue)")
        try await sendmail.waitForLog("to=<u@sn-aopen.lab>", "stat=Sent")
        try await sendmail.waitForLog("to=<u@sn-bheld.lab>", "stat=Deferred")
        try await sendmail.waitForLog("ruleset=tls_rcpt", "u@sn-bheld.lab", "not verified")
        #expect(host.messages.map(\.recipients) == [["u@sn-aopen.lab"]])
    }

    @Test("a host with an expired, foreign or no certificate gets none of the mail")
    func chains() async throws {
        let (lab, sendmail) = try await open()
        let authority = lab.network.authority
        let names = { (domain: String) in ["mx.\(domain)"] }
        let bad = [
            ("sn-expired.lab", try authority.issue(names: names("sn-expired.lab"), validity: .expired)),
            ("sn-self.lab", try authority.selfSigned(names: names("sn-self.lab"))),
            ("sn-foreign.lab", try CertificateAuthority(commonName: "foreign").issue(names: names("sn-foreign.lab"))),
        ]
        for (domain, credential) in bad {
            let host = try lab.network.domain(domain, credential: credential)
            #expect(try await sendmail.send(to: ["u@\(domain)"]).data?.isPositive == true)
            try await sendmail.waitForLog("to=<u@\(domain)>", "stat=Deferred")
            #expect(host.messages.isEmpty)
        }
        let plain = try lab.network.domain("sn-plain.lab", plain: true)
        #expect(try await sendmail.send(to: ["u@sn-plain.lab"]).data?.isPositive == true)
        try await sendmail.waitForLog("to=<u@sn-plain.lab>", "stat=Deferred")
        #expect(plain.messages.isEmpty)
    }

    @Test("mail by a smart host waits where the recipient's domain has a policy: Sendmail asks for that one")
    func smartHost() async throws {
        let (lab, sendmail) = try await open()
        let smart = try lab.network.mailHost("mx.sn-smarthost.lab")
        try lab.network.domain("sn-smart.lab")
        #expect(try await sendmail.send(to: ["u@sn-smart.lab"]).data?.isPositive == true)
        try await sendmail.waitForLog("to=<u@sn-smart.lab>", "stat=Deferred")
        try await sendmail.waitForLog("ruleset=tls_rcpt", "mx.sn-smarthost.lab not found in mx.sn-smart.lab")
        #expect(smart.messages.isEmpty)
    }

    @Test("check-mta tells Sendmail's own feature from ours")
    func checkMTA() async throws {
        let (lab, sendmail) = try await open()
        let ours = try lab.daemon.command("check-mta", "sendmail", "--cf", sendmail.configuration)
        #expect(!ours.output.contains("(map-"), "\(ours)")
    }
}
