// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import TestKit
import Testing

@Suite("Several daemons are one sender")
struct FleetScenarios {
    /// As much as three busy machines hear.
    private static let time = Duration.seconds(Endurance.count(120, usually: 4))
    private static let rate = Endurance.count(2000, usually: 500)

    @Test("what three machines hear of their MTAs is in the database, each session once")
    func intake() async throws {
        let lab = try await Lab.open()
        let site = try await FleetSite()
        let folder = try TemporaryDirectory("sts-lab-fleet")
        let daemons = try (0..<3).map { number in
            try site.machine(
                lab, 110 + number, "mx\(number).fleet.lab",
                more: "[intake]\ntlsrpt_socket = \"\(folder.path)/tlsrpt\(number).sock\"")
        }
        for daemon in daemons { try await daemon.start() }
        let sent = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<3 {
                group.addTask {
                    try await Self.onThread {
                        try DatagramSender.send(
                            to: "\(folder.path)/tlsrpt\(number).sock", domains: 1000, aSecond: Self.rate, for: Self.time
                        )
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        let status = try daemons[0].command("fleet", "status")
        #expect(status.succeeded && status.output.contains("mx2.fleet.lab"), "\(status)")
        let own = try daemons[1].command("status")
        #expect(own.output.contains("fleet: the database answers"), "\(own)")
        for daemon in daemons { #expect(daemon.terminate() == 0, "\(daemon.log.suffix(2000))") }
        #expect(sent >= 3 * Self.rate * Int(Self.time.components.seconds) * 9 / 10)
        #expect(try site.query("SELECT sum(sessions) FROM sts.batch") == "\(sent)")
        #expect(try site.query("SELECT count(DISTINCT node) FROM sts.batch") == "3")
    }

    @Test("without its database a machine judges and counts, and says what waits; later all goes by itself")
    func databaseAway() async throws {
        let lab = try await Lab.open()
        let site = try await FleetSite()
        let folder = try TemporaryDirectory("sts-lab-fleet")
        let daemon = try site.machine(
            lab, 113, "mx.fleet.lab",
            more:
                "[intake]\ntlsrpt_socket = \"\(folder.path)/tlsrpt.sock\"\n[status]\nlisten = \"unix:\(folder.path)/status\""
        )
        try site.setAway(true)
        try await daemon.start()
        let sent = try await Self.onThread {
            try DatagramSender.send(to: folder.path + "/tlsrpt.sock", domains: 10, aSecond: 100, for: .seconds(2))
        }
        try await Wait.until("the log says so") {
            daemon.log.contains("the fleet's database cannot be used, counts wait")
        }
        let status = try daemon.command("status")
        #expect(
            status.succeeded && status.output.contains("LOOK: the fleet's database cannot be used")
                && status.output.contains("fleet: the database cannot be used"), "\(status)")
        let survey = try daemon.command("fleet", "status")
        #expect(survey.status == 69 && survey.errors.contains("PostgreSQL"), "\(survey)")
        #expect(daemon.terminate() == 0)
        try site.setAway(false)
        try await daemon.start()
        try await Wait.until("all is there", within: .seconds(30)) {
            try site.query("SELECT coalesce(sum(sessions), 0) FROM sts.batch") == "\(sent)"
        }
        #expect(try daemon.command("status").output.contains("fleet: the database answers, nothing waits"))
    }

    @Test("a database that takes connections and says nothing holds up no stop")
    func silentDatabase() async throws {
        let lab = try await Lab.open()
        let site = try await FleetSite()
        let daemon = try site.machine(lab, 114, "mx.fleet.lab")
        try await daemon.start()
        try await Wait.until("it takes part") { try site.query("SELECT count(*) FROM sts.node") == "1" }
        site.postgres.pause()
        defer { site.postgres.resume() }
        // Policies are asked for each ten seconds: somebody waits for an answer by then.
        try await Task.sleep(for: .seconds(11))
        let start = ContinuousClock.now
        #expect(daemon.terminate(within: .seconds(15)) == 0)
        // systemd gives it 20 s.
        #expect(ContinuousClock.now - start < .seconds(12))
    }

    /// Sending blocks.
    private static func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try work() }) }.start()
        }
    }
}
