// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Gzip
import LabKit
import Logging
import Store
import TestKit
import Testing
@testable import Daemon

@Suite("Which mail enforcement would hold back, before it does")
struct ImpactScenarios {
    /// A delivery of a made log.
    private struct Delivery {
        let domain: String
        let peer: String

        init(_ domain: String, by host: String? = nil, peer: String? = nil) {
            self.domain = domain
            self.peer = peer ?? "\(host ?? "mx.\(domain)")[192.0.2.1]:25"
        }
    }

    private static func log(_ deliveries: [Delivery]) -> String {
        let prefix = "\(SystemClock().now) mta postfix/smtp[7]: "
        return deliveries.enumerated().map { number, delivery in
            "\(prefix)ABC\(number): to=<u@\(delivery.domain)>, relay=\(delivery.peer), delay=1, delays=0/0/1/0, "
                + "dsn=2.0.0, status=sent (250 ok)\n"
        }.joined()
    }

    private func settings(_ lab: Lab, _ more: String = "") throws -> DaemonProcess {
        try DaemonProcess(address: "127.20.9.180", settings: lab.network.settings + more)
    }

    private func read(_ text: String) throws -> [String: Impact.Domain] {
        let impact = try JSONDecoder().decode(Impact.self, from: Data(text.utf8))
        return Dictionary(uniqueKeysWithValues: impact.domains.map { ($0.domain, $0) })
    }

    @Test("a log tells it: conforming, violating, testing, none, no policy, unreachable policy host and hosts, DANE")
    func mailLog() async throws {
        let lab = try await Lab.open()
        let network = lab.network
        let files = try TemporaryDirectory("sts-impact")
        try network.domain("im-good.lab")
        try network.domain("im-plain.lab", plain: true)
        try network.domain(
            "im-expired.lab",
            credential: network.authority.issue(names: ["mx.im-expired.lab"], validity: .expired))
        let testing = try network.domain("im-testing.lab", mode: "testing", plain: true)
        let none = try network.domain("im-none.lab", mode: "none", plain: true)
        let free = try network.mailHost("mx.im-free.lab", plain: true)
        network.route("im-free.lab", to: ["mx.im-free.lab"])
        let unfetched = try network.domain("im-nofetch.lab", plain: true)
        network.policies.set("mta-sts.im-nofetch.lab", .status(404))
        try network.domain("im-down.lab").stop()
        try network.domain("im-relayed.lab", plain: true)
        // One host for two domains, one of which does not name it.
        let shared = try network.mailHost("mx.im-shared.lab", plain: true)
        for name in ["im-shared1.lab", "im-shared2.lab"] {
            network.route(name, to: ["mx.im-shared.lab"])
            try network.publish(
                name, mode: "enforce", mx: [name == "im-shared1.lab" ? "mx.im-shared.lab" : "mx.\(name)"])
        }
        let deliveries =
            [
                Delivery("im-good.lab"), Delivery("im-good.lab"), Delivery("im-good.lab"), Delivery("im-plain.lab"),
                Delivery("im-plain.lab"), Delivery("im-expired.lab"), Delivery("im-testing.lab"),
                Delivery("im-none.lab"),
                Delivery("im-free.lab"), Delivery("im-nofetch.lab"), Delivery("im-down.lab"),
                Delivery("im-relayed.lab", by: "relay.isp.lab"), Delivery("im-shared1.lab", by: "mx.im-shared.lab"),
                Delivery("im-shared2.lab", by: "mx.im-shared.lab"), Delivery("dane.seclab"), Delivery("danebad.seclab"),
                Delivery("im-filtered.lab", peer: "127.0.0.1[127.0.0.1]:10025"),
            ]
        let path = try files.write("mail.log", Self.log(deliveries))
        let daemon = try settings(lab)
        let result = try daemon.command("impact", "--json", "--mail-log", path)
        #expect(result.status == 1 && result.errors.isEmpty, "\(result)")
        let found = try read(result.output)
        let outcomes = found.mapValues { "\($0.outcome) \($0.held)/\($0.deliveries) \($0.mode ?? "-")" }
        #expect(
            outcomes == [
                "im-good.lab": "delivered 0/3 enforce", "im-plain.lab": "held 2/2 enforce",
                "im-expired.lab": "held 1/1 enforce", "im-testing.lab": "delivered 0/1 testing",
                "im-none.lab": "delivered 0/1 none", "im-free.lab": "delivered 0/1 -",
                "im-nofetch.lab": "delivered 0/1 -", "im-down.lab": "unclear 0/1 enforce",
                "im-shared1.lab": "held 1/1 enforce", "im-shared2.lab": "held 1/1 enforce",
                "dane.seclab": "delivered 0/1 enforce", "danebad.seclab": "held 1/1 enforce",
            ])
        #expect(found["im-plain.lab"]?.reasons.first?.hosts == ["mx.im-plain.lab"])
        #expect(found["im-plain.lab"]?.reasons.first?.text == "host does not offer STARTTLS")
        #expect(found["im-nofetch.lab"]?.reasons.first?.text.contains("HTTP status 404") == true)
        #expect(found["dane.seclab"]?.reasons.first?.text == "keeps its TLSA records (DANE)")
        #expect(found["im-shared2.lab"]?.reasons.map(\.text).contains("MX host is not in the policy") == true)
        // Nobody is dialled on whom nothing depends, and no host twice.
        for host in [testing, none, free, unfetched] { #expect(host.connections == 0) }
        #expect(shared.connections == 1)
        #expect(!FileManager.default.fileExists(atPath: daemon.store))
        let impact = try JSONDecoder().decode(Impact.self, from: Data(result.output.utf8))
        #expect(impact.leftOut.map(\.deliveries) == [1, 1], "\(impact.leftOut)")
        #expect(impact.deliveries == deliveries.count)
    }

