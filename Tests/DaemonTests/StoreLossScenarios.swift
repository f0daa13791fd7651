// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import LabKit
import Testing

@Suite("On a real Postfix: a store that is lost costs no policy", .serialized)
struct StoreLossScenarios {
    private static let gate = 59

    /// Each has a gate of its own.
    enum Accident: Int, CaseIterable, Sendable { case removed = 110, moved, cut, replaced }

    /// A running daemon that has learned and saved the enforce policy of `domain`.
    private func learned(
        _ lab: Lab, _ domain: String, gate: Int = Self.gate
    ) async throws -> (DaemonProcess, MXServer) {
        let daemon = try DaemonProcess(address: "127.20.9.\(gate)", settings: lab.network.settings)
        try await daemon.start()
        let host = try lab.network.domain(domain)
        #expect(try await lab.send(through: gate, to: "u@\(domain)").reply.isPositive)
        _ = try await host.waitForMessage()
        try await Wait.until("the policy is saved") { try daemon.command("policy", "list").output.contains(domain) }
        return (daemon, host)
    }

    /// From now on only the store can know that the domain has a policy, and its host breaks it.
    private func spoil(_ lab: Lab, _ domain: String, _ host: MXServer) {
        host.change { $0.credential = nil }
        lab.network.names.remove("_mta-sts.\(domain)")
        lab.network.policies.set("mta-sts.\(domain)", .status(503))
    }

    @Test("while the daemon runs: it says so, writes all anew, and a restart finds it")
    func lost() async throws {
        // At once, since a daemon looks after its file every few seconds only.
        try await withThrowingTaskGroup { group in
            for accident in Accident.allCases { group.addTask { try await lost(accident) } }
            try await group.waitForAll()
        }
    }

    private func lost(_ accident: Accident) async throws {
        let lab = try await Lab.open()
        let domain = "k-\(accident).lab"
        let (daemon, host) = try await learned(lab, domain, gate: accident.rawValue)
        let store = daemon.store
        switch accident {
        case .removed: for ending in ["", "-wal", "-shm"] { unlink(store + ending) }
        case .moved: rename(store, store + ".away")
        case .cut: truncate(store, 0)
        case .replaced:
            // An older backup, made before the domain was seen.
            let older = try DaemonProcess(address: "127.20.9.60", settings: lab.network.settings)
            try await older.start()
            #expect(older.terminate() == 0)
            rename(older.store, store)
        }
        try await daemon.waitForLog("error", "the database was lost while in use", store)
        #expect(daemon.terminate() == 0, "\(accident)")
        spoil(lab, domain, host)
        try await daemon.start()
        let reply = try await lab.send(through: accident.rawValue, to: "u@\(domain)").reply
        #expect(reply.enhancedCode == "4.7.4", "\(accident): \(reply)")
        #expect(daemon.terminate() == 0)
    }

    @Test("before the start: it does not start as if it were new, until the operator says that it is")
    func missing() async throws {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(address: "127.20.9.\(Self.gate)", settings: lab.network.settings)
        try await daemon.start()
        #expect(daemon.terminate() == 0)
        for make in [{ unlink($0) }, { Glibc.close(creat($0, 0o640)) }] as [@Sendable (String) -> Int32] {
            #expect(make(daemon.store) == 0)
            #expect(try daemon.command("policy", "list").succeeded == false)
            let result = try daemon.command("serve", timeout: .seconds(30))
            #expect(result.status == 69)
            for text in ["critical", "the database that was here is gone or empty", "rm \(daemon.store).made"] {
                #expect(result.errors.contains(text), "\(text) in \(result.errors)")
            }
        }
        unlink(daemon.store)
        unlink(daemon.store + ".made")
        try await daemon.start()
        #expect(daemon.terminate() == 0)
    }

    @Test("a row whose text has changed holds mail back until the policy is fetched anew")
    func unreadable() async throws {
        let lab = try await Lab.open()
        let domain = "k-unreadable.lab"
        let (daemon, _) = try await learned(lab, domain)
        #expect(daemon.terminate() == 0)
        lab.network.names.remove("_mta-sts.\(domain)")
        lab.network.policies.set("mta-sts.\(domain)", .status(503))
        let url = URL(fileURLWithPath: daemon.store)
        var bytes = try Data(contentsOf: url)
        let place = try #require(bytes.firstRange(of: Data("mode: enforce".utf8)))
        bytes.replaceSubrange(place, with: Data("mode: Xnforce".utf8))
        try bytes.write(to: url)
        try await daemon.start()
        try await daemon.waitForLog("warning", domain, "mail to the domain waits")
        #expect(daemon.log.contains("skipped=1"))
        #expect(try await lab.send(through: Self.gate, to: "u@\(domain)").reply.enhancedCode == "4.7.0")
        // Without its record, too: that there is a policy is known.
        try lab.network.publish(domain, mode: "enforce", mx: ["mx.\(domain)"])
        lab.network.names.remove("_mta-sts.\(domain)")
        _ = try daemon.command("policy", "refresh", domain)
        #expect(try await lab.send(through: Self.gate, to: "u@\(domain)").reply.isPositive)
        #expect(daemon.terminate() == 0)
    }
}
