// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing

@Suite("On a real Postfix: enforcement = \"auto\" goes by whether the policy map is asked")
struct AutoEnforcementScenarios {
    private static let gate = 179
    private static let address = "127.20.0.179"
    /// In place of ten minutes.
    private static let limit = 4

    /// A route with a host that breaks the policy and one that keeps it.
    private func mixed(_ network: TestNetwork) throws -> MXServer {
        try network.mailHost("mx1.auto-mixed.lab", plain: true)
        let good = try network.mailHost("mx2.auto-mixed.lab")
        network.route("auto-mixed.lab", to: ["mx1.auto-mixed.lab", "mx2.auto-mixed.lab"])
        try network.publish("auto-mixed.lab", mode: "enforce", mx: ["*.auto-mixed.lab"])
        return good
    }

    private func status(_ daemon: DaemonProcess) throws -> String { try daemon.command("status").output }

    private func count(_ text: String, in daemon: DaemonProcess) -> Int {
        daemon.log.components(separatedBy: text).count - 1
    }

    @Test("not asked: the milter is strict; asked: the map guards; no longer asked: strict again, and said")
    func life() async throws {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(
            address: "127.20.9.\(Self.gate)", settings: lab.network.settings + MapLab.serving(Self.gate),
            program: ["impatient-daemon", "\(Self.limit)"])
        try await daemon.start()
        var options = MapLab.options(lab.network, map: "")
        options.milters = ["{ inet:127.20.9.\(Self.gate):8890, default_action=tempfail, command_timeout=10s }"]
        let postfix = try Postfix(address: Self.address, options: options)
        defer { postfix.stop() }
        let good = try mixed(lab.network)
        let (first, second) = (try lab.network.domain("auto-a.lab"), try lab.network.domain("auto-b.lab"))
        let unasked = "mail went in and the MTA did not ask the policy map for it"

        // The map is served, but Postfix does not ask it.
        #expect(try status(daemon).contains("\nenforcement auto, "))
        #expect(try status(daemon).contains("the milter guards alone: the MTA has not asked the policy map yet"))
        let refusal = try await postfix.send(to: ["u@auto-mixed.lab"]).reply
        #expect(refusal.code == 451 && refusal.enhancedCode == "4.7.4", "\(refusal)")
        try await postfix.accept("u@auto-a.lab")
        _ = try await first.waitForMessage()
        // A question of a person is none of the MTA's.
        #expect(try postfix.lookUp("auto-b.lab", in: MapLab.map(Self.gate)) != nil)
        let line = try await daemon.waitForLog(unasked)
        #expect(line.contains("domain=auto-a.lab") && line.contains("guarded_by=\"the milter alone\""), "\(line)")
        #expect(try status(daemon).contains("\nLOOK: the milter guards alone: mail to auto-a.lab went in at "))
        #expect(try await postfix.send(to: ["u@auto-mixed.lab"]).reply.code == 451)

        // The line is there: the first mail that is asked for is enough.
        try postfix.set("smtp_tls_policy_maps=\(MapLab.map(Self.gate))")
        try await postfix.accept("u@auto-b.lab")
        _ = try await second.waitForMessage()
        try await daemon.waitForLog("the MTA asks the policy map for mail that it took", "domain=auto-b.lab")
        #expect(try status(daemon).contains("the policy map guards deliveries: the MTA asked for mail to auto-b.lab"))
        try await postfix.accept("u@auto-mixed.lab")
        #expect(try await good.waitForMessage().overTLS)
        try await Task.sleep(for: .seconds(Self.limit + 4))
        #expect(count(unasked, in: daemon) == 1, "\(daemon.log)")

        // The line is gone.
        try postfix.set("smtp_tls_policy_maps=")
        try await postfix.accept("v@auto-b.lab")
        try await Wait.until("it is said again: \(daemon.log)", within: .seconds(30)) {
            count(unasked, in: daemon) == 2
        }
        #expect(try status(daemon).contains("the milter guards alone: mail to auto-b.lab went in at "))
        #expect(try await postfix.send(to: ["v@auto-mixed.lab"]).reply.code == 451)
        #expect(good.messages.count == 1)
        #expect(daemon.terminate() == 0)
    }

    @Test("mail of the kinds that a policy map is not asked for raises no alarm, and is no proof")
    func otherWays() async throws {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(
            address: "127.20.9.180", settings: lab.network.settings + MapLab.serving(180),
            program: ["impatient-daemon", "1"])
        try await daemon.start()
        var options = MapLab.options(lab.network, map: "")
        options.milters = ["{ inet:127.20.9.180:8890, default_action=tempfail, command_timeout=10s }"]
        options.transports = ["auto-relayed.lab smtp:[mx.auto-c.lab]", "auto-kept.lab discard:"]
        let postfix = try Postfix(address: "127.20.0.180", options: options)
        defer { postfix.stop() }
        let host = try lab.network.domain("auto-c.lab")
        try lab.network.publish("mx.auto-c.lab", mode: "enforce", mx: ["mx.auto-c.lab"])
        _ = try lab.network.domain("auto-kept.lab")
        try await postfix.accept("u@auto-relayed.lab")
        try await postfix.accept("u@auto-kept.lab")
        _ = try await host.waitForMessage()
        // A recipient alone is no mail.
        let client = try await SMTPClient.session(address: "127.20.0.180")
        #expect(try await client.command("MAIL FROM:<s@client.lab>").isPositive)
        #expect(try await client.command("RCPT TO:<u@auto-c.lab>").isPositive)
        await client.quit()
        try await Task.sleep(for: .seconds(6))
        #expect(!daemon.log.contains("did not ask the policy map"), "\(daemon.log)")
        #expect(daemon.terminate() == 0)
    }
}
