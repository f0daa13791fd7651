// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import LabKit
import Testing

@Suite("A reload takes what has changed in files, and forgets nothing else")
struct ReloadScenarios {
    private func reply(_ daemon: DaemonProcess, _ recipient: String) throws -> MilterClient.Reply {
        let client = try MilterClient(address: daemon.address, port: daemon.port)
        _ = try client.negotiate()
        try client.mail("<s@client.lab>")
        return try client.recipient("<\(recipient)>")
    }

    /// Reloads, and waits until it is done.
    private func reload(_ daemon: DaemonProcess) async throws {
        let reloads = { daemon.log.components(separatedBy: ": settings reloaded").count }
        let before = reloads()
        daemon.signal(SIGUSR1)
        try await Wait.until("reload: \(daemon.log)", within: .seconds(30)) { reloads() > before }
    }

    @Test("tls.ca_file replaced: the new authority is trusted and the old one is not, for policies and hosts")
    func authorities() async throws {
        let network = try await Lab.open().network
        let other = try CertificateAuthority(commonName: "sts lab other root")
        let daemon = try DaemonProcess(address: "127.20.10.11", settings: "")
        let file = daemon.directory.path + "/ca.pem"
        try FileManager.default.copyItem(atPath: network.authority.caFile, toPath: file)
        try daemon.configure(network.settings.replacing("\"\(network.authority.caFile)\"", with: "\"\(file)\""))
        try await daemon.start()
        try network.domain("r-old.lab")
        try network.domain("r-new.lab", credential: try other.issue(names: ["mx.r-new.lab"]))
        network.policies.setCredential("mta-sts.r-new.lab", try other.issue(names: ["mta-sts.r-new.lab"]))
        #expect(try reply(daemon, "u@r-old.lab").command == "c")
        try await daemon.waitForLog("r-old.lab", "verdict=conforming")

        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.copyItem(atPath: other.caFile, toPath: file)
        try await reload(daemon)
        let old = try reply(daemon, "u@r-old.lab")
        #expect(old.command == "y" && old.text.contains("certificate not trusted"), "\(old)")
        #expect(try reply(daemon, "u@r-new.lab").command == "c")
        try await daemon.waitForLog("r-new.lab", "verdict=conforming")

        // A file that cannot be used leaves the one in force.
        try daemon.directory.write("ca.pem", "")
        daemon.signal(SIGUSR1)
        try await daemon.waitForLog("settings not reloaded, the old ones stay", "ca.pem")
        #expect(try reply(daemon, "u@r-new.lab").command == "c")
        #expect(daemon.terminate(within: .seconds(20)) == 0)
    }

    @Test("/etc/resolv.conf changed in place: the new server is asked")
    func servers() async throws {
        let network = try await Lab.open().network
        let silent = SilentResolver("127.20.10.54")
        let daemon = try DaemonProcess(
            address: "127.20.10.12",
            settings: network.settings.split(separator: "\n").filter { !$0.hasPrefix("forwarder") }
                .joined(separator: "\n") + "\n[milter]\nlookup_wait = \"1s\"\n")
        let file = try daemon.directory.write("resolv.conf", "nameserver \(silent.address)\n")
        let process = try BackgroundProcess(
            [
                "unshare", "-m", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"", file,
                try DaemonProcess.program(), "serve", "--config", daemon.configuration,
            ], logFile: daemon.directory.path + "/log")
        try await daemon.waitForLog(": serving ")
        for domain in ["r-unasked.lab", "r-asked.lab"] { try network.domain(domain, plain: true) }
        #expect(try reply(daemon, "u@r-unasked.lab").command == "c")
        // The mount is of this very file: it must not become another.
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data("nameserver \(network.resolver.address)\n".utf8))
        try handle.close()
        process.signal(SIGUSR1)
        try await daemon.waitForLog("settings reloaded")
        #expect(try reply(daemon, "u@r-asked.lab").text.contains("4.7.4"))
        process.signal(SIGTERM)
        #expect(try await process.exitStatus(within: .seconds(20)) == 0)
    }

    @Test("a reload that finds nothing changed costs no lookup and no probe")
    func unchanged() async throws {
        let network = try await Lab.open().network
        let daemon = try DaemonProcess(address: "127.20.10.13", settings: network.settings)
        try await daemon.start()
        let host = try network.domain("r-same.lab")
        #expect(try reply(daemon, "u@r-same.lab").command == "c")
        try await daemon.waitForLog("r-same.lab", "verdict=conforming")
        let before = (host.connections, network.names.queries("r-same.lab"))
        try await reload(daemon)
        #expect(try reply(daemon, "u@r-same.lab").command == "c")
        #expect((host.connections, network.names.queries("r-same.lab")) == before)
        #expect(daemon.terminate(within: .seconds(20)) == 0)
    }
}
