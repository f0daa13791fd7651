// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@Suite("A real MTA's queue id tells what was decided about a message, and what became of it")
struct ExplainScenarios {
    /// Asks until all of it is known: what is decided is written a second later.
    private func explain(_ id: String, of daemon: DaemonProcess, until texts: String...) async throws -> String {
        var last = ""
        do {
            try await Wait.until("explain \(id) says \(texts)", within: .seconds(30)) {
                let result = try daemon.command("explain", id)
                last = result.output + result.errors
                return result.status == 0 && texts.allSatisfy { last.contains($0) }
            }
        } catch { throw LabError("\(error)\n\(last)") }
        return last
    }

    @Test("Postfix: delivered, deferred beside others, held by the map at delivery; also with the daemon stopped")
    func postfix() async throws {
        let directory = try TemporaryDirectory("sts-lab-explain")
        try directory.write("mail.log", "")
        let lab = try await Lab.open()
        let network = lab.network
        let daemon = try await lab.daemon(
            90, MapLab.serving(90) + "[intake]\npostfix_log = \"\(directory.path)/mail.log\"\n",
            before: MapLab.enforcing)
        var options = MapLab.options(network, map: MapLab.map(90))
        options.milters = [daemon.milter]
        options.settings.append("maillog_file = \(directory.path)/mail.log")
        let postfix = try Postfix(address: "127.20.0.92", options: options)
        defer { postfix.stop() }
        let good = try network.domain("ex-good.lab")
        try network.domain("ex-bad.lab", plain: true)
        let free = try network.mailHost("mx.ex-free.lab")
        network.route("ex-free.lab", to: ["mx.ex-free.lab"])

        let sent = try await postfix.send(to: ["hidden@ex-good.lab", "b@ex-bad.lab", "c@ex-free.lab"])
        #expect(sent.recipients.map(\.reply.code) == [250, 451, 250], "\(sent)")
        let id = try #require(sent.queueID)
        _ = try await good.waitForMessage()
        _ = try await free.waitForMessage()
        let told = try await explain(
            id, of: daemon, until: "the milter let it go on", "to ex-good.lab: mx.ex-good.lab",
            "to ex-free.lab: mx.ex-free.lab")
        #expect(told.contains("  to ex-good.lab: conforming, action deliver\n"), "\(told)")
        #expect(told.contains("    policy       mode enforce, id 1, fetched "), "\(told)")
        #expect(told.contains("    MX           10 mx.ex-good.lab [127.20."), "\(told)")
        #expect(told.contains(": conforming by pkix, certificate valid to "), "\(told)")
        #expect(told.contains("  to ex-bad.lab: violating, action defer\n"), "\(told)")
        #expect(told.contains("    told         451 4.7.4 MTA-STS: ex-bad.lab: "), "\(told)")
        #expect(told.contains(": failing, starttls-not-supported: host does not offer STARTTLS"), "\(told)")
        #expect(told.contains("  to ex-free.lab: no-policy, action deliver\n"), "\(told)")
        #expect(told.contains("]: success (verified)\n") && !told.contains("hidden"), "\(told)")

        try await heldByMap(lab, daemon, postfix)
        #expect(daemon.terminate() == 0)
        let stopped = try daemon.command("explain", "\(id):")
        #expect(stopped.status == 0 && stopped.output == told, "\(stopped)")
        let json = try daemon.command("explain", "--json", id)
        let parsed = try JSONDecoder().decode(ExplainedJSON.self, from: Data(json.output.utf8))
        #expect(parsed.queueID == id && parsed.messages.first?.recipients.count == 3, "\(json)")
        let unknown = try daemon.command("explain", "4B1NONE")
        #expect(unknown.status == 1 && unknown.output.contains("nothing is known of this message"), "\(unknown)")
        #expect(try daemon.command("explain", "no such").status == 64)
    }

