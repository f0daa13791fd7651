// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import LabKit
@testable import Settings
import Sockets
import Testing
import TestKit
@testable import Daemon

@Suite("Reloads come one after the other")
struct ReloadTests {
    @Test("however many are asked for during a reload, one more follows")
    func oneMore() async throws {
        let begun = Locked(0)
        let post = Latch()
        let reloads = Reloads {
            begun.withLock { $0 += 1 }
            await post.wait()
        }
        reloads.request()
        try await Wait.until("the first begins") { begun.withLock { $0 } == 1 }
        for _ in 0..<5 { reloads.request() }
        await post.open()
        try await Wait.until("the second begins") { begun.withLock { $0 } == 2 }
        try await Wait.until("all are done") {
            // One that is asked for now is the third if and only if nothing was left over.
            reloads.request()
            return begun.withLock { $0 } >= 3
        }
        await reloads.end()?.value
        let count = begun.withLock { $0 }
        reloads.request()
        #expect(reloads.end() == nil && begun.withLock { $0 } == count)
    }

    @Test("an end cancels the reload under way and lets no further one begin")
    func end() async throws {
        let begun = Locked(0)
        let reloads = Reloads {
            begun.withLock { $0 += 1 }
            await untilCancelled()
        }
        reloads.request()
        try await Wait.until("it begins") { begun.withLock { $0 } == 1 }
        reloads.request()
        await reloads.end()?.value
        #expect(begun.withLock { $0 } == 1)
    }

    @Test("each file that adapters read is missed when it changes, and not when it is written anew as it was")
    func files() throws {
        let directory = try TemporaryDirectory()
        for name in ["ca", "anchor", "resolv"] { try directory.write(name, name) }
        try directory.dkimKey("key")
        var settings = try Settings(
            SettingsFile(
                text: """
                    network.helo_name = "mta.example.org"
                    tls.ca_file = "\(directory.path)/ca"
                    dns.trust_anchor = "\(directory.path)/anchor"
                    report.dkim_key = "\(directory.path)/key"
                    report.dkim_selector = "s"
                    """, name: "test.toml"))
        settings.dns.resolverFile = directory.path + "/resolv"
        let first = NetworkFiles(settings)
        for name in ["ca", "anchor", "resolv"] {
            try directory.write(name, name + "2")
            let second = NetworkFiles(settings)
            #expect(second.ofLookups != first.ofLookups && second.ofReports == first.ofReports, "\(name)")
            try directory.write(name, name)
            #expect(NetworkFiles(settings) == first)
        }
        try directory.write("key", "key2")
        #expect(NetworkFiles(settings).ofReports != first.ofReports)
        #expect(NetworkFiles(settings).ofLookups == first.ofLookups)
        unlink(directory.path + "/key")
        #expect(NetworkFiles(settings).ofReports != first.ofReports)
        // What is not used does not matter.
        settings.dns.forwarder = "192.0.2.1"
        let forwarded = NetworkFiles(settings)
        try directory.write("resolv", "other")
        #expect(NetworkFiles(settings) == forwarded)
    }

    @Test("a DKIM key that all may read is told of")
    func openSecrets() throws {
        let directory = try TemporaryDirectory()
        let key = try directory.dkimKey()
        chmod(key, 0o644)
        var text =
            "network.helo_name = \"mta.example.org\"\nreport.dkim_key = \"\(key)\"\nreport.dkim_selector = \"s\"\n"
        #expect(try Settings(SettingsFile(text: text, name: "t")).warnings.count == 1)
        chmod(key, 0o640)
        #expect(try Settings(SettingsFile(text: text, name: "t")).warnings.isEmpty)
        text = "network.helo_name = \"mta.example.org\"\n"
        #expect(try Settings(SettingsFile(text: text, name: "t")).warnings.isEmpty)
    }

    @Test("a link in the place of a socket is not followed")
    func links() throws {
        let directory = try TemporaryDirectory()
        let target = try directory.write("target", "", mode: 0o600)
        let socket = directory.path + "/socket"
        symlink(target, socket)
        #expect(throws: UnixSocketError.notASocket(socket)) { try UnixSocket.open(socket, to: 0o666, group: "0") }
        #expect(throws: UnixSocketError.notASocket(socket)) {
            try UnixSocket(.stream, path: socket, mode: 0o666, group: nil)
        }
        var status = stat()
        #expect(stat(target, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
}
