// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing
import TestKit

@Suite("On a real Postfix: what is done about a verdict")
struct ActionScenarios {
    @Test("quarantine puts the message on hold, log lets it go")
    func actions() async throws {
        let lab = try await Lab.open()
        try await lab.daemon(21, before: "on_violation = \"quarantine\"\n")
        try lab.network.domain("a-hold.lab", plain: true)
        let dialogue = try await lab.send(through: 21, to: "u@a-hold.lab")
        #expect(dialogue.data?.isPositive == true)
        let id = try #require(dialogue.queueID)
        try await Wait.until("the message is on hold", within: .seconds(10)) {
            try lab.postfix.queue().contains { $0.queueID == id && $0.queue == "hold" }
        }
        let daemon = try await lab.daemon(22, before: "on_violation = \"log\"\n")
        let host = try lab.network.domain("a-log.lab", plain: true)
        #expect(try await lab.send(through: 22, to: "u@a-log.lab").reply.isPositive)
        _ = try await host.waitForMessage()
        try await daemon.waitForLog("recipient_domain=a-log.lab", "verdict=violating", "action=log")
    }

    @Test("rules exempt and soften")
    func rules() async throws {
        let lab = try await Lab.open()
        let rules = """
            [[rule]]
            sender_domain = "trusted.lab"
            exempt = true
            [[rule]]
            recipient_domain = ".a-soft.lab"
            on_violation = "log"

            """
        try await lab.daemon(23, rules)
        try lab.network.domain("a-rule.lab", plain: true)
        try lab.network.domain("x.a-soft.lab", plain: true)
        #expect(try await lab.send(through: 23, to: "u@a-rule.lab").reply.code == 451)
        #expect(try await lab.send(through: 23, from: "x@trusted.lab", to: "u@a-rule.lab").reply.isPositive)
        #expect(try await lab.send(through: 23, to: "u@x.a-soft.lab").reply.isPositive)
    }

