// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import Testing

@Suite("Daemons that share a database fetch a policy once, and none needs it")
struct FleetPolicyScenarios {
    @Test("what one daemon fetched another answers by; both go on without the database; policy forget reaches both")
    func shared() async throws {
        let lab = try await Lab.open()
        let server = try PostgresServer(address: "127.8.4.1")
        let fleet = "[fleet]\npostgres = \"\(try server.settingsConnection())\"\n"
        let gates = [186, 187]
        var daemons: [DaemonProcess] = []
        for gate in gates {
            let page = "[status]\nlisten = \"inet:8462@127.20.9.\(gate)\"\n"
            daemons.append(
                try await lab.daemon(gate, MapLab.serving(gate) + page + fleet, before: MapLab.enforcing))
        }
        let (one, two) = (daemons[0], daemons[1])
        // Without tables they are no fleet, and say so.
        try await Wait.until("it is said", within: .seconds(30)) { one.log.contains("fleet migrate") }
        let migrated = try one.command("fleet", "migrate")
        #expect(migrated.succeeded && migrated.output.contains("now"), "\(migrated)")
        for daemon in daemons {
            try await Wait.until("policies are shared", within: .seconds(60)) {
                daemon.log.contains("policies are shared with other machines again")
            }
        }
        try lab.network.domain("q-shared.lab")
        let answer = "OK secure match=mx.q-shared.lab servername=hostname"
        #expect(try await MapQuestion(address: one.address).ask("q-shared.lab") == answer)
        try await Wait.until("the other has it", within: .seconds(30)) {
            try two.command("policy", "show", "q-shared.lab").succeeded
        }
        #expect(try await MapQuestion(address: two.address).ask("q-shared.lab") == answer)
        #expect(lab.network.policies.hits("mta-sts.q-shared.lab") == 1)
        let page = ListenAddress.inet(host: "127.20.9.187", port: 8462)
        let metrics = try #require(try PlainClient.get(page, "/metrics", host: "127.20.9.187")).body
        for line in ["_total{outcome=\"taken\"} 1", "_total{outcome=\"offered\"} 0", "_working 1", "_waiting 0"] {
            #expect(metrics.contains("sts_milter_shared_policies\(line)\n"), "\(line)")
        }
        // Its host is gone, and an operator says that the policy is not to count.
        lab.network.policies.set("mta-sts.q-shared.lab", .status(503))
        #expect(try one.command("policy", "forget", "q-shared.lab").succeeded)
        try await Wait.until("the other forgets it", within: .seconds(90)) {
            two.log.contains("policy forgotten, as an operator said on another machine domain=q-shared.lab")
        }
        #expect(try !two.command("policy", "show", "q-shared.lab").succeeded)
        // Each is a sender of its own while the database is away.
        server.kill()
        try lab.network.domain("q-alone.lab")
        for daemon in daemons {
            #expect(
                try await MapQuestion(address: daemon.address).ask("q-alone.lab")
                    == "OK secure match=mx.q-alone.lab servername=hostname")
        }
        #expect(lab.network.policies.hits("mta-sts.q-alone.lab") == 2)
        try server.start()
    }
}
