// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("publish makes policy and records of a domain's MX hosts, and says what is wrong with them")
struct PublishScenarios {
    @Test("what it prints, published, is taken; a host without TLS is warned of")
    func published() async throws {
        let lab = try await Lab.open()
        let network = lab.network
        let daemon = try DaemonProcess(address: "127.20.9.181", settings: network.settings)
        try network.mailHost("mx1.pb-good.lab")
        try network.mailHost("mx2.pb-good.lab")
        network.route("pb-good.lab", to: ["mx1.pb-good.lab", "mx2.pb-good.lab"])
        let result = try daemon.command("publish", "pb-good.lab")
        #expect(result.status == 0 && !result.output.contains("warning"), "\(result)")
        let lines = result.output.split(separator: "\n").map(String.init)
        let policy = lines.filter { $0.contains(": ") && !$0.hasPrefix("#") }
        #expect(policy.count == 5, "\(policy)")
        let record = try #require(lines.first { $0.hasPrefix("_mta-sts.pb-good.lab. IN TXT ") })
        #expect(lines.contains("_smtp._tls.pb-good.lab. IN TXT \"v=TLSRPTv1; rua=mailto:tlsrpt@pb-good.lab\""))

        try network.publish("pb-good.lab", .policy(policy.map { $0 + "\n" }.joined()))
        network.names.set("_mta-sts.pb-good.lab", .txt(String(record.split(separator: "\"")[1])))
        let check = try daemon.command("check", "pb-good.lab")
        #expect(check.status == 0 && check.output.contains("policy          mode testing, max_age 86400 s"), "\(check)")

        try network.mailHost("mx2.pb-good.lab", at: "127.20.7.20", plain: true)
        let plain = try daemon.command("publish", "pb-good.lab", "--mode", "enforce")
        #expect(plain.status == 1, "\(plain)")
        #expect(plain.output.hasPrefix("warning: mx2.pb-good.lab: host does not offer STARTTLS: "), "\(plain)")
        let none = try daemon.command("publish", "pb-nowhere.lab")
        #expect(none.status == 2 && none.errors.contains(": no policy is made: the domain does not exist"), "\(none)")
        network.names.fail("pb-fails.lab", nil, .servfail)
        let unknown = try daemon.command("publish", "pb-fails.lab")
        #expect(
            unknown.status == 2 && unknown.errors.contains(": no policy is made: the MX records cannot be looked up"),
            "\(unknown)")
        network.names.fail("_mta-sts.pb-txt.lab", .txt, .servfail)
        let unseen = try daemon.command("check", "pb-txt.lab", "pb-nowhere.lab")
        #expect(unseen.output.contains("policy          not known"), "\(unseen)")
        #expect(unseen.output.contains("policy          none"), "\(unseen)")
        let wrong = try daemon.command("publish", "pb-good.lab", "--rua", "ftp://x.example")
        #expect(wrong.status == 64 && wrong.errors.contains("neither mailto: nor https:"), "\(wrong)")
    }
}
