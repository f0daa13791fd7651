// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Sendmail", .enabled(if: Sendmail.isPrepared, "Tests/lab/install sendmail makes it"))
struct SendmailScenarios {
    @Test("a good domain is delivered over TLS, a bad one deferred with its reason, each under its queue id")
    func deliverAndDefer() async throws {
        let (network, mta) = try await SendmailLab.open()
        let daemon = try await mta.daemon(29)
        let host = try network.domain("s-good.lab")
        let good = try await mta.send(through: 29, to: "u@s-good.lab")
        #expect(try good.reply.isPositive)
        let id = try #require(good.queueID)
        #expect(try await host.waitForMessage().overTLS)
        // Sendmail has a queue id from MAIL on, so the first recipient's line has it, too.
        let line = try await daemon.waitForLog("queue_id=\(id)", "recipient_domain=s-good.lab", "verdict=conforming")
        // `{rcpt_host}` has a trailing dot, a policy domain has none.
        #expect(line.contains("policy_domain=s-good.lab "), "\(line)")

        let bad = try network.domain("s-bad.lab", plain: true)
        let reply = try await mta.send(through: 29, to: "u@s-bad.lab").reply
        #expect(reply.code == 451 && reply.enhancedCode == "4.7.4", "\(reply)")
        #expect(reply.text.contains("MTA-STS: s-bad.lab: mx.s-bad.lab: host does not offer STARTTLS"), "\(reply)")
        #expect(reply.text.contains("(policy mode enforce); see sts-milter check s-bad.lab"), "\(reply)")
        let refusal = try await mta.sendmail.waitForLog("to=<u@s-bad.lab>", "reject=451 4.7.4")
        let verdict = try await daemon.waitForLog("recipient_domain=s-bad.lab", "verdict=violating", "action=defer")
        let named = try #require(verdict.split(separator: " ").first { $0.hasPrefix("queue_id=") })
        #expect(refusal.contains(" \(named.dropFirst("queue_id=".count)): "), "\(refusal) \(verdict)")
        #expect(bad.messages.isEmpty)
        #expect(!daemon.log.contains("NOQUEUE"))
    }

    @Test("recipients of one message are judged each for itself")
    func manyRecipients() async throws {
        let (network, mta) = try await SendmailLab.open()
        try await mta.daemon(29)
        let host = try network.domain("s-many-good.lab")
        try network.domain("s-many-bad.lab", plain: true)
        let dialogue = try await mta.send(
            through: 29, to: "a@s-many-bad.lab", "b@s-many-good.lab", "c@s-many-bad.lab", "d@s-many-good.lab")
        #expect(dialogue.recipients.map(\.reply.code) == [451, 250, 451, 250])
        #expect(dialogue.data?.isPositive == true)
        let message = try await host.waitForMessage()
        #expect(message.recipients.sorted() == ["b@s-many-good.lab", "d@s-many-good.lab"])
    }

    @Test("a mailer table's smart host is judged by its own policy; literals and local recipients are not judged")
    func routes() async throws {
        let (network, mta) = try await SendmailLab.open()
        let daemon = try await mta.daemon(29)
        // The recipients' domains have policies that the smart hosts do not keep: they do not apply.
        for domain in ["s-fixed.lab", "s-fixedgood.lab", "s-literal.lab", "s-list.lab", "mta.lab"] {
            try network.publish(domain, mode: "enforce", mx: ["mx.elsewhere.lab"])
        }
        try network.mailHost("mx.s-smart.lab", plain: true)
        try network.publish("mx.s-smart.lab", mode: "enforce", mx: ["mx.s-smart.lab"])
        let smart = try await mta.send(through: 29, to: "u@s-fixed.lab").reply
        #expect(smart.text.contains("MTA-STS: mx.s-smart.lab: "), "\(smart) \(daemon.log)")
        let list = try await mta.send(through: 29, to: "u@s-list.lab").reply
        #expect(list.text.contains("MTA-STS: mx.s-smart.lab: "), "\(list) \(daemon.log)")

        let host = try network.mailHost("mx.s-goodsmart.lab")
        try network.publish("mx.s-goodsmart.lab", mode: "enforce", mx: ["mx.s-goodsmart.lab"])
        #expect(try await mta.send(through: 29, to: "u@s-fixedgood.lab").reply.isPositive)
        _ = try await host.waitForMessage()
        #expect(try await mta.send(through: 29, to: "u@s-literal.lab").reply.isPositive)
        let client = try await mta.session(29)
        _ = try await client.command("MAIL FROM:<sender@client.lab>")
        #expect(try await client.command("RCPT TO:<root@mta.lab>").isPositive)
        _ = try await client.command("RSET")
        await client.quit()
        #expect(!daemon.log.contains("recipient_domain=mta.lab"))
    }

