// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@Suite(
    "On a real Sendmail: FEATURE(`sts') asks our policy map",
    .enabled(if: Sendmail.isPrepared, "Tests/lab/install sendmail makes it"))
struct MapSendmailScenarios {
    private static let shared = Task {
        let lab = try await MapLab.open()
        var options = Sendmail.Options()
        options.caFile = lab.network.authority.caFile
        options.definitions = ["FEATURE(`sts', `socket -d5 -T<TMPF> inet:8461@127.20.9.\(MapLab.gate)')dnl"]
        return try Sendmail(address: "127.20.7.2", options: options)
    }

    private func open() async throws -> (MapLab, Sendmail) { (try await MapLab.open(), try await Self.shared.value) }

    private func accept(_ recipient: String, _ sendmail: Sendmail) async throws {
        let dialogue = try await sendmail.send(to: [recipient])
        #expect(dialogue.data?.isPositive == true, "\(dialogue)")
    }

    @Test("sendmail -bt sees the policy, in the form it can read, and nothing for what has none")
    func map() async throws {
        let (lab, sendmail) = try await open()
        try lab.network.domain("m-sm-map.lab")
        try lab.network.publish("m-sm-map.lab", mode: "enforce", mx: ["mx.m-sm-map.lab", "mx2.m-sm-map.lab"])
        try lab.network.domain("m-sm-testing.lab", mode: "testing")
        let found = try sendmail.test("/map sts m-sm-map.lab")
        #expect(
            found.contains("returns secure match=mx.m-sm-map.lab:mx2.m-sm-map.lab servername=hostname (0)"), "\(found)")
        for domain in ["m-sm-testing.lab", "m-sm-none.lab"] {
            let none = try sendmail.test("/map sts \(domain)")
            // EX_NOHOST: the map was asked, and has nothing.
            #expect(none.contains("no match (68)"), "\(none)")
        }
    }

    @Test("good hosts get mail over verified TLS, bad ones none")
    func delivery() async throws {
        let (lab, sendmail) = try await open()
        let good = try lab.network.domain("m-sm-good.lab")
        try await accept("u@m-sm-good.lab", sendmail)
        #expect(try await good.waitForMessage().serverName == "mx.m-sm-good.lab")
        try await sendmail.waitForLog("STARTTLS=client, relay=mx.m-sm-good.lab", "verify=OK")

        let plain = try lab.network.domain("m-sm-plain.lab", plain: true)
        try await accept("u@m-sm-plain.lab", sendmail)
        try await sendmail.waitForLog("to=<u@m-sm-plain.lab>", "stat=Deferred")
        let other = try lab.network.domain(
            "m-sm-other.lab", credential: lab.network.authority.issue(names: ["mx.elsewhere.lab"]))
        try await accept("u@m-sm-other.lab", sendmail)
        try await sendmail.waitForLog("to=<u@m-sm-other.lab>", "stat=Deferred")
        // A host that the policy does not name.
        let foreign = try lab.network.mailHost("mx.m-sm-away.lab")
        lab.network.route("m-sm-foreign.lab", to: ["mx.m-sm-away.lab"])
        try lab.network.publish("m-sm-foreign.lab", mode: "enforce", mx: ["mx.m-sm-foreign.lab"])
        try await accept("u@m-sm-foreign.lab", sendmail)
        try await sendmail.waitForLog("to=<u@m-sm-foreign.lab>", "stat=Deferred")
        #expect(plain.messages.isEmpty && other.messages.isEmpty && foreign.messages.isEmpty)

        let free = try lab.network.domain("m-sm-free.lab", mode: "testing", plain: true)
        try await accept("u@m-sm-free.lab", sendmail)
        _ = try await free.waitForMessage()
    }

    @Test("a bad MX host is passed over for a good one")
    func failOver() async throws {
        let (lab, sendmail) = try await open()
        let plain = try lab.network.mailHost("mx1.m-sm-fail.lab", plain: true)
        let good = try lab.network.mailHost("mx2.m-sm-fail.lab")
        lab.network.route("m-sm-fail.lab", to: ["mx1.m-sm-fail.lab", "mx2.m-sm-fail.lab"])
        try lab.network.publish("m-sm-fail.lab", mode: "enforce", mx: ["mx1.m-sm-fail.lab", "mx2.m-sm-fail.lab"])
        try await accept("u@m-sm-fail.lab", sendmail)
        #expect(try await good.waitForMessage().overTLS)
        #expect(plain.messages.isEmpty)
    }

    @Test("while the map is down mail waits in the queue")
    func down() async throws {
        let lab = try await Lab.open()
        var options = Sendmail.Options()
        options.caFile = lab.network.authority.caFile
        // Nobody listens there.
        options.definitions = ["FEATURE(`sts', `socket -d5 -T<TMPF> inet:8462@127.20.9.40')dnl"]
        let sendmail = try Sendmail(address: "127.20.7.3", options: options)
        defer { sendmail.stop() }
        let host = try lab.network.domain("m-sm-down.lab", plain: true)
        try await accept("u@m-sm-down.lab", sendmail)
        try await sendmail.waitForLog("to=<u@m-sm-down.lab>", "stat=Deferred")
        #expect(host.messages.isEmpty)
    }

    /// Debian's Sendmail is built without DANE: what it shows is what each setting leaves it with.
    @Test("a domain with TLSA records: held to its policy, or with sendmail_dane = true left to Sendmail's own DANE")
    func dane() async throws {
        let (lab, sendmail) = try await open()
        // Matches its TLSA record, and no authority vouches for it.
        let held = try sendmail.test("/map sts dane.seclab")
        #expect(held.contains("returns secure match=mx.dane.seclab servername=hostname (0)"), "\(held)")
        try await accept("held@dane.seclab", sendmail)
        try await sendmail.waitForLog("to=<held@dane.seclab>", "stat=Deferred")
        let bogus = try sendmail.test("/map sts bogusmx.seclab")
        #expect(bogus.contains("no match (75)"), "\(bogus)")

        try await lab.lab.daemon(
            46, MapLab.serving(46).replacing("[policy_map]\n", with: "[policy_map]\nsendmail_dane = true\n"),
            before: MapLab.enforcing)
        var options = Sendmail.Options()
        options.caFile = lab.network.authority.caFile
        options.definitions = ["FEATURE(`sts', `socket -d5 -T<TMPF> inet:8461@127.20.9.46')dnl"]
        let trusted = try Sendmail(address: "127.20.7.4", options: options)
        defer { trusted.stop() }
        let left = try trusted.test("/map sts dane.seclab")
        #expect(left.contains("no match (68)"), "\(left)")
        try await accept("left@dane.seclab", trusted)
        try await trusted.waitForLog("to=<left@dane.seclab>", "stat=Sent")
        // Without TLSA records nothing changes.
        try lab.network.domain("m-sm-nodane.lab")
        let policy = try trusted.test("/map sts m-sm-nodane.lab")
        #expect(policy.contains("returns secure match=mx.m-sm-nodane.lab servername=hostname (0)"), "\(policy)")
    }

    @Test("check-mta reads sendmail.cf")
    func checkMTA() async throws {
        let (lab, sendmail) = try await open()
        // Sendmail sees /etc/mail otherwise than check-mta does.
        let hidden = try lab.daemon.command("check-mta", "sendmail", "--cf", sendmail.configuration)
        #expect(
            hidden.output.contains("problem (ca-file): CACertFile /etc/mail/ca.pem cannot be read: No such file"),
            "\(hidden)")
        let files = try TemporaryDirectory("sts-lab-cf")
        let text = try String(contentsOfFile: sendmail.configuration, encoding: .utf8)
        let file = try files.write(
            "sendmail.cf", text.replacing("/etc/mail/ca.pem", with: lab.network.authority.caFile))
        let result = try lab.daemon.command("check-mta", "sendmail", "--cf", file)
        #expect(result.status == 1)
        #expect(result.output.hasPrefix("sendmail 8.17"), "\(result)")
        #expect(result.output.contains("problem (milter-missing)"), "\(result)")
        #expect(!result.output.contains("(map-") && !result.output.contains("(ca-file)"), "\(result)")
        let json = try lab.daemon.command("check-mta", "sendmail", "--cf", sendmail.configuration, "--json")
        #expect(json.output.contains("\"topic\" : \"milter-missing\""), "\(json)")
        let missing = try lab.daemon.command("check-mta", "sendmail", "--cf", "/nonexistent/sendmail.cf")
        #expect(missing.status == 2 && missing.errors.contains("cannot be read"), "\(missing)")
    }
}
