// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import LabKit
import Testing
import TestKit

@Suite("On a real Postfix: policies of the operator, and of a signed list")
struct PolicyOverrideScenarios {
    /// A key and a list signed by it, in a directory that the daemon can read.
    private struct ListPublisher {
        let directory: TemporaryDirectory
        let home: String
        var keyring: String { directory.path + "/keyring.gpg" }
        var list: String { directory.path + "/policy.json" }

        init() throws {
            directory = try TemporaryDirectory("sts-lists")
            home = try directory.makeDirectory("home", mode: 0o700)
            try gpg(
                "--passphrase", "", "--faked-system-time", "20200101T000000!", "--quick-generate-key", "list@lab",
                "ed25519", "sign", "never")
            try gpg("--output", keyring, "--export")
        }

        func gpg(_ arguments: String...) throws {
            let options = ["gpg", "--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback"]
            try Command.check(options + arguments)
        }

        func sign() throws { try gpg("--armor", "--detach-sign", list) }

        /// Writes and signs a list that says of each domain that only its own MX host may take its mail.
        func publish(_ domains: [String: String], timestamp: Int64 = Int64(Date().timeIntervalSince1970)) throws {
            let entries = domains.map { domain, mode in
                #""\#(domain)": {"mode": "\#(mode)", "mxs": [".\#(domain)"]}"#
            }
            try directory.write(
                "policy.json",
                """
                {"version": "0.1", "timestamp": \(timestamp), "expires": \(timestamp + 30 * 86_400),
                 "policy-aliases": {}, "policies": {\(entries.joined(separator: ","))}}
                """)
            try sign()
        }

        func stop() { _ = try? Command.run(["gpgconf", "--homedir", home, "--kill", "all"]) }
    }