    @Test("domains that the DNS asked here does not know are unclear, and most of them are warned of")
    func unknownDomains() async throws {
        let lab = try await Lab.open()
        let files = try TemporaryDirectory("sts-impact")
        let path = try files.write(
            "mail.log", Self.log([Delivery("im-gone1.lab"), Delivery("im-gone2.lab"), Delivery("im-gone2.lab")]))
        let daemon = try settings(lab)
        let result = try daemon.command("impact", "--mail-log", path)
        #expect(result.status == 2, "\(result)")
        #expect(result.output.contains("of 3, to 2 domains, it could not be told"), "\(result)")
        #expect(
            result.output.contains("does not exist in the DNS that is asked here, and mail went to it"), "\(result)")
        #expect(
            result.output.contains("most domains do not exist in the DNS that is asked (dns.forwarder "), "\(result)")
        let empty = try daemon.command("impact", "--mail-log", try files.write("other.log", "nothing of mail\n"))
        #expect(empty.status == 2 && empty.output.contains("nothing can be told"), "\(empty)")
        #expect(empty.output.contains("no session with a mail server found"), "\(empty)")
    }

    @Test("compressed, or by standard input; 0 when all passes; no host is dialled where probe.enabled is false")
    func forms() async throws {
        let lab = try await Lab.open()
        let files = try TemporaryDirectory("sts-impact")
        let host = try lab.network.domain("im-fine.lab")
        let log = Self.log([Delivery("im-fine.lab"), Delivery("im-open.lab")])
        _ = try lab.network.mailHost("mx.im-open.lab", plain: true)
        lab.network.route("im-open.lab", to: ["mx.im-open.lab"])
        let packed = files.path + "/mail.log.gz"
        try Data(try compress(Array(log.utf8))).write(to: URL(fileURLWithPath: packed))
        let daemon = try settings(lab)
        let fromFile = try daemon.command("impact", "--mail-log", packed)
        #expect(fromFile.status == 0, "\(fromFile)")
        #expect(
            fromFile.output.contains("2 deliveries from ") && fromFile.output.contains("none would have been held"))
        #expect(fromFile.output.contains("\nim-fine.lab           1     0  enforce  delivered      keeps the policy\n"))
        #expect(host.connections == 1)

        let byName = try settings(lab, "[probe]\nenabled = false\n")
        let fromInput = try Command.run(
            [try DaemonProcess.program(), "impact", "--config", byName.configuration, "--mail-log", "-"], input: log)
        #expect(fromInput.status == 0, "\(fromInput)")
        #expect(fromInput.output.contains("no host was looked at: probe.enabled is false"))
        #expect(host.connections == 1)

        let few = try daemon.command("impact", "--domains", "1", "--mail-log", packed)
        #expect(few.output.contains("1 delivery to 1 domain not looked at, since --domains bounds them"), "\(few)")
        let missing = try daemon.command("impact", "--mail-log", "/nonexistent")
        #expect(missing.status != 0 && missing.errors.contains("no such file"), "\(missing)")
    }

    @Test("nothing hostile is echoed: names of a log, words of a policy host, lines without an end")
    func hostile() async throws {
        let lab = try await Lab.open()
        let files = try TemporaryDirectory("sts-impact")
        let evil = "version: STSv1\nmode: enforce\nmx: x\u{1b}[31m%s\u{7f}\nmx: mx.im-evil.lab\nmax_age: 86400\n"
        try lab.network.domain("im-evil.lab", plain: true)
        try lab.network.publish("im-evil.lab", .policy(evil))
        try lab.network.domain("im-wicked.lab")
        try lab.network.publish("im-wicked.lab", .policy("\u{1b}]0;owned\u{07}"))
        let lines = [
            Delivery("im-evil.lab"), Delivery("im-wicked.lab"),
            Delivery("\u{1b}[2J.lab", peer: "mx.a.lab[192.0.2.1]:25"),
        ]
        let log = Self.log(lines) + String(repeating: "postfix/smtp[1]: ", count: 100_000)
        let path = try files.write("mail.log", log)
        let daemon = try settings(lab)
        for flags in [["--all"], ["--json"]] {
            let result = try Command.run(
                [try DaemonProcess.program(), "impact", "--config", daemon.configuration] + flags + [
                    "--mail-log", path,
                ])
            #expect(result.status == 1, "\(result)")
            #expect(result.output.contains("im-wicked.lab"))
            #expect(result.output.utf8.allSatisfy { $0 == 0x0A || (0x20..<0x7F).contains($0) }, "\(result.output)")
        }
    }

    @Test("the counts tell it, with number, reason and hosts")
    func ledger() async throws {
        let lab = try await Lab.open()
        let files = try TemporaryDirectory("sts-impact")
        try lab.network.domain("im-counted.lab")
        try lab.network.domain("im-away.lab")
        try lab.network.mailHost("mx.im-elsewhere.lab")
        lab.network.route("im-away.lab", to: ["mx.im-elsewhere.lab"])
        try lab.network.domain("im-trial.lab", mode: "testing")
        let tls = { (host: String) in
            "\(SystemClock().now) mta postfix/smtp[7]: Verified TLS connection established to \(host)[192.0.2.1]:25: "
                + "TLSv1.3 with cipher X (256/256 bits)\n"
        }
        let log =
            tls("mx.im-counted.lab") + Self.log([Delivery("im-counted.lab")]) + tls("mx.im-elsewhere.lab")
            + Self.log([Delivery("im-away.lab", by: "mx.im-elsewhere.lab")]) + Self.log([Delivery("im-trial.lab")])
        let path = try files.write("mail.log", log)
        let daemon = try settings(lab)
        try Store(path: daemon.store, logger: Logger(label: "test")).close()
        let empty = try daemon.command("impact")
        #expect(
            empty.status == 2 && empty.output.hasPrefix("no session was counted: nothing can be told\n"), "\(empty)")
        let recorded = try daemon.command("intake", "--from", "postfix-log", "--record", path)
        #expect(recorded.errors.contains(": 3 sessions recorded"), "\(recorded)")
        let result = try daemon.command("impact", "--days", "2")
        #expect(result.status == 1, "\(result)")
        #expect(result.output.hasPrefix("3 deliveries from "))
        #expect(result.output.contains("1 would have been held back, to 1 domain\n"))
        #expect(
            result.output.contains(
                "\nim-away.lab           1     1  enforce  held           mx.im-elsewhere.lab: the MX host is not in the policy\n"
            ),
            "\(result.output)")
        let byJSON = try read(try daemon.command("impact", "--json").output)
        #expect(byJSON.keys.sorted() == ["im-away.lab"] && byJSON["im-away.lab"]?.reasons.first?.sessions == 1)
        let wrong = try daemon.command("impact", "--days", "0")
        #expect(wrong.status == 64, "\(wrong)")
    }
}
