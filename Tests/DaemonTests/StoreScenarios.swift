// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import LabKit
import Testing
import TestKit

@Suite("A store in trouble never weakens a verdict")
struct StoreScenarios {
    /// A file system of its own in a directory; gone with the test's mount namespace at the latest.
    private final class Disk: Sendable {
        let path: String
        private let directory: TemporaryDirectory

        init(kilobytes: Int) throws {
            directory = try TemporaryDirectory("sts-lab-disk")
            path = try directory.makeDirectory("disk")
            try Command.check(["mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k,mode=0755", "sts-lab", path])
        }

        func makeReadOnly() throws { try Command.check(["mount", "-o", "remount,ro", path]) }

        deinit { _ = try? Command.run(["umount", "-l", path]) }
    }

    /// Puts the daemon's store elsewhere.
    private func move(_ daemon: DaemonProcess, to path: String) throws {
        let text = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        try daemon.directory.write("sts-milter.toml", text.replacing(daemon.store, with: path))
    }

    private func refusal(_ daemon: DaemonProcess, _ texts: String...) throws {
        let result = try daemon.command("serve", timeout: .seconds(30))
        #expect(result.status == 69, "\(result)")
        for text in texts { #expect(result.errors.contains(text), "\(text) in \(result.errors)") }
    }

    /// A stopped daemon whose store holds an enforce policy of `domain`; the host has lost its STARTTLS since.
    private func learned(_ gate: Int, _ domain: String, store: String? = nil) async throws -> DaemonProcess {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(address: "127.20.9.\(gate)", settings: lab.network.settings)
        if let store { try move(daemon, to: store) }
        try await daemon.start()
        let host = try lab.network.domain(domain)
        #expect(try await lab.send(through: gate, to: "u@\(domain)").reply.isPositive)
        _ = try await host.waitForMessage()
        try await Wait.until("the policy is saved") {
            try daemon.command("policy", "list").output.contains(domain)
        }
        #expect(daemon.terminate() == 0)
        host.change { $0.credential = nil }
        lab.network.names.remove("_mta-sts.\(domain)")
        return daemon
    }

    @Test("a directory that is missing, not ours or read-only ends the start with a cure")
    func directories() async throws {
        let daemon = try DaemonProcess(address: "127.20.9.52", settings: try await Lab.open().network.settings)
        let missing = daemon.directory.path + "/missing/sts-milter.sqlite"
        try move(daemon, to: missing)
        try refusal(
            daemon, missing, "its directory does not exist", "make the directory and give it to the daemon's user")

        // Nobody makes files there, root neither.
        let forbidden = "/sys/kernel/sts-milter.sqlite"
        try daemon.configure(try await Lab.open().network.settings)
        try move(daemon, to: forbidden)
        try refusal(daemon, forbidden, "not permitted", "run it as root or as the daemon's user")

        let disk = try Disk(kilobytes: 64)
        try daemon.configure(try await Lab.open().network.settings)
        try move(daemon, to: disk.path + "/sts-milter.sqlite")
        try disk.makeReadOnly()
        try refusal(daemon, "read-only", "mount the file system writable, or change store.path")
    }

    @Test("a corrupt file ends the start with a cure, and is left as it is")
    func corrupt() async throws {
        let lab = try await Lab.open()
        let daemon = try await learned(54, "k-corrupt.lab")
        // A daemon that ended in order leaves one file with all in it.
        let log = try? FileManager.default.attributesOfItem(atPath: daemon.store + "-wal")
        #expect((log?[.size] as? Int ?? 0) == 0)
        let whole = try Data(contentsOf: URL(fileURLWithPath: daemon.store))
        // Past the header page, where the schema still reads well; then the header itself; then no SQLite at all.
        var pages = whole
        pages.replaceSubrange(4096..<whole.count, with: Data(repeating: 0x5A, count: whole.count - 4096))
        for (bytes, words) in [
            (pages, "the database is corrupt"), (whole.prefix(6000), "the database is corrupt"),
            (Data("not a database\n".utf8) + whole.dropFirst(15), "not an SQLite database"),
        ] {
            try bytes.write(to: URL(fileURLWithPath: daemon.store))
            try refusal(daemon, words, daemon.store, "move")
            // The first page counts openings.
            let after = try Data(contentsOf: URL(fileURLWithPath: daemon.store))
            #expect(after.dropFirst(4096).starts(with: bytes.dropFirst(4096)), "\(words)")
        }
        try whole.write(to: URL(fileURLWithPath: daemon.store))
        try await daemon.start()
        #expect(try await lab.send(through: 54, to: "u@k-corrupt.lab").reply.enhancedCode == "4.7.4")
        #expect(daemon.terminate() == 0)
    }

    @Test("a full disk costs no verdict, and what it could not take is written once there is room")
    func full() async throws {
        let lab = try await Lab.open()
        let disk = try Disk(kilobytes: 1024)
        let daemon = try await learned(55, "k-full.lab", store: disk.path + "/sts-milter.sqlite")
        try await daemon.start()
        let ballast = disk.path + "/ballast"
        _ = try Command.run(["dd", "if=/dev/zero", "of=\(ballast)", "bs=1k"])
        // The known policy holds, and so does one that only memory has.
        #expect(try await lab.send(through: 55, to: "u@k-full.lab").reply.enhancedCode == "4.7.4")
        let host = try lab.network.domain("k-full-new.lab")
        #expect(try await lab.send(through: 55, to: "u@k-full-new.lab").reply.isPositive)
        _ = try await host.waitForMessage()
        try await daemon.waitForLog("no space left", "free disk space")
        #expect(try await lab.send(through: 55, to: "v@k-full-new.lab").reply.isPositive)
        try FileManager.default.removeItem(atPath: ballast)
        #expect(daemon.terminate() == 0)
        #expect(!daemon.log.contains("error: "), "\(daemon.log)")
        host.change { $0.credential = nil }
        lab.network.names.remove("_mta-sts.k-full-new.lab")
        try await daemon.start()
        for domain in ["k-full.lab", "k-full-new.lab"] {
            #expect(try await lab.send(through: 55, to: "u@\(domain)").reply.enhancedCode == "4.7.4")
        }
        #expect(daemon.terminate() == 0)
    }
}