    @Test("a pinned policy holds back mail of a domain that announces none, and mode none frees a broken domain's")
    func pins() async throws {
        let lab = try await Lab.open()
        // Neither has a TXT record; the first one's host offers no TLS.
        try lab.network.mailHost("mx.p-partner.lab", plain: true)
        lab.network.route("p-partner.lab", to: ["mx.p-partner.lab"])
        try lab.network.mailHost("mx.below.p-group.lab", plain: true)
        lab.network.route("below.p-group.lab", to: ["mx.below.p-group.lab"])
        // An enforce policy that its own host breaks.
        try lab.network.domain("p-broken.lab", plain: true)
        try lab.network.domain("p-ended.lab", plain: true)
        let pins = """
            [[pin]]
            domain = "p-partner.lab"
            mode = "enforce"
            mx = ["mx.p-partner.lab"]
            [[pin]]
            domain = "p-group.lab"
            subdomains = true
            mode = "enforce"
            mx = ["*.below.p-group.lab"]
            [[pin]]
            domain = "p-broken.lab"
            mode = "none"
            until = "2999-12-31"
            reason = "they know"
            [[pin]]
            domain = "p-ended.lab"
            mode = "none"
            until = "2026-01-01"

            """
        let daemon = try await lab.daemon(35, pins)
        #expect(try await lab.send(through: 35, to: "u@p-partner.lab").reply.enhancedCode == "4.7.4")
        #expect(try await lab.send(through: 35, to: "u@below.p-group.lab").reply.enhancedCode == "4.7.4")
        #expect(try await lab.send(through: 35, to: "u@p-broken.lab").reply.isPositive)
        #expect(try await lab.send(through: 35, to: "u@p-ended.lab").reply.enhancedCode == "4.7.4")
        #expect(lab.network.policies.hits("mta-sts.p-broken.lab") == 0)
        #expect(daemon.log.contains("p-ended.lab: has passed"))
        #expect(try daemon.command("status").output.contains("4 policies of your own, 1 of them have ended"))
        let listed = try daemon.command("policy", "list").output
        #expect(listed.contains("p-broken.lab: pinned, mode none, until 2999-12-31, mx , they know\n"), "\(listed)")
        #expect(
            listed.contains("p-group.lab and all domains below: pinned, mode enforce, mx *.below.p-group.lab\n"),
            "\(listed)")
        #expect(try daemon.command("check", "p-broken.lab").succeeded)
        #expect(try daemon.command("check", "p-partner.lab").status == 1)
        // The exception ends by a reload, and the published policy is enforced again.
        try daemon.configure(lab.network.settings)
        daemon.signal(SIGHUP)
        try await daemon.waitForLog("settings reloaded")
        #expect(try await lab.send(through: 35, to: "u@p-broken.lab").reply.enhancedCode == "4.7.4")
        #expect(try await lab.send(through: 35, to: "u@p-partner.lab").reply.isPositive)
    }

    @Test("a signed list holds mail back until the domain has a policy of its own; a worse list does not replace it")
    func list() async throws {
        let lab = try await Lab.open()
        let publisher = try ListPublisher()
        defer { publisher.stop() }
        let now = Int64(Date().timeIntervalSince1970)
        try publisher.publish(["p-listed.lab": "enforce", "p-live.lab": "enforce"], timestamp: now - 100)
        try lab.network.mailHost("mx.p-listed.lab", plain: true)
        lab.network.route("p-listed.lab", to: ["mx.p-listed.lab"])
        try lab.network.domain("p-live.lab", plain: true)
        try lab.network.publish("p-live.lab", mode: "testing", mx: ["mx.p-live.lab"])
        let preload = "[preload]\nsource = \"\(publisher.list)\"\nkeyring = \"\(publisher.keyring)\"\n"
        let daemon = try await lab.daemon(36, preload)
        #expect(try await lab.send(through: 36, to: "u@p-listed.lab").reply.enhancedCode == "4.7.4")
        #expect(try await lab.send(through: 36, to: "u@p-live.lab").reply.isPositive)
        #expect(try daemon.command("check", "p-listed.lab").status == 1)
        // An older list without the domain, as who controls the source could bring back.
        try publisher.publish([:], timestamp: now - 200)
        daemon.signal(SIGHUP)
        try await daemon.waitForLog("preload list not taken", "older than the one held")
        #expect(try await lab.send(through: 36, to: "u@p-listed.lab").reply.enhancedCode == "4.7.4")
        // Source gone and daemon killed: the list that was kept serves.
        daemon.kill()
        try FileManager.default.removeItem(atPath: publisher.list)
        try await daemon.start()
        #expect(try await lab.send(through: 36, to: "u@p-listed.lab").reply.enhancedCode == "4.7.4")
        // The domain's own policy outranks the list.
        try lab.network.publish("p-listed.lab", mode: "none", mx: [])
        #expect(try daemon.command("policy", "refresh", "p-listed.lab").output.contains("mode none"))
        #expect(try await lab.send(through: 36, to: "u@p-listed.lab").reply.isPositive)
    }

    /// A thread that waits for programs takes signals meanwhile, unlike all others.
    @Test("a daemon that has run gpgv loses to no signal: a storm of reloads, and more of them behind TERM")
    func signals() async throws {
        let lab = try await Lab.open()
        let publisher = try ListPublisher()
        defer { publisher.stop() }
        try publisher.publish(["p-listed.lab": "enforce"])
        let daemon = try DaemonProcess(
            address: "127.20.10.9",
            settings: lab.network.settings
                + "[preload]\nsource = \"\(publisher.list)\"\nkeyring = \"\(publisher.keyring)\"\n")
        try await daemon.start()
        try await daemon.waitForLog("preload list taken")
        for _ in 0..<2000 { daemon.signal(Bool.random() ? SIGHUP : SIGUSR1) }
        #expect(try daemon.command("status").succeeded)
        daemon.signal(SIGTERM)
        for _ in 0..<200 { daemon.signal([SIGHUP, SIGTERM, SIGINT].randomElement() ?? SIGHUP) }
        #expect(daemon.exitStatus() == 0)
        #expect(daemon.log.contains(": stopped"), "\(daemon.log)")
    }

    @Test("a list exported from one cache protects another's first mail, by HTTPS")
    func export() async throws {
        let lab = try await Lab.open()
        let publisher = try ListPublisher()
        defer { publisher.stop() }
        let first = try await lab.daemon(37)
        try lab.network.domain("p-export.lab")
        #expect(try await lab.send(through: 37, to: "u@p-export.lab").reply.isPositive)
        try await Wait.until("the policy is saved", within: .seconds(5)) {
            try first.command("policy", "list").output.contains("p-export.lab")
        }
        #expect(try first.command("policy", "export", "--preload", publisher.list, "--expires", "10d").succeeded)
        try publisher.sign()
        let text = try String(contentsOfFile: publisher.list, encoding: .utf8)
        #expect(text.contains("p-export.lab"))
        lab.network.names.set("p-lists.lab", .a(lab.network.policies.address))
        lab.network.policies.setCredential("p-lists.lab", try lab.network.authority.issue(names: ["p-lists.lab"]))
        lab.network.policies.set(path: "/p/policy.json", .body(.text(text)))
        let signature = try String(contentsOfFile: publisher.list + ".asc", encoding: .utf8)
        lab.network.policies.set(path: "/p/policy.json.asc", .body(.text(signature)))
        #expect(first.terminate() == 0)
        // Another machine that never saw the domain, whose record is hidden from it.
        lab.network.names.remove("_mta-sts.p-export.lab")
        try lab.network.mailHost("evil.p-other.lab")
        lab.network.route("p-export.lab", to: ["evil.p-other.lab"])
        let second = try DaemonProcess(
            address: "127.20.9.37",
            settings: lab.network.settings
                + "[preload]\nsource = \"https://p-lists.lab/p/policy.json\"\nkeyring = \"\(publisher.keyring)\"\n")
        try await second.start()
        defer { second.terminate() }
        try await second.waitForLog("preload list taken")
        #expect(try await lab.send(through: 37, to: "u@p-export.lab").reply.code == 451)
        try await second.waitForLog("p-export.lab", "verdict=violating", "evil.p-other.lab")
    }

    @Test("policy pin prints a block that can be added, or says what is wrong")
    func pinCommand() async throws {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(address: "127.20.9.34", settings: lab.network.settings)
        let good = try daemon.command(
            "policy", "pin", "p-pin.lab", "--mx", "mx.p-pin.lab", "--mx", "*.p-pin.lab", "--until", "2999-01-01")
        #expect(
            good.output
                == "[[pin]]\ndomain = \"p-pin.lab\"\nmode = \"enforce\"\nmx = [\"mx.p-pin.lab\", \"*.p-pin.lab\"]\nuntil = \"2999-01-01\"\n"
        )
        let bad = try daemon.command("policy", "pin", "p-pin.lab")
        #expect(bad.status == 64 && bad.errors.contains("needs at least one MX host"))
    }
}
