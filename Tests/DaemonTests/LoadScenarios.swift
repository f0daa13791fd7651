// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Postfix: many at once")
struct LoadScenarios {
    private static let connections = 20
    private static let messagesEach = 10

    @Test("of two hundred messages over twenty connections none bad is accepted and none good is deferred")
    func load() async throws {
        let lab = try await Lab.open()
        let network = lab.network
        // A machine busy with other tests must not decide: only verdicts do.
        let daemon = try await lab.daemon(57, "[milter]\nlookup_wait = \"20s\"\nmessage_budget = \"25s\"\n")
        var hosts: [MXServer] = []
        for number in 0..<Self.connections / 2 {
            hosts.append(try network.domain("k-load-good\(number).lab"))
            try bad(number, "k-load-bad\(number).lab", in: network)
        }
        let wrong = try await withThrowingTaskGroup(of: [String].self) { group in
            for connection in 0..<Self.connections {
                group.addTask { try await Self.converse(connection) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(wrong.isEmpty, "\(wrong) \(daemon.log)")
        #expect(!daemon.log.contains("verdict=unknown"))
        let expected = Self.connections * (0..<Self.messagesEach).count { $0 % 4 != 3 }
        try await Wait.until("\(expected) messages delivered", within: .seconds(60)) {
            hosts.map(\.messages.count).reduce(0, +) == expected
        }
        #expect(hosts.allSatisfy { $0.messages.allSatisfy(\.overTLS) })
        #expect(network.policies.hits("mta-sts.k-load-good0.lab") == 1)
        #expect(daemon.terminate() == 0)
    }

    /// A domain that breaks its policy, in one way of several.
    private func bad(_ number: Int, _ domain: String, in network: TestNetwork) throws {
        let host = "mx.\(domain)"
        switch number % 4 {
        case 0: try network.domain(domain, plain: true)
        case 1: try network.domain(domain, credential: network.authority.issue(names: [host], validity: .expired))
        case 2: try network.domain(domain, credential: network.authority.issue(names: ["mx.elsewhere.lab"]))
        default:
            try network.domain(domain)
            try network.publish(domain, mode: "enforce", mx: ["mx.elsewhere.lab"])
        }
    }

    /// One connection's messages in turn; gives what was answered otherwise than it must.
    private static func converse(_ connection: Int) async throws -> [String] {
        let client = try await SMTPClient.session(address: "127.20.8.57", waitLimit: .seconds(100))
        var wrong: [String] = []
        for message in 0..<messagesEach {
            let number = (connection + message) % (connections / 2)
            let (good, bad) = ("u@k-load-good\(number).lab", "u@k-load-bad\(number).lab")
            let recipients = [[good], [bad, good], [good], [bad]][message % 4]
            let dialogue = try await client.deliver(
                from: "c\(connection)m\(message)@client.lab", to: recipients, message: "Subject: load\n\nx\n")
            for recipient in dialogue.recipients where (recipient.reply.code == 250) != (recipient.address == good) {
                wrong.append("\(recipient.address): \(recipient.reply)")
            }
            if dialogue.recipients.count != recipients.count { wrong.append("\(dialogue.mail)") }
            if let data = dialogue.data, !data.isPositive { wrong.append("\(data)") }
            if dialogue.data == nil { _ = try await client.command("RSET") }
        }
        await client.quit()
        return wrong
    }
}
