// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import LabKit
import Testing

@Suite("On a real Postfix: the policy map over time")
struct MapLifeScenarios {
    /// A Postfix of Debian 12 with the map of a gate of its own.
    private func postfix(_ network: TestNetwork, _ gate: Int, at address: String) throws -> Postfix {
        try Postfix(address: address, options: MapLab.options(network, map: MapLab.map(gate)))
    }

    @Test("a policy that becomes strict, and one whose hosts change, count on the running daemon")
    func changes() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(
            39, MapLab.serving(39) + "[policy]\ntxt_check_interval = \"1s\"\n", before: MapLab.enforcing)
        let postfix = try postfix(lab.network, 39, at: "127.20.0.35")
        defer { postfix.stop() }
        let (domain, table) = ("m-change.lab", MapLab.map(39))
        let host = try lab.network.domain(domain, mode: "testing", plain: true)
        try await postfix.accept("first@\(domain)")
        _ = try await host.waitForMessage()

        try lab.network.publish(domain, mode: "enforce", mx: ["mx.\(domain)"], id: "2")
        // The look is due: the first question waits for it.
        try await Task.sleep(for: .seconds(2))
        #expect(try postfix.lookUp(domain, in: table)?.hasPrefix("secure match=mx.\(domain)") == true)
        try await postfix.accept("second@\(domain)")
        try await postfix.waitForLog("to=<second@\(domain)>", "status=deferred", "TLS is required")

        let next = try lab.network.mailHost("new.\(domain)")
        lab.network.route(domain, to: ["new.\(domain)"])
        try lab.network.publish(domain, mode: "enforce", mx: ["new.\(domain)"], id: "3")
        try await Task.sleep(for: .seconds(2))
        #expect(try postfix.lookUp(domain, in: table)?.hasPrefix("secure match=new.\(domain)") == true)
        try await postfix.retry(until: "to=<second@\(domain)>", "status=sent")
        #expect(try await next.waitForMessage().overTLS)

        // The same id: only a refresh brings the new body.
        try lab.network.publish(domain, mode: "none", mx: [], id: "3")
        #expect(try daemon.command("policy", "refresh", domain).output.contains("mode none"))
        #expect(try postfix.lookUp(domain, in: table) == nil)
        #expect(host.messages.count == 1)
    }

    @Test("a dry run lets go what the map held, at once, and the next reload holds again")
    func dryRun() async throws {
        let lab = try await Lab.open()
        let served = MapLab.serving(176) + "[status]\nlisten = \"inet:8462@127.20.9.176\"\n"
        let daemon = try await lab.daemon(176, served, before: MapLab.enforcing)
        let postfix = try postfix(lab.network, 176, at: "127.20.0.176")
        defer { postfix.stop() }
        let (domain, table) = ("m-dry.lab", MapLab.map(176))
        let host = try lab.network.domain(domain, plain: true)
        try await postfix.accept("first@\(domain)")
        try await postfix.waitForLog("to=<first@\(domain)>", "status=deferred", "TLS is required")

        func reload(_ before: String) async throws {
            try daemon.configure(before + lab.network.settings + served)
            let reloads = { daemon.log.components(separatedBy: ": settings reloaded").count }
            let count = reloads()
            daemon.signal(SIGUSR1)
            try await Wait.until("reload: \(daemon.log)", within: .seconds(30)) { reloads() > count }
        }
        try await reload("on_violation = \"log\"\n" + MapLab.enforcing)
        #expect(try postfix.lookUp(domain, in: table) == nil)
        #expect(try daemon.command("status").output.contains("dry run: on_violation = \"log\""))
        let page = ListenAddress.inet(host: "127.20.9.176", port: 8462)
        let metrics = try #require(try PlainClient.get(page, "/metrics", host: "127.20.9.176")).body
        #expect(metrics.contains("\nsts_milter_dry_run 1\n"))
        try await postfix.retry(until: "to=<first@\(domain)>", "status=sent")
        #expect(try await !host.waitForMessage().overTLS)

        try await reload(MapLab.enforcing)
        #expect(try postfix.lookUp(domain, in: table)?.hasPrefix("secure match=mx.\(domain)") == true)
        try await postfix.accept("second@\(domain)")
        try await postfix.waitForLog("to=<second@\(domain)>", "status=deferred", "TLS is required")
        #expect(host.messages.count == 1)
    }

    @Test("a restart with the policy host down keeps the policy; while the daemon is down nothing passes")
    func restart() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(40, MapLab.serving(40), before: MapLab.enforcing)
        let postfix = try postfix(lab.network, 40, at: "127.20.0.36")
        defer { postfix.stop() }
        let host = try lab.network.domain("m-restart.lab")
        try await postfix.accept("first@m-restart.lab")
        _ = try await host.waitForMessage()
        try await Wait.until("the policy is saved") {
            try daemon.command("policy", "list").output.contains("m-restart.lab")
        }
        #expect(daemon.terminate() == 0)

        // No map, no delivery: neither to a host with a policy nor to one without.
        let free = try lab.network.mailHost("mx.m-free.lab", plain: true)
        lab.network.route("m-free.lab", to: ["mx.m-free.lab"])
        host.change { $0.credential = nil }
        for recipient in ["second@m-restart.lab", "u@m-free.lab"] {
            try await postfix.accept(recipient)
            try await postfix.waitForLog("to=<\(recipient)>", "status=deferred")
        }
        #expect(host.messages.count == 1 && free.messages.isEmpty)

        lab.network.policies.set("mta-sts.m-restart.lab", .status(503))
        lab.network.names.remove("_mta-sts.m-restart.lab")
        try await daemon.start()
        try await postfix.retry(until: "to=<u@m-free.lab>", "status=sent")
        try await postfix.retry(until: "to=<second@m-restart.lab>", "TLS is required, but was not offered")
        #expect(host.messages.count == 1)
    }
}
