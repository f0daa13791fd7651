// SPDX-License-Identifier: Apache-2.0
import Glibc
import LabKit
import Testing

@Suite("On a real Postfix: policies and daemons over time")
struct LifeScenarios {
    @Test("a restart with the policy host down and the record gone keeps the policy, after kill -9 as well")
    func restart() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(11)
        let host = try lab.network.domain("l-restart.lab")
        #expect(try await lab.send(through: 11, to: "u@l-restart.lab").reply.isPositive)
        _ = try await host.waitForMessage()
        try await Wait.until("the policy is saved", within: .seconds(5)) {
            try daemon.command("policy", "list").output.contains("l-restart.lab")
        }
        daemon.kill()
        lab.network.policies.set("mta-sts.l-restart.lab", .status(503))
        lab.network.names.remove("_mta-sts.l-restart.lab")
        host.change { $0.credential = nil }
        try await daemon.start()
        #expect(try await lab.send(through: 11, to: "u@l-restart.lab").reply.enhancedCode == "4.7.4")
        #expect(daemon.terminate() == 0)
        lab.network.names.fail("_mta-sts.l-restart.lab", .txt, .servfail)
        try await daemon.start()
        #expect(try await lab.send(through: 11, to: "u@l-restart.lab").reply.enhancedCode == "4.7.4")
    }

    @Test("fifty first mails to one domain at once cost one fetch")
    func oneFetch() async throws {
        let lab = try await Lab.open()
        try await lab.daemon(12)
        try lab.network.domain("l-herd.lab")
        var answer = PolicyAnswer.policy(mode: "enforce", mx: ["mx.l-herd.lab"])
        answer.delay = .milliseconds(500)
        lab.network.policies.set("mta-sts.l-herd.lab", answer)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                group.addTask { try await lab.send(through: 12, to: "u\(number)@l-herd.lab").reply.isPositive }
            }
            for try await isAccepted in group { #expect(isAccepted) }
        }
        #expect(lab.network.policies.hits("mta-sts.l-herd.lab") == 1)
    }

    @Test("a policy host that hangs and an MX that tarpits cost their own mail a short wait, and others nothing")
    func slowDomains() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(13, "[milter]\nlookup_wait = \"6s\"\n")
        try lab.network.domain("l-hang.lab")
        lab.network.policies.set("mta-sts.l-hang.lab", .hang)
        try lab.network.domain("l-tarpit.lab").fail(.stallGreeting)
        try lab.network.domain("l-swift.lab")
        #expect(try await lab.send(through: 13, to: "u@l-swift.lab").reply.isPositive)
        async let hanging = lab.send(through: 13, to: "u@l-hang.lab")
        async let tarpitting = lab.send(through: 13, to: "u@l-tarpit.lab")
        // Answered while the others wait: their answers are not there yet.
        #expect(try await lab.send(through: 13, to: "u@l-swift.lab").reply.isPositive)
        #expect(!daemon.log.contains("verdict=unknown"))
        #expect(try await hanging.reply.isPositive)
        #expect(try await tarpitting.reply.enhancedCode == "4.7.0")
        try await daemon.waitForLog("l-hang.lab", "verdict=unknown")
        try await daemon.waitForLog("l-tarpit.lab", "verdict=unproven", "action=defer")
    }

    @Test("on_unknown and on_unproven say what happens to what could not be judged")
    func unknownDeferred() async throws {
        let lab = try await Lab.open()
        let before = "on_unknown = \"defer\"\non_unproven = \"accept\"\n"
        try await lab.daemon(14, "[milter]\nlookup_wait = \"1s\"\n", before: before)
        try lab.network.domain("l-unproven.lab").fail(.stallGreeting)
        try lab.network.domain("l-unknown.lab")
        lab.network.policies.set("mta-sts.l-unknown.lab", .hang)
        #expect(try await lab.send(through: 14, to: "u@l-unproven.lab").reply.isPositive)
        #expect(try await lab.send(through: 14, to: "u@l-unknown.lab").reply.enhancedCode == "4.7.0")
    }

    @Test("a bad host seen in time defers, although another host tarpits")
    func badBesideTarpit() async throws {
        let lab = try await Lab.open()
        try await lab.daemon(15, "[milter]\nlookup_wait = \"2s\"\n")
        try lab.network.mailHost("mx1.l-pair.lab", plain: true)
        try lab.network.mailHost("mx2.l-pair.lab").fail(.stallGreeting)
        lab.network.route("l-pair.lab", to: ["mx1.l-pair.lab", "mx2.l-pair.lab"])
        try lab.network.publish("l-pair.lab", mode: "enforce", mx: ["*.l-pair.lab"])
        #expect(try await lab.send(through: 15, to: "u@l-pair.lab").reply.enhancedCode == "4.7.4")
    }

    @Test("a repaired policy frees its mail at once, mode none ends an enforce policy")
    func repairedPolicy() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(16)
        try lab.network.domain("l-repair.lab")
        try lab.network.mailHost("new.l-repair.lab")
        #expect(try await lab.send(through: 16, to: "u@l-repair.lab").reply.isPositive)
        lab.network.route("l-repair.lab", to: ["new.l-repair.lab"])
        // The operator's refresh drops the route from memory; the policy stays as it was published.
        #expect(try daemon.command("policy", "refresh", "l-repair.lab").succeeded)
        try lab.network.publish("l-repair.lab", mode: "enforce", mx: ["new.l-repair.lab"], id: "2")
        #expect(try await lab.send(through: 16, to: "u@l-repair.lab").reply.isPositive)
        try lab.network.domain("l-ends.lab")
        #expect(try await lab.send(through: 16, to: "u@l-ends.lab").reply.isPositive)
        try lab.network.publish("l-ends.lab", mode: "none", mx: [], id: "2")
        lab.network.route("l-ends.lab", to: ["new.l-repair.lab"])
        #expect(try daemon.command("policy", "refresh", "l-ends.lab").output.contains("mode none"))
        #expect(try await lab.send(through: 16, to: "u@l-ends.lab").reply.isPositive)
    }

    @Test("SIGTERM in mid-transaction ends in seconds, and what was accepted arrives")
    func terminate() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(17)
        let host = try lab.network.domain("l-term.lab")
        #expect(try await lab.send(through: 17, from: "first@client.lab", to: "u@l-term.lab").reply.isPositive)
        let client = try await SMTPClient.session(address: "127.20.8.17")
        _ = try await client.command("MAIL FROM:<second@client.lab>")
        #expect(try await client.command("RCPT TO:<u@l-term.lab>").isPositive)
        let began = ContinuousClock.now
        #expect(daemon.terminate() == 0)
        #expect(ContinuousClock.now - began < .seconds(10))
        // The milter is gone: Postfix's default is to ask the client to try again, never to lose the mail unseen.
        let data = try await client.command("DATA")
        let end = data.code == 354 ? try await client.send("Subject: x\r\n\r\nx\r\n.\r\n") : data
        #expect(end.isTemporary || end.isPositive)
        client.stop()
        _ = try await host.waitForMessage { $0.sender == "first@client.lab" }
        #expect(daemon.log.contains("stopped"))
    }

    @Test("a second daemon does not steal the socket of a living one")
    func noTheft() async throws {
        let lab = try await Lab.open()
        let first = try await lab.daemon(18)
        let second = try DaemonProcess(address: "127.20.9.18", settings: lab.network.settings)
        await #expect(throws: LabError.self) { try await second.start() }
        try lab.network.domain("l-theft.lab", plain: true)
        #expect(try await lab.send(through: 18, to: "u@l-theft.lab").reply.code == 451)
        #expect(first.log.contains("serving"))
    }

    @Test(
        "SIGHUP takes new settings; a broken file leaves the old ones in force",
        arguments: [(19, SIGHUP), (20, SIGUSR1)])
    func reload(_ gate: Int, _ signal: Int32) async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(gate)
        let domain = "l-reload\(gate).lab"
        try lab.network.domain(domain, plain: true)
        #expect(try await lab.send(through: gate, to: "u@\(domain)").reply.code == 451)
        try daemon.directory.write("sts-milter.toml", "enforcment = 1\n")
        daemon.signal(signal)
        let line = try await daemon.waitForLog("settings not reloaded")
        #expect(line.contains("sts-milter.toml:1"))
        #expect(try await lab.send(through: gate, to: "u@\(domain)").reply.code == 451)
        try daemon.configure("on_violation = \"log\"\n" + lab.network.settings)
        daemon.signal(signal)
        try await daemon.waitForLog("settings reloaded")
        #expect(try await lab.send(through: gate, to: "u@\(domain)").reply.isPositive)
    }
}
