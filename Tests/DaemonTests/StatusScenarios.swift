// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Status
import Testing

@Suite("On a real Postfix: status says whose mail is held, and why")
struct StatusScenarios {
    @Test("mail that the milter defers is listed until the route is repaired")
    func milter() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(84, "[probe]\nfailing_for = \"1s\"\n")
        #expect(try daemon.command("status").output.contains("mail held now: none"))
        #expect(try daemon.status().lights.first { $0.name == "MTA" }?.state == .warning)
        let host = try lab.network.domain("st-plain.lab", plain: true)
        for _ in 1...2 { #expect(try await lab.send(through: 84, to: "u@st-plain.lab").reply.code == 451) }

        let report = try daemon.status()
        let held = try #require(report.held.first)
        #expect(report.held.count == 1 && held.domain == "st-plain.lab" && held.host == "mx.st-plain.lab")
        #expect(held.messages == 2 && held.deliveries == 0 && held.resultType == "starttls-not-supported")
        #expect(held.whatToDo.contains("sts-milter check st-plain.lab"))
        #expect(report.lights.first { $0.name == "held mail" }?.state == .warning)
        #expect(report.milter.lastHeard != nil)
        // What is dear to count is as it was a moment ago.
        try await Wait.until("the policy is counted") { try daemon.status().policies.enforce >= 1 }
        let text = try daemon.command("status").output
        #expect(text.contains("  st-plain.lab  mx.st-plain.lab  "), "\(text)")
        #expect(text.contains("    why: starttls-not-supported: "), "\(text)")

        let credential = try lab.network.authority.issue(names: ["mx.st-plain.lab"])
        host.change { $0.credential = credential }
        try await Wait.until("mail to st-plain.lab is accepted") {
            try await lab.send(through: 84, to: "u@st-plain.lab").reply.isPositive
        }
        #expect(try daemon.status().held.isEmpty)
    }

    @Test("a delivery that the policy map holds is listed with the map's reason")
    func map() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(85, MapLab.serving(85), before: MapLab.enforcing)
        try lab.network.mailHost("mx.elsewhere-st.lab")
        lab.network.route("st-map.lab", to: ["mx.elsewhere-st.lab"])
        try lab.network.publish("st-map.lab", mode: "enforce", mx: ["mx.st-map.lab"])
        let asked = try Command.run(
            ["postmap", "-c", lab.postfix.configuration, "-q", "st-map.lab", MapLab.map(85)])
        #expect(asked.status != 0)
        let report = try daemon.status()
        let held = try #require(report.held.first)
        #expect(held.domain == "st-map.lab" && held.messages == 0 && held.deliveries >= 1)
        #expect(held.reason.contains("mx.elsewhere-st.lab"), "\(held)")
        #expect(report.policyMap?.lastHeard != nil)
    }

    @Test("metrics: DNSSEC that is not wanted is no fault, and reports that nobody could answer are one")
    func metricsOfSettings() async throws {
        let lab = try await Lab.open()
        let settings = lab.network.settings.split(separator: "\n")
            .map { $0.hasPrefix("trust_anchor") ? "trust_anchor = \"none\"" : $0 }.joined(separator: "\n")
        let daemon = try DaemonProcess(
            address: "127.20.9.193",
            settings: settings + "\n[status]\nlisten = \"inet:8462@127.20.9.193\"\n"
                + "[report]\ncontact_info = \"tlsrpt@mta\"\n")
        try await daemon.start()
        let page = ListenAddress.inet(host: "127.20.9.193", port: 8462)
        let metrics = try #require(try PlainClient.get(page, "/metrics", host: "127.20.9.193")).body
        #expect(!metrics.contains("\nsts_milter_dnssec_working "), "\(metrics)")
        #expect(metrics.contains("\nsts_milter_reports_scheduled 0\n"))
        #expect(metrics.contains("\nsts_milter_reports_possible 0\n"))
        #expect(!metrics.contains("\nsts_milter_mta_last_heard_timestamp_seconds{"))
        #expect(!metrics.contains("\nsts_milter_reports_last_run_timestamp_seconds "))
        #expect(daemon.terminate() == 0)
    }

    @Test("policy list --json has each policy on a line of its own, and is JSON as a whole")
    func list() async throws {
        let lab = try await Lab.open()
        let pin = "\n[[pin]]\ndomain = \"st-pin.lab\"\nmode = \"enforce\"\nmx = [\"mx.st-pin.lab\"]\n"
        let daemon = try DaemonProcess(address: "127.20.9.86", settings: lab.network.settings)
        try daemon.configure(lab.network.settings)
        try await daemon.start()
        #expect(try daemon.command("policy", "list", "--json").output == "[]\n")
        for (command, word) in [("policy", "no policies"), ("report", "no such reports")] {
            let nothing = try daemon.command(command, "list")
            #expect(nothing.succeeded && nothing.output.isEmpty, "\(nothing)")
            #expect(nothing.errors.hasPrefix("sts-milter: \(word)"), "\(nothing)")
        }
        for name in ["st-a.lab", "st-b.lab"] {
            try lab.network.domain(name)
            #expect(try daemon.command("policy", "refresh", name).status == 0)
        }
        let settings = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        try (settings + pin).write(toFile: daemon.configuration, atomically: true, encoding: .utf8)
        let output = try daemon.command("policy", "list", "--json").output
        let list = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]]
        #expect(list?.compactMap { $0["domain"] as? String } == ["st-pin.lab", "st-a.lab", "st-b.lab"])
        #expect(list?.compactMap { $0["source"] as? String } == ["pinned", "cached", "cached"])
        #expect(output.split(separator: "\n").count == 5)
    }
}
