// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc
import LabKit
import Testing
import TestKit

@Suite("Signals: the milter serves until it is told to end")
struct SignalScenarios {
    /// Signals of one storm, and the longest gap between two of them.
    private static let stormSignals = 500
    private static let longestGapMicroseconds: UInt32 = 5000

    /// A daemon at an address of its own, without an MTA.
    private func daemon(_ number: Int, environment: [String: String] = [:]) async throws -> DaemonProcess {
        let network = try await Lab.open().network
        let daemon = try DaemonProcess(
            address: "127.20.10.\(number)", settings: network.settings, environment: environment)
        try await daemon.start()
        return daemon
    }

    /// Sends HUP and USR1 at random gaps.
    private func storm(_ daemon: DaemonProcess, _ count: Int) {
        for _ in 0..<count {
            daemon.signal(Bool.random() ? SIGHUP : SIGUSR1)
            usleep(.random(in: 0...Self.longestGapMicroseconds))
        }
    }

    @Test("500 HUPs and USR1s at random gaps: each RCPT under way is judged, and so is the next")
    func storm() async throws {
        let lab = try await Lab.open()
        let daemon = try await daemon(1)
        try lab.network.domain("s-storm.lab", plain: true)
        let load = RecipientLoad(daemon, "u@s-storm.lab")
        try await Wait.until("the first replies") { load.judged > 10 }
        storm(daemon, Self.stormSignals)
        let before = load.judged
        try await Wait.until("replies after the storm") { load.judged > before + 10 }
        #expect(load.stop() == [])
        #expect(try daemon.command("status").succeeded)
        #expect(daemon.log.contains("settings reloaded"))
        #expect(daemon.terminate(within: .seconds(20)) == 0)
    }

    @Test("TERM in the middle of a storm ends in order", arguments: [2, 3, 4])
    func endInStorm(_ number: Int) async throws {
        let daemon = try await daemon(number)
        storm(daemon, 50)
        daemon.signal(SIGTERM)
        storm(daemon, 50)
        // It is not asked again.
        #expect(daemon.exitStatus() == 0)
        #expect(daemon.log.contains(": stopped"))
    }

    @Test("no thread but the main one can be given a signal that matters")
    func mask() async throws {
        let lab = try await Lab.open()
        let daemon = try await daemon(5)
        try lab.network.domain("s-mask.lab", plain: true)
        let load = RecipientLoad(daemon, "u@s-mask.lab")
        try await Wait.until("libmilter's threads are there") { load.judged > 1 }
        let tasks = "/proc/\(daemon.processIdentifier)/task"
        let wanted: UInt64 = [SIGHUP, SIGINT, SIGTERM, SIGUSR1].reduce(0) { $0 | 1 << UInt64($1 - 1) }
        for thread in try FileManager.default.contentsOfDirectory(atPath: tasks) {
            // A thread that waits for a signal has it unblocked meanwhile.
            guard thread != "\(daemon.processIdentifier)",
                let status = try? String(contentsOfFile: "\(tasks)/\(thread)/status", encoding: .utf8),
                let line = status.split(separator: "\n").first(where: { $0.hasPrefix("SigBlk:") })
            else { continue }
            let blocked = UInt64(line.dropFirst(7).filter { !$0.isWhitespace }, radix: 16) ?? 0
            #expect(blocked & wanted == wanted, "\(thread): \(status)")
        }
        #expect(load.stop() == [])
    }

