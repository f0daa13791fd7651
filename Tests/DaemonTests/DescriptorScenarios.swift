// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing

@Suite("A daemon without descriptors")
struct DescriptorScenarios {
    @Test("holds what it never saw to keep its policy, lets go what kept it today, and remembers nothing of it")
    func none() async throws {
        let lab = try await Lab.open()
        let daemon = try DaemonProcess(
            address: "127.20.9.64", settings: lab.network.settings + "[probe]\nconforming_for = \"1s\"\n")
        try await daemon.start()
        defer { daemon.terminate() }
        try lab.network.domain("f-known.lab")
        try lab.network.domain("f-seen.lab")
        #expect(try daemon.command("policy", "refresh", "f-known.lab").succeeded)
        let client = try MilterClient(address: daemon.address, port: daemon.port)
        _ = try client.negotiate()
        func recipient(_ domain: String) throws -> MilterClient.Reply {
            try client.abort()
            try client.mail("<s@sender.lab>")
            return try client.recipient("<u@\(domain)>")
        }
        #expect(try recipient("f-seen.lab").command == "c")

        try limit(daemon, to: try firstFree(of: daemon))
        try await Wait.until("what was seen is over") {
            let reply = try recipient("f-seen.lab")
            guard reply.command == "c" else { throw LabError("\(reply)") }
            return daemon.log.contains("verdict=proven-lately")
        }
        let reply = try recipient("f-known.lab")
        #expect(reply.command == "y" && reply.text.hasPrefix("451 4.3.2 MTA-STS: f-known.lab: "), "\(reply)")
        try await daemon.waitForLog("recipient_domain=f-known.lab", "verdict=unproven", "Too many open files")

        try limit(daemon, to: 4096)
        try await Wait.until("it is looked at again", within: .seconds(25)) {
            try recipient("f-known.lab").command == "c"
        }
        // The line of a recipient that may go comes as its message ends.
        try client.abort()
        try await daemon.waitForLog("recipient_domain=f-known.lab", "verdict=conforming")
        #expect(daemon.terminate() == 0)
    }

    /// The number that the next descriptor would get.
    private func firstFree(of daemon: DaemonProcess) throws -> Int {
        let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(daemon.processIdentifier)/fd")
        let taken = Set(names.compactMap { Int($0) })
        return (0...).first { !taken.contains($0) } ?? 0
    }

    private func limit(_ daemon: DaemonProcess, to descriptors: Int) throws {
        let result = try Command.run([
            "prlimit", "--pid", "\(daemon.processIdentifier)", "--nofile=\(descriptors):4096",
        ])
        #expect(result.succeeded, "\(result.output)")
    }
}