    @Test("a domain that nobody answers for is answered within Sendmail's 10 s, and the mail goes on")
    func slowDomains() async throws {
        let (network, mta) = try await SendmailLab.open()
        let daemon = try await mta.daemon(29)
        var hosts: [MXServer] = []
        for number in 1...4 {
            hosts.append(try network.domain("s-slow\(number).lab"))
            network.policies.set("mta-sts.s-slow\(number).lab", .hang)
        }
        let client = try await mta.session(29)
        _ = try await client.command("MAIL FROM:<sender@client.lab>")
        let began = ContinuousClock.now
        for number in 1...4 {
            let before = ContinuousClock.now
            let reply = try await client.command("RCPT TO:<u@s-slow\(number).lab>")
            #expect(reply.isPositive, "\(reply) \(daemon.log) \(mta.sendmail.log)")
            #expect(ContinuousClock.now - before < .seconds(9))
        }
        // All of them together wait no longer than the message's budget.
        #expect(ContinuousClock.now - began < .seconds(12))
        #expect(try await client.command("DATA").code == 354)
        #expect(try await client.send("Subject: slow\r\n\r\nx\r\n.\r\n").isPositive)
        await client.quit()
        for host in hosts { _ = try await host.waitForMessage() }
        try await daemon.waitForLog("recipient_domain=s-slow4.lab", "verdict=unknown", "action=log")
        #expect(!mta.sendmail.log.contains("timeout"), "\(mta.sendmail.log)")
    }

    @Test("a percent sign in what a host says reaches the client as it is, and is no format")
    func percent() async throws {
        let (network, mta) = try await SendmailLab.open()
        try await mta.daemon(29)
        let name = "mx.100%s%n%.lab"
        try network.domain("s-percent.lab", credential: network.authority.issue(names: [name]))
        let reply = try await mta.send(through: 29, to: "u@s-percent.lab").reply
        #expect(reply.enhancedCode == "4.7.5", "\(reply)")
        #expect(reply.text.contains(name), "\(reply)")
        // Postfix takes the doubled sign apart in a way of its own.
        try await mta.lab.daemon(34)
        #expect(try await mta.lab.send(through: 34, to: "u@s-percent.lab").reply.text.contains(name))
    }

    @Test("a milter restarted between two messages judges the second, and while it is away nothing passes")
    func restart() async throws {
        let (network, mta) = try await SendmailLab.open()
        let daemon = try await mta.daemon(30)
        let host = try network.domain("s-restart.lab")
        try network.domain("s-restart-bad.lab", plain: true)
        let session = try await mta.session(30)
        #expect(try await session.message(to: "u@s-restart.lab").isPositive)
        _ = try await host.waitForMessage()
        #expect(daemon.terminate() == 0)
        // F=T: Sendmail asks clients to come back while the milter is away.
        #expect(try await session.message(to: "u@s-restart-bad.lab").isTemporary)
        let away = try await mta.session(30)
        #expect(try await away.message(to: "u@s-restart-bad.lab").isTemporary)
        await away.quit()
        try await daemon.start()
        #expect(try await session.message(to: "u@s-restart-bad.lab").isTemporary)
        await session.quit()
        let bad = try await mta.send(through: 30, to: "u@s-restart-bad.lab").reply
        #expect(bad.enhancedCode == "4.7.4", "\(bad)")
        #expect(try await mta.send(through: 30, from: "second@client.lab", to: "u@s-restart.lab").reply.isPositive)
        _ = try await host.waitForMessage { $0.sender == "second@client.lab" }
    }

    @Test("quarantine keeps the message in Sendmail's quarantine")
    func quarantine() async throws {
        let (network, mta) = try await SendmailLab.open()
        let daemon = try await mta.daemon(31, before: "on_violation = \"quarantine\"\n")
        let host = try network.domain("s-hold.lab", plain: true)
        let dialogue = try await mta.send(through: 31, to: "u@s-hold.lab")
        #expect(dialogue.data?.isPositive == true)
        let id = try #require(dialogue.queueID)
        try await mta.sendmail.waitForLog(id, "quarantine=MTA-STS: s-hold.lab: ")
        try await daemon.waitForLog("message put on hold", "queue_id=\(id)")
        #expect(host.messages.isEmpty)
    }