    @Test("TERM in the middle of a reload that waits for a resolver ends at once, and no READY follows")
    func endInReload() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory()
        let manager = try NotifySocket(directory.path + "/notify")
        let silent = SilentResolver("127.20.10.53")
        let daemon = try await daemon(6, environment: ["NOTIFY_SOCKET": manager.name])
        #expect(try await manager.next().contains("READY=1"))
        // With the system's trust anchor a reload asks whether the resolver can do DNSSEC, for some seconds.
        try daemon.configure(
            lab.network.settings.split(separator: "\n").filter { !$0.contains("trust_anchor") }
                .joined(separator: "\n").replacing(
                    "\(lab.network.resolver.address)@\(lab.network.resolver.port)", with: silent.address) + "\n")
        daemon.signal(SIGHUP)
        #expect(try await manager.next().contains("RELOADING=1"))
        daemon.signal(SIGUSR1)
        daemon.signal(SIGHUP)
        #expect(daemon.terminate(within: .seconds(20)) == 0)
        #expect(manager.poll() == ["STOPPING=1"])
        #expect(manager.poll() == nil)
        #expect(!daemon.log.contains("settings reloaded") && daemon.log.contains(": stopped"), "\(daemon.log)")
    }

    @Test("the watchdog hears of a daemon that serves, and of none that does not")
    func watchdog() async throws {
        let directory = try TemporaryDirectory()
        let manager = try NotifySocket(directory.path + "/notify")
        let daemon = try await daemon(
            8, environment: ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "1500000"])
        #expect(try await manager.next().contains("READY=1"))
        for _ in 0..<2 { #expect(try await manager.next() == ["WATCHDOG=1"]) }
        #expect(daemon.terminate(within: .seconds(20)) == 0)
        let source = try directory.write(
            "silent.c", "#include <unistd.h>\nint smfi_main(void) { for (;;) pause(); }\n")
        try Command.check(["cc", "-shared", "-fPIC", "-o", directory.path + "/silent.so", source])
        while manager.poll() != nil {}
        let silent = try await self.daemon(
            8,
            environment: [
                "NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "300000", "LD_PRELOAD": directory.path + "/silent.so",
            ])
        #expect(try await manager.next().contains("READY=1"))
        try await Task.sleep(for: .seconds(2))
        #expect(manager.poll() == nil)
        silent.signal(SIGKILL)
    }

    @Test("a milter that does not accept fails status, and one that ends by itself ends the daemon with 70")
    func endByItself() async throws {
        let directory = try TemporaryDirectory()
        // In place of libmilter's: serves nobody, and ends as if it had been stopped once the file is there.
        let source = try directory.write(
            "end.c",
            """
            #include <stdlib.h>
            #include <unistd.h>
            int smfi_main(void) { while (access(getenv("STS_LAB_END"), F_OK) != 0) usleep(5000); return 0; }
            """)
        try Command.check(["cc", "-shared", "-fPIC", "-o", directory.path + "/end.so", source])
        let daemon = try await daemon(
            7, environment: ["LD_PRELOAD": directory.path + "/end.so", "STS_LAB_END": directory.path + "/end"])
        let status = try daemon.command("status")
        #expect(status.status == 69 && status.output.contains("does NOT answer"), "\(status)")
        try directory.write("end", "")
        #expect(daemon.exitStatus() == 70)
        try await daemon.waitForLog("critical: the milter ended")
    }
}

/// Connections that offer one recipient after the other; each reply must be a verdict on it.
private final class RecipientLoad: Sendable {
    private static let connections = 3

    private struct State {
        var judged = 0
        var failures: [String] = []
        var isStopped = false
    }

    private let state = Locked(State())
    private let group = DispatchGroup()

    /// - Parameter recipient: of a domain whose mail is deferred.
    init(_ daemon: DaemonProcess, _ recipient: String) {
        for _ in 0..<Self.connections {
            DispatchQueue(label: "load").async(group: group) { [self] in
                do {
                    while !state.withLock({ $0.isStopped }) { try offer(recipient, to: daemon) }
                } catch {
                    state.withLock { $0.failures.append("\(error)") }
                }
            }
        }
    }

    /// A new connection each time: a listener that is gone shows at once.
    private func offer(_ recipient: String, to daemon: DaemonProcess) throws {
        let client = try MilterClient(address: daemon.address, port: daemon.port)
        _ = try client.negotiate()
        try client.mail("<s@client.lab>")
        let reply = try client.recipient("<\(recipient)>")
        guard reply.command == "y" else { throw LabError("\(reply)") }
        try client.quit()
        state.withLock { $0.judged += 1 }
    }

    var judged: Int { state.withLock { $0.judged } }

    /// Ends all connections.
    /// - Returns: what went wrong on any of them.
    func stop() -> [String] {
        state.withLock { $0.isStopped = true }
        group.wait()
        return state.withLock { $0.failures }
    }
}

/// A DNS server that takes every question and answers none.
final class SilentResolver: Sendable {
    let address: String
    private let descriptor: Int32

    init(_ address: String) {
        self.address = address
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = in_port_t(53).bigEndian
        inet_pton(AF_INET, address, &place.sin_addr)
        withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Whether a question waits to be read.
    var isAsked: Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 1
    }

    deinit { close(descriptor) }
}
