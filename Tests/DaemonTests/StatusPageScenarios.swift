// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import TestKit
import Testing

@Suite("The daemon's metrics: what is told, what contrib asks for, and what the manual says are the same")
struct StatusPageScenarios {
    private static let gate = 87
    private static let page = ListenAddress.inet(host: "127.20.9.87", port: 8462)

    /// A daemon with all that can be measured.
    private static let daemon = Task {
        let lab = try await Lab.open()
        let log = try TemporaryDirectory("sts-lab-status")
        try log.write("mail.log", "")
        let more = """
            [status]
            listen = "inet:8462@127.20.9.87"
            [intake]
            tlsrpt_socket = "\(log.path)/tlsrpt.sock"
            postfix_log = "\(log.path)/mail.log"
            sendmail_log = "\(log.path)/mail.log"

            """
        let daemon = try await lab.daemon(gate, MapLab.serving(gate) + more, before: MapLab.enforcing)
        return (lab: lab, daemon: daemon, log: log)
    }

    private func metrics() async throws -> String {
        _ = try await Self.daemon.value
        return try #require(try PlainClient.get(Self.page, "/metrics", host: "127.20.9.87")).body
    }

    private static func root() -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    private func file(_ path: String) throws -> String {
        try String(contentsOf: Self.root().appendingPathComponent(path), encoding: .utf8)
    }

    @Test("the reference reader takes all of it, and labels have fixed values")
    func read() async throws {
        let text = try await metrics()
        #expect(try OpenMetricsReader.names(in: text).count > 80)
        #expect(!text.contains(".lab\""), "a domain is a label")
    }

    @Test("verdicts, answers of the map, fetches and probes are counted")
    func counted() async throws {
        let (lab, _, _) = try await Self.daemon.value
        try lab.network.domain("sp-good.lab")
        try lab.network.domain("sp-plain.lab", plain: true)
        #expect(try await lab.send(through: Self.gate, to: "u@sp-good.lab").reply.isPositive)
        #expect(try await lab.send(through: Self.gate, to: "u@sp-plain.lab").reply.code == 451)
        for _ in 1...2 {
            _ = try Command.run(
                ["postmap", "-c", lab.postfix.configuration, "-q", "sp-good.lab", MapLab.map(Self.gate)])
        }
        let text = try await metrics()
        func value(_ sample: String) -> Double? {
            text.split(separator: "\n").first { $0.hasPrefix(sample + " ") }
                .flatMap { Double($0.dropFirst(sample.count + 1)) }
        }
        #expect(value("sts_milter_verdicts_total{verdict=\"conforming\",action=\"deliver\"}") == 1)
        #expect(value("sts_milter_verdicts_total{verdict=\"violating\",action=\"defer\"}") == 1)
        #expect(value("sts_milter_violations_total{result_type=\"starttls-not-supported\"}") == 1)
        #expect(value("sts_milter_milter_messages_total") == 2)
        #expect(value("sts_milter_map_queries_total{form=\"postfix\",answer=\"secure\"}") == 2)
        #expect((value("sts_milter_policy_fetches_total{result=\"success\"}") ?? 0) >= 2)
        #expect((value("sts_milter_probes_total{result=\"failing\"}") ?? 0) >= 1)
        #expect((value("sts_milter_milter_lookup_wait_seconds_count") ?? 0) >= 2)
        func callbacks(_ callback: String, below bound: String) -> Double? {
            value("sts_milter_milter_callback_duration_seconds_bucket{callback=\"\(callback)\",le=\"\(bound)\"}")
        }
        // The bad recipient ended its message at RCPT.
        #expect(callbacks("rcpt", below: "+Inf") == 2 && callbacks("eom", below: "+Inf") == 1)
        #expect((value("sts_milter_milter_callback_duration_seconds_sum{callback=\"rcpt\"}") ?? 0) > 0)
        #expect(value("sts_milter_held_domains") == 1)
        #expect(value("sts_milter_serving") == 1 && value("sts_milter_store_writable") == 1)
        #expect((value("process_resident_memory_bytes") ?? 0) > 1e6)
        #expect(value("sts_milter_intake_source_up{source=\"postfix-log\"}") == 1)
        #expect((value("sts_milter_dns_queries_total{type=\"MX\",security=\"insecure\"}") ?? 0) >= 2)
        #expect((value("sts_milter_dns_query_duration_seconds_count") ?? 0) >= 4)
        #expect(value("sts_milter_dns_queries_total{type=\"TLSA\",security=\"bogus\"}") == 0)
    }

    @Test("what is dear to gather is told again as it was for a while, and then anew")
    func policies() async throws {
        let (lab, daemon, _) = try await Self.daemon.value
        try lab.network.domain("sp-new.lab")
        #expect(try daemon.command("policy", "refresh", "sp-new.lab").status == 0)
        try await Wait.until("the policy is counted") {
            try await !metrics().contains("sts_milter_policies{mode=\"enforce\"} 0\n")
        }
    }

    @Test("health")
    func health() async throws {
        _ = try await Self.daemon.value
        let health = try #require(try PlainClient.get(Self.page, "/healthz", host: "127.20.9.87"))
        #expect(health.status == 200)
    }

    /// The names of ours that a text holds.
    private func names(in text: String) -> Set<String> {
        Set(text.matches(of: /(?:sts_milter|process)_[a-z_]+/).map { String($0.0) })
    }