    @Test("rules see Sendmail's daemon name, port and client; TLS-Required: No is seen")
    func rules() async throws {
        let (network, mta) = try await SendmailLab.open()
        let rule = """
            [[rule]]
            daemon_name = "Gate32"
            port = 25
            client = ["127.0.0.0/8"]
            recipient_domain = "s-rule.lab"
            exempt = true

            """
        try await mta.daemon(32, "[milter]\ntls_required_no = true\n" + rule)
        try network.domain("s-rule.lab", plain: true)
        try network.domain("s-norule.lab", plain: true)
        #expect(try await mta.send(through: 32, to: "u@s-rule.lab").data?.isPositive == true)
        let plain = try await mta.send(through: 32, to: "u@s-norule.lab")
        #expect(try plain.reply.isPositive)
        #expect(plain.data?.code == 451 && plain.data?.enhancedCode == "4.7.4", "\(plain)")
        let marked = try await mta.send(
            through: 32, to: "u@s-norule.lab", message: "TLS-Required: No\nSubject: x\n\nx\n")
        #expect(marked.data?.isPositive == true)
    }

    @Test("mail by a mailer that is not among the transports is not judged")
    func transports() async throws {
        let (network, mta) = try await SendmailLab.open()
        try await mta.daemon(33, "[milter]\ntransports = [\"smtp\", \"relay\"]\n")
        try network.domain("s-mailer.lab", plain: true)
        // Sendmail says esmtp.
        #expect(try await mta.send(through: 33, to: "u@s-mailer.lab").reply.isPositive)
    }
}

/// One Sendmail with a port for each gate, all behind one network.
private final class SendmailLab: Sendable {
    static let gates = 29...33

    let lab: Lab
    let sendmail: Sendmail
    private let started = Started()

    private static let shared = Task { try await SendmailLab() }

    static func open() async throws -> (TestNetwork, SendmailLab) {
        let own = try await shared.value
        return (own.lab.network, own)
    }

    private init() async throws {
        lab = try await Lab.open()
        var options = Sendmail.Options()
        options.caFile = lab.network.authority.caFile
        options.milters = Self.gates.map { "S=inet:8890@127.20.9.\($0), F=T" }
        options.definitions = Self.gates.enumerated().map { index, gate in
            "DAEMON_OPTIONS(`Name=Gate\(gate), Family=inet, Addr=127.20.7.\(gate), Port=25, "
                + "InputMailFilters=filter\(index)')dnl"
        }
        options.mailerTable = [
            "s-fixed.lab esmtp:[mx.s-smart.lab]", "s-fixedgood.lab esmtp:[mx.s-goodsmart.lab]",
            "s-literal.lab esmtp:[127.20.4.4]", "s-list.lab esmtp:[mx.s-goodsmart.lab]:[mx.s-smart.lab]",
        ]
        sendmail = try Sendmail(address: "127.20.7.1", options: options)
    }

    func address(_ gate: Int) -> String { "127.20.7.\(gate)" }

    /// The daemon of a gate, started at the first call.
    @discardableResult
    func daemon(_ gate: Int, _ more: String = "", before: String = "") async throws -> DaemonProcess {
        try await started.daemon(gate) { [lab] in try await lab.daemon(gate, more, before: before) }
    }

    func session(_ gate: Int) async throws -> SMTPClient { try await SMTPClient.session(address: address(gate)) }

    /// Sends one message to the port of a gate.
    func send(
        through gate: Int, from sender: String = "sender@client.lab", to recipients: String...,
        message: String = "Subject: test\n\nhello\n"
    ) async throws -> SMTPDialogue {
        let client = try await session(gate)
        let dialogue = try await client.deliver(from: sender, to: recipients, message: message)
        await client.quit()
        return dialogue
    }
}

/// Daemons that several scenarios share.
private actor Started {
    private var daemons: [Int: Task<DaemonProcess, any Error>] = [:]

    func daemon(_ gate: Int, _ start: @escaping @Sendable () async throws -> DaemonProcess) async throws
        -> DaemonProcess
    {
        let task = daemons[gate] ?? Task { try await start() }
        daemons[gate] = task
        return try await task.value
    }
}

extension SMTPClient {
    /// Offers one message to one recipient in a session that goes on: the reply that decided.
    fileprivate func message(to recipient: String) async throws -> SMTPReply {
        let dialogue = try await deliver(
            from: "sender@client.lab", to: [recipient], message: "Subject: test\n\nhello\n")
        if dialogue.data == nil { _ = try await command("RSET") }
        return dialogue.data ?? dialogue.recipients.last?.reply ?? dialogue.mail
    }
}
