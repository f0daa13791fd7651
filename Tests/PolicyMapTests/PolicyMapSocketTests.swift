// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc
import NIOPosix
import PolicyMap
import TestKit
import Sockets
import Testing

@Suite("Sockets of the policy map")
struct PolicyMapSocketTests {
    @Test("a Unix socket has its mode and group from the start, and is gone at the end")
    func unix() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/map.sock"
        var settings = PolicyMapSettings()
        settings.socket = try ListenAddress("unix:" + path)
        settings.socketMode = 0o620
        settings.socketGroup = "\(getgid())"
        try await MapLab.run(settings) { lab in
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o620)
            #expect(status.st_gid == getgid())
            let client = try await MapClient.connect(path: path)
            #expect(try await client.ask("postfix dane.example") == "OK dane-only")
            await client.close()
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("why nobody can listen is told: the address of another machine, a host without one, a file that is no socket")
    func obstacles() throws {
        #expect(ListenAddress.inet(host: "127.0.0.1", port: 0).obstacle == nil)
        #expect(
            ListenAddress.inet(host: "192.0.2.1", port: 8890).obstacle
                == .cannotListen("this machine does not have that address"))
        guard case .cannotListen(let why) = ListenAddress.inet(host: "nohost.invalid", port: 8890).obstacle else {
            Issue.record("a host that nobody has")
            return
        }
        #expect(why.hasPrefix("no address of 'nohost.invalid' is known ("), "\(why)")
        let folder = try TemporaryDirectory()
        let file = try folder.write("file", "")
        #expect(ListenAddress.unix(path: file).obstacle == .notASocket(file))
        #expect(ListenAddress.unix(path: folder.path + "/none").obstacle == nil)
        // Nobody answers within a second: that is no answer.
        #expect(!ListenAddress.inet(host: "192.0.2.1", port: 8890).isAnswered)
    }

    @Test("a live socket is never taken, a dead one is replaced, and nothing else is removed")
    func taking() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/map.sock"
        var settings = PolicyMapSettings()
        settings.socket = .unix(path: path)
        try leaveDeadSocket(at: path)
        try await MapLab.run(settings) { lab in
            await #expect(throws: refusal(.alreadyServed, settings)) {
                try await MapLab.run(settings) { _ in }
            }
            let client = try await MapClient.connect(path: path)
            #expect(try await client.ask("postfix dane.example") == "OK dane-only")
            await client.close()
        }
        try Data("mail".utf8).write(to: URL(fileURLWithPath: path))
        await #expect(throws: refusal(.notASocket(path), settings)) { try await MapLab.run(settings) { _ in } }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "mail")
    }

    @Test("a port that is taken, a folder or group that is not there: an error that says what to do")
    func cannotListen() async throws {
        try await MapLab.run { lab in
            var settings = PolicyMapSettings()
            settings.socket = .inet(host: MapLab.address, port: UInt16(lab.port))
            await #expect(throws: refusal(.alreadyServed, settings)) {
                try await MapLab.run(settings) { _ in }
            }
        }
        var settings = PolicyMapSettings()
        settings.socket = .unix(path: "/nowhere/at/all")
        await #expect(throws: refusal(.cannotListen("No such file or directory"), settings)) {
            try await MapLab.run(settings) { _ in }
        }
        settings.socketGroup = "no-such-group"
        await #expect(throws: refusal(.noGroup("no-such-group", "no such group"), settings)) {
            try await MapLab.run(settings) { _ in }
        }
        settings.socket = .descriptor(0)
        await #expect(throws: refusal(.notListening, settings)) { try await MapLab.run(settings) { _ in } }
    }

    @Test("a socket that was handed over is served")
    func descriptor() async throws {
        let listening = try listener(port: 0)
        var settings = PolicyMapSettings()
        settings.socket = .descriptor(listening)
        try await MapLab.run(settings) { lab in
            let client = try await lab.connect()
            #expect(try await client.ask("postfix dane.example") == "OK dane-only")
            await client.close()
        }
    }

    @Test("IPv6")
    func inet6() async throws {
        var settings = PolicyMapSettings()
        settings.socket = .inet6(host: "::1", port: 0)
        try await MapLab.run(settings) { lab in
            let client = try await MapClient.connect(port: lab.port, host: "::1")
            #expect(try await client.ask("postfix dane.example") == "OK dane-only")
            await client.close()
        }
    }

    private func leaveDeadSocket(at path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(result == 0)
        close(descriptor)
    }

    private func listener(port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, MapLab.address, &address.sin_addr)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(result == 0)
        #expect(listen(descriptor, 10) == 0)
        return descriptor
    }
}

private func refusal(_ cause: ListenError.Cause, _ settings: PolicyMapSettings) -> ListenError {
    ListenError(cause, at: settings.socket, setting: "policy_map.socket")
}
