// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc
import LabKit
import TestKit

/// The daemon, its load and its faults: warm-up, the faults in turns, quiet, and what must then hold.
final class Soak: Sendable {
    /// The length of one turn of all faults, at most; what is longer has several.
    private static let longestTurn = Duration.seconds(300)
    private static let address = "127.33.9.1"
    private static let mapPort = 8461
    private static let linesPerSecond = 2000

    let world: World
    let daemon: DaemonProcess
    let disk: Disk
    let log: DeliveryLog
    let datagrams: DatagramLoad
    let stalled: StalledClients
    let situation = Situation()
    let findings = Findings()
    let figures: Figures
    let length: Duration
    private let directory: TemporaryDirectory

    init(length: Duration) throws {
        self.length = length
        world = try World()
        disk = try Disk()
        directory = try TemporaryDirectory("sts-soak")
        log = try DeliveryLog(path: directory.path + "/mail.log", domains: World.logged, saysDatagrams: true)
        datagrams = DatagramLoad(path: directory.path + "/tlsrpt.sock", situation: situation, findings: findings)
        stalled = StalledClients(address: Self.address, port: Self.mapPort)
        // Short lives in memory, so that lookups meet every fault.
        let settings =
            world.network.settings + """
                [policy_map]
                socket = "inet:\(Self.mapPort)@\(Self.address)"
                [policy]
                refresh_interval = "20s"
                txt_check_interval = "10s"
                fetch_timeout = "10s"
                absent_for = "10s"
                [probe]
                conforming_for = "10s"
                failing_for = "5s"
                [intake]
                tlsrpt_socket = "\(directory.path)/tlsrpt.sock"
                tlsrpt_socket_mode = "0666"
                postfix_log = "\(directory.path)/mail.log"
                [report]
                contact_info = "tlsrpt@mta.lab"
                schedule = "off"

                """
        daemon = try DaemonProcess(address: Self.address, settings: settings)
        let text = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        try daemon.directory.write(
            "sts-milter.toml", text.replacing(daemon.store, with: disk.path + "/sts-milter.sqlite"))
        figures = Figures(daemon: daemon, situation: situation)
    }

    /// How often each fault comes.
    var turns: Int { max(1, Int((length / Self.longestTurn).rounded(.up))) }

    func run() async throws {
        try await start()
        try await warmUp()
        let idle = try figures.now()
        startLoad()
        let began = ContinuousClock.now
        figures.start()
        let share = length / (turns * Fault.allCases.count)
        for turn in 0..<turns {
            for (place, fault) in Fault.allCases.enumerated() {
                let start = began + share * (turn * Fault.allCases.count + place)
                try await play(fault, from: start, for: share / 2)
            }
        }
        try await Task.sleep(until: began + length)
        situation.stop()
        try await log.stop()
        try await Wait.until("the sender of datagrams ends") { datagrams.hasEnded }
        try await check(idle: idle)
        world.network.stop()
        try disk.unmount()
    }

    private func play(_ fault: Fault, from start: ContinuousClock.Instant, for length: Duration) async throws {
        try await Task.sleep(until: start + length / 2)
        print("\(Self.clock()) \(fault.rawValue)")
        situation.begins(fault)
        try await begin(fault)
        try await Task.sleep(until: start + length / 2 + length)
        try await end(fault)
        situation.ends(fault)
    }

    /// Has the daemon learn all policies, and every violation, and waits until they are on disk.
    private func warmUp() async throws {
        for domain in World.policed + DomainKind.unpoliced.domains {
            _ = try await MapQuestion(address: Self.address, port: Self.mapPort).ask(domain)
        }
        for kind in DomainKind.allCases {
            for domain in kind.domains {
                try await Wait.until("the right verdict on \(domain)\n\(daemon.log)", within: .seconds(60)) {
                    let client = try MilterClient(address: daemon.address, port: daemon.port)
                    _ = try client.negotiate()
                    try client.mail("<sender@mta.lab>")
                    let reply = try client.recipient(
                        "<user@\(domain)>", macros: ["{rcpt_mailer}", "smtp", "{rcpt_host}", domain])
                    try client.quit()
                    return kind.allows(MilterVerdict(reply), inDoubt: false)
                }
            }
        }
        try await Wait.until("the policies are on disk") {
            let list = try daemon.command("policy", "list").output
            return World.policed.allSatisfy { list.contains($0) }
        }
        // The log counts from its end once it is followed; nothing was written yet.
        try await daemon.waitForLog("follows a log")
    }

    private func startLoad() {
        MilterLoad(address: daemon.address, port: daemon.port, situation: situation, findings: findings).start()
        MapLoad(
            address: Self.address, port: Self.mapPort, network: world.network, situation: situation, findings: findings
        ).start()
        datagrams.start()
        log.start(linesPerSecond: Self.linesPerSecond)
    }

    func start() async throws {
        // Looking for the end of a start in a long log would take the machine.
        if FileManager.default.fileExists(atPath: daemon.directory.path + "/log") {
            try FileManager.default.removeItem(atPath: daemon.directory.path + "/log")
        }
        try await daemon.start()
        situation.daemonStarted()
    }

    func kill() throws {
        guard daemon.exitStatus(within: .zero) == nil else { throw LabError("the daemon has ended: \(daemon.log)") }
        situation.daemonEnds()
        daemon.kill()
        datagrams.noteKill()
    }

    private static func clock() -> String {
        var now = Glibc.time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        return String(format: "%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec)
    }
}