    @Test("TLS-Required: No lets a message through where that is allowed")
    func tlsRequiredNo() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(24, "[milter]\ntls_required_no = true\n")
        let host = try lab.network.domain("a-required.lab", plain: true)
        let plain = try await lab.send(through: 24, to: "u@a-required.lab")
        #expect(plain.reply(for: "u@a-required.lab")?.isPositive == true)
        #expect(plain.data?.code == 451)
        let marked = try await lab.send(
            through: 24, to: "u@a-required.lab", message: "TLS-Required: No\nSubject: x\n\nx\n")
        #expect(marked.data?.isPositive == true)
        _ = try await host.waitForMessage { $0.text.contains("TLS-Required") }
        try await daemon.waitForLog("let through by TLS-Required: No", "queue_id=")
    }

    @Test("verdicts are counted, and the report of the day says them")
    func report() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(
            25, "[report]\ncontact_info = \"tlsrpt@mta.lab\"\norganization_name = \"Lab\"\n")
        try lab.network.domain("a-good.lab")
        try lab.network.domain("a-bad.lab", plain: true)
        for _ in 0..<3 { #expect(try await lab.send(through: 25, to: "u@a-good.lab", "v@a-good.lab").reply.isPositive) }
        for _ in 0..<2 { #expect(try await lab.send(through: 25, to: "u@a-bad.lab").reply.code == 451) }
        #expect(daemon.terminate() == 0)
        let day = ISO8601DateFormatter.string(
            from: Date(), timeZone: .gmt, formatOptions: [.withFullDate, .withDashSeparatorInDate])
        let output = daemon.directory.path + "/reports"
        let built = try daemon.command(
            "report", "build", "--no-lookup", "--plain", "--day", day, "--output", output)
        #expect(built.succeeded, "\(built)")
        let files = try FileManager.default.contentsOfDirectory(atPath: output).sorted()
        #expect(files.count == 2)
        let good = try summary(output + "/" + (try #require(files.first { $0.contains("!a-good.lab!") })))
        #expect(good == [3, 0])
        let bad = try summary(output + "/" + (try #require(files.first { $0.contains("!a-bad.lab!") })))
        #expect(bad == [0, 2])
    }

    /// Successful and failed sessions of a report's only policy.
    private func summary(_ path: String) throws -> [Int] {
        let object =
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any]
        let policies = try #require(object?["policies"] as? [[String: Any]])
        #expect(policies.count == 1)
        let summary = try #require(policies.first?["summary"] as? [String: Int])
        return [summary["total-successful-session-count"] ?? -1, summary["total-failure-session-count"] ?? -1]
    }

    @Test("check explains a domain, in words, in JSON and by its exit code")
    func check() async throws {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(address: "127.20.9.26", settings: lab.network.settings)
        try lab.network.domain("a-check-good.lab")
        try lab.network.domain(
            "a-check-bad.lab",
            credential: lab.network.authority.issue(names: ["mx.a-check-bad.lab"], validity: .expired))
        try lab.network.domain("a-check-down.lab").stop()
        lab.network.names.set(
            "_smtp._tls.a-check-good.lab",
            .txt("v=TLSRPTv1; rua=mailto:tls@a-check-good.lab,mailto://r@a-check-good.lab"))
        lab.network.names.set("_smtp._tls.a-check-bad.lab", .txt("v=TLSRPTv1; rua=mailto://r@a-check-bad.lab"))
        lab.network.names.set("_smtp._tls.a-check-down.lab", .txt("v=TLSRPTv1; ext=1"))
        let good = try daemon.command("check", "a-check-good.lab")
        #expect(good.status == 0, "\(good)")
        for text in [
            "found, id 1", "mode enforce", "10 mx.a-check-good.lab", "conforming", "TLSv1.3",
            "found mailto:tls@a-check-good.lab\n",
            "not served: mailto://r@a-check-good.lab (a / in a mail address that is not written %2F)",
        ] {
            #expect(good.output.contains(text), "\(text) in \(good.output)")
        }
        #expect(!good.output.contains("\u{1b}"))
        let bad = try daemon.command("check", "a-check-bad.lab", "--json")
        #expect(bad.status == 1)
        let list = try #require(try JSONSerialization.jsonObject(with: Data(bad.output.utf8)) as? [[String: Any]])
        #expect(list.first?["verdict"] as? String == "violating")
        let record = list.first?["tlsrpt"] as? [String: String]
        #expect(record?["status"] == "found" && record?["problem"]?.contains("mailto://r@a-check-bad.lab (") == true)
        #expect(try daemon.command("check", "a-check-down.lab").output.contains("TXT _smtp._tls  invalid: no rua"))
        #expect(try daemon.command("check", "a-check-down.lab").status == 2)
        #expect(try daemon.command("check", "a-check-good.lab", "a-check-down.lab", "a-check-bad.lab").status == 1)
        #expect(try daemon.command("check", "not..a.domain").status == 64)
    }

    @Test("policy commands work on the running daemon")
    func policyCommands() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(27)
        try lab.network.domain("a-policy.lab", plain: true)
        #expect(try await lab.send(through: 27, to: "u@a-policy.lab").reply.code == 451)
        try await Wait.until("the policy is stored", within: .seconds(5)) {
            try daemon.command("policy", "show", "a-policy.lab").output.contains("mx: mx.a-policy.lab")
        }
        lab.network.names.remove("_mta-sts.a-policy.lab")
        #expect(try await lab.send(through: 27, to: "u@a-policy.lab").reply.code == 451)
        #expect(try daemon.command("policy", "forget", "a-policy.lab").succeeded)
        #expect(try await lab.send(through: 27, to: "u@a-policy.lab").reply.isPositive)
        #expect(try daemon.command("policy", "show", "a-policy.lab").status == 1)
    }

    @Test("config check names file, line, key and cure")
    func configCheck() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("x.toml", "[milter]\nsoket = \"inet:8890@127.0.0.1\"\nlookup_wait = 3\n")
        let result = try Command.run([try DaemonProcess.program(), "config", "check", "--config", file])
        #expect(result.status == 78)
        #expect(result.errors.contains("x.toml:2: milter.soket: unknown key; did you mean milter.socket?"))
        #expect(result.errors.contains("x.toml:3: milter.lookup_wait: must be a duration such as \"5s\""))
    }

    @Test("mail by sendmail(1) is logged and goes")
    func localSubmission() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(28)
        var options = Postfix.Options()
        options.hostName = "mta2.lab"
        options.localMilters = [daemon.milter]
        let postfix = try Postfix(address: "127.20.0.26", options: options)
        defer { postfix.stop() }
        let host = try lab.network.domain("a-local.lab", plain: true)
        try postfix.submit(to: ["u@a-local.lab"])
        _ = try await host.waitForMessage()
        try await daemon.waitForLog("recipient_domain=a-local.lab", "verdict=violating", "action=log")
    }
}