    /// Taken while the route is in order, and then the policy covers its host no longer.
    private func heldByMap(_ lab: Lab, _ daemon: DaemonProcess, _ postfix: Postfix) async throws {
        let host = try lab.network.domain("ex-turn.lab")
        host.fail(.deferRecipients)
        let sent = try await postfix.send(to: ["u@ex-turn.lab"])
        let id = try #require(sent.queueID)
        try await postfix.waitUntilLogged(id, "status=deferred")
        try lab.network.publish("ex-turn.lab", mode: "enforce", mx: ["elsewhere.lab"], id: "2")
        #expect(try daemon.command("policy", "refresh", "ex-turn.lab").status == 0)
        try await postfix.flushUntilLogged("TLS policy lookup for ex-turn.lab/mx.ex-turn.lab")
        let told = try await explain(
            id, of: daemon, until: "conforming, action deliver", "not let go by the policy map")
        #expect(told.contains("no MX host is in the policy (mode enforce, id 2)"), "\(told)")
    }

    @Test(
        "Sendmail: delivered, and refused with all its recipients, each under its queue id",
        .enabled(if: Sendmail.isPrepared, "Tests/lab/install sendmail makes it"))
    func sendmail() async throws {
        let lab = try await Lab.open()
        var options = Sendmail.Options()
        options.caFile = lab.network.authority.caFile
        options.milters = ["S=inet:8890@127.20.9.91, F=T"]
        options.definitions = ["define(`confLOG_LEVEL', `14')dnl"]
        let sendmail = try Sendmail(address: "127.20.7.92", options: options)
        defer { sendmail.stop() }
        let daemon = try await lab.daemon(91, "[intake]\nsendmail_log = \"\(sendmail.logFile)\"\n")
        let good = try lab.network.domain("ex-sm-good.lab")
        let bad = try lab.network.domain("ex-sm-bad.lab", plain: true)
        let sent = try await sendmail.send(to: ["u@ex-sm-good.lab"])
        let id = try #require(sent.queueID)
        _ = try await good.waitForMessage()
        let told = try await explain(id, of: daemon, until: "conforming, action deliver", "delivery at ", ": success")
        #expect(told.hasPrefix("\(id): the milter let it go on at "), "\(told)")

        #expect(try await sendmail.send(to: ["u@ex-sm-bad.lab"]).reply.code == 451)
        let line = try await sendmail.waitForLog("to=<u@ex-sm-bad.lab>", "reject=451")
        let refused = try #require(line.split(separator: " ").first { $0.hasSuffix(":") && !$0.contains("[") })
        let why = try await explain(String(refused), of: daemon, until: "violating, action defer")
        #expect(why.contains("it never came to its end") && why.contains("does not offer STARTTLS"), "\(why)")
        #expect(bad.messages.isEmpty)
    }

    @Test("nothing is kept with store.explain_for = 0s")
    func off() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(92, "[store]\nexplain_for = \"0s\"\n")
        let host = try lab.network.domain("ex-off.lab")
        let sent = try await lab.send(through: 92, to: "u@ex-off.lab")
        _ = try await host.waitForMessage()
        #expect(daemon.terminate() == 0)
        let told = try daemon.command("explain", try #require(sent.queueID))
        #expect(told.status == 1 && told.output.contains("store.explain_for is 0s"), "\(told)")
    }
}

private struct ExplainedJSON: Decodable {
    struct Message: Decodable {
        struct Recipients: Decodable {}
        let recipients: [Recipients]
    }
    let queueID: String
    let messages: [Message]
}

extension Postfix {
    /// Waits for a line of the file that maillog_file names with these texts.
    fileprivate func waitUntilLogged(_ texts: String...) async throws {
        let path = try parameter("maillog_file")
        try await Wait.until("a line with \(texts)", within: .seconds(30)) {
            let log = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return log.split(separator: "\n").contains { line in texts.allSatisfy { line.contains($0) } }
        }
    }

    /// Tries deferred mail until such a line is there.
    fileprivate func flushUntilLogged(_ text: String) async throws {
        let path = try parameter("maillog_file")
        try await Wait.until("a line with \(text)", within: .seconds(30)) {
            try flush()
            return (try? String(contentsOfFile: path, encoding: .utf8))?.contains(text) == true
        }
    }
}
