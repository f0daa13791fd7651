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
        let folder = try TemporaryDirectory("sts-lab-fleet")
        let daemon = try site.machine(lab, 114, "mx.fleet.lab")
        try await daemon.start()
        try await Wait.until("it takes part") { try site.query("SELECT count(*) FROM sts.node") == "1" }
        // Its next question is not answered: for a lock that nobody gives up.
        let lock = try BackgroundProcess(
            site.postgres.psql(database: site.database)
                + ["-c", "BEGIN; LOCK sts.node, sts.policy, sts.delivery; SELECT pg_sleep(120)"],
            logFile: folder.path + "/psql")
        defer { lock.stop() }
        let waiting = "wait_event_type = 'Lock' AND datname = '\(site.database)'"
        try await Wait.until("the daemon waits", within: .seconds(60)) {
            try site.query("SELECT count(*) FROM pg_stat_activity WHERE \(waiting)") != "0"
        }
        site.postgres.pause()
        defer { site.postgres.resume() }
        let start = ContinuousClock.now
        #expect(daemon.terminate(within: .seconds(15)) == 0)
        // systemd gives it 20 s.
        #expect(ContinuousClock.now - start < .seconds(12))
    }

    @Test("report build and report send leave the fleet's days to its daemons, and say whose they are and what to do")
    func commands() async throws {
        let lab = try await Lab.open()
        let site = try await FleetSite()
        let machine = try site.machine(lab, 115, "mx.fleet.lab")
        // It has a store, and does nothing meanwhile.
        try await machine.start()
        #expect(machine.terminate() == 0, "\(machine.log.suffix(2000))")
        let today = Int(try site.query("SELECT extract(epoch FROM now())::bigint / 86400")) ?? 0
        let day = "\(UTCDay(daysSinceEpoch: Int64(today - 1)))"
        let unknown = "\(UTCDay(daysSinceEpoch: Int64(today - 9)))"
        _ = try site.query(
            """
            INSERT INTO sts.day (day, owner, until) VALUES (\(today - 1), 'mx7.fleet.lab f00', now() + interval '1 hour');
            INSERT INTO sts.report (day, domain, state, text, report_id, file_name, organization, contact, body)
                VALUES (\(today - 1), 'd.lab', 'planned', '', '', '', '', '', 'x');
            INSERT INTO sts.delivery (day, domain, destination, host, state, next_try, claimed_until, source, site) VALUES
                (\(today - 1), 'd.lab', 'mailto:a@d.lab', 'd.lab', 'refused', now(), '-infinity', 'd.lab', 'd.lab'),
                (\(today - 1), 'd.lab', 'mailto:b@d.lab', 'd.lab', 'sending', now(), now() + interval '1 hour', 'd.lab', 'd.lab');
            """)
        let table: [(command: [String], status: Int32, texts: [String])] = [
            (["report", "build", "--day", day], 1, ["the fleet makes one report", "report list", "report.copy_to"]),
            (
                ["report", "send", "--day", day], 69,
                [
                    "\(day): its reports are the fleet's", "mx7.fleet.lab works on them now", "fleet status",
                    "report send --again --day \(day)",
                ]
            ),
            (["report", "send", "--dry-run", "--day", unknown], 69, ["nothing of it has come to the fleet yet"]),
            (["report", "send"], 0, ["its daemons report", "fleet status"]),
            (
                ["report", "send", "--again", "--day", day], 0,
                [
                    "1 deliveries of the fleet are due", "1 are under way and left alone",
                    "mx7.fleet.lab works on the day now",
                ]
            ),
            (["report", "list", "--day", day], 0, ["mailto:a@d.lab", "waiting"]),
        ]
        for row in table {
            let result = try machine.command(row.command)
            #expect(result.status == row.status, "\(row.command): \(result)")
            for text in row.texts {
                #expect((result.output + result.errors).contains(text), "\(row.command): \(result)")
            }
        }
        #expect(try site.query("SELECT state FROM sts.delivery ORDER BY destination LIMIT 1") == "waiting")
        // Another machine has it, and goes on.
        #expect(try site.query("SELECT owner FROM sts.day") == "mx7.fleet.lab f00")
        _ = try site.query("UPDATE sts.day SET until = now() - interval '1 s', ended = now()")
        #expect(try machine.command("report", "send", "--day", day).errors.contains("and they are made"))
        try site.setAway(true)
        for command in [
            ["report", "send", "--again", "--day", day], ["report", "send", "--day", day], ["report", "list"],
        ] {
            let result = try machine.command(command)
            #expect(result.status == (command[1] == "send" ? 69 : 1), "\(command): \(result)")
            for text in ["PostgreSQL", "fleet.postgres", "try again"] {
                #expect(result.errors.contains(text), "\(command): \(result)")
            }
        }
        try site.setAway(false)
        #expect(try machine.command("report", "list").succeeded)
    }

    /// Sending blocks.
    private static func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try work() }) }.start()
        }
    }
}