    @Test(
        "rules and dashboard ask for nothing that is not told",
        arguments: ["prometheus/sts-milter.rules.yml", "grafana/sts-milter.json"])
    func contrib(_ path: String) async throws {
        let told = try OpenMetricsReader.names(in: try await metrics())
            // Without a preload list there are none of it, and without a fleet.
            .union(["sts_milter_preload_list_expiry_timestamp_seconds", "sts_milter_fleet_up"])
        let asked = names(in: try file("contrib/\(path)"))
        #expect(asked.count > 12)
        #expect(asked.subtracting(told).isEmpty, "\(asked.subtracting(told))")
    }

    private func dashboard() throws -> Dashboard {
        try Dashboard(file: Self.root().appendingPathComponent("contrib/grafana/sts-milter.json"))
    }

    @Test("the dashboard has panels of kinds that Grafana brings, each with a unit, none on another")
    func panels() throws {
        let board = try dashboard()
        #expect(board.drawn.count > 20)
        #expect(Set(board.panels.map(\.id)).count == board.panels.count)
        let cells = board.panels.flatMap(\.gridPos.cells)
        #expect(Set(cells).count == cells.count && cells.allSatisfy { (0..<24).contains($0[1]) })
        for panel in board.drawn {
            #expect(["stat", "timeseries"].contains(panel.type), "\(panel.title)")
            #expect(
                ["bytes", "percentunit", "s", "short"].contains(panel.fieldConfig?.defaults.unit), "\(panel.title)")
            #expect(panel.datasource?.type == "prometheus", "\(panel.title)")
            let names = (panel.targets ?? []).map(\.refId)
            #expect(!names.isEmpty && Set(names).count == names.count, "\(panel.title)")
        }
    }

    @Test("the dashboard uses each of its variables and no other")
    func variables() throws {
        let board = try dashboard()
        let texts =
            board.targets.map(\.expr) + board.drawn.flatMap { $0.links ?? [] }.map(\.url)
            + board.drawn.compactMap(\.datasource?.uid)
            + board.templating.list.flatMap { [$0.datasource?.uid, $0.definition].compactMap(\.self) }
        let used = Set(texts.flatMap { $0.matches(of: /\$\{?(\w+)/) }.map { String($0.1) })
        // Grafana's own.
        #expect(used.subtracting(["__rate_interval"]) == Set(board.templating.list.map(\.name)))
    }

    @Test("the dashboard selects, groups and names by labels that the metric has, and by the chosen machines")
    func labels() async throws {
        var told: [String: Set<String>] = [:]
        for sample in try await metrics().matches(of: /(?m)^([a-z_]+)\{([^}]*)\}/) {
            told[String(sample.1), default: []].formUnion(sample.2.matches(of: /(\w+)="/).map { String($0.1) })
        }
        // What Prometheus adds.
        let machine: Set = ["job", "instance"]
        for target in try dashboard().targets {
            #expect(!target.selectors.isEmpty, "\(target.expr)")
            for (metric, labels) in target.selectors {
                let known = told[metric, default: []].union(machine)
                #expect(labels.isSuperset(of: machine) && labels.isSubset(of: known), "\(target.expr): \(known)")
                #expect((target.grouping ?? []).isSubset(of: known), "\(target.expr): \(known)")
                #expect(target.legend.isSubset(of: target.grouping ?? known), "\(target.expr): \(target.legend)")
            }
        }
    }

    @Test(
        "the dashboard's expressions are some to Prometheus, by promtool",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")))
    func expressions() throws {
        let rules = try dashboard().targets.enumerated().map { index, target in
            ["record": "dashboard:\(index)", "expr": target.expr.replacing("$__rate_interval", with: "5m")]
        }
        let groups = [["name": "dashboard", "rules": rules] as [String: Any]]
        let folder = try TemporaryDirectory()
        // YAML takes JSON as it is.
        let text = try JSONSerialization.data(withJSONObject: ["groups": groups], options: .withoutEscapingSlashes)
        let file = try folder.write("rules.yml", String(decoding: text, as: UTF8.self))
        let checked = try Command.run(["promtool", "check", "rules", file])
        #expect(checked.status == 0 && checked.output.contains("\(rules.count) rules found"), "\(checked)")
    }

    @Test(
        "the alerts do what their tests say, by promtool",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")))
    func alerts() throws {
        let folder = Self.root().appendingPathComponent("contrib/prometheus").path
        let checked = try Command.run(["promtool", "check", "rules", folder + "/sts-milter.rules.yml"])
        #expect(checked.status == 0, "\(checked)")
        let tested = try Command.run(["promtool", "test", "rules", folder + "/sts-milter.rules.test.yml"])
        #expect(tested.status == 0 && tested.output.contains("SUCCESS"), "\(tested)")
        let rules = try file("contrib/prometheus/sts-milter.rules.yml").matches(of: /alert: (\w+)/)
        let tests = try file("contrib/prometheus/sts-milter.rules.test.yml").matches(of: /alertname: (\w+)/)
        #expect(Set(rules.map(\.1)) == Set(tests.map(\.1)) && rules.count > 15)
    }

    @Test("the manual names each metric")
    func manual() async throws {
        let page = names(in: try file("docs/manual/see.md"))
        let families = try await metrics().matches(of: /# TYPE ([a-z_]+)/).map { String($0.1) }
        #expect(families.count > 50)
        for family in families where family.hasPrefix("sts_milter_") {
            #expect(page.contains { $0 == family || $0 == family + "_total" || $0 == family + "_info" }, "\(family)")
        }
    }
}
