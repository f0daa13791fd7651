// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import NIOCore
import PolicyMap
import TestKit
import Testing

@Suite("A client of the policy map cannot keep others out")
struct PolicyMapCrowdTests {
    private static let question = "postfix dane.example"
    private static let answer = "OK dane-only"

    private func crowded(_ limit: Int) -> PolicyMapSettings {
        var settings = MapLab.settings()
        settings.maxConnections = limit
        return settings
    }

    @Test("over the limit a new connection takes the place of the one that has been idle longest")
    func longestIdle() async throws {
        try await MapLab.run(crowded(3)) { lab in
            let clients = [try await lab.connect(), try await lab.connect(), try await lab.connect()]
            for client in clients { #expect(try await client.ask(Self.question) == Self.answer) }
            #expect(try await clients[0].ask(Self.question) == Self.answer)
            let fourth = try await lab.connect()
            #expect(try await fourth.ask(Self.question) == Self.answer)
            #expect(try await clients[1].reply() == nil)
            for client in [clients[0], clients[2]] { #expect(try await client.ask(Self.question) == Self.answer) }
            #expect(lab.server.connections == 3)
            let lines = lab.log.lines.filter { $0.contains("policy_map.max_connections") }
            #expect(
                lines.count == 1 && lines.allSatisfy { $0.contains("closed=127.0.0.1 holds=3 limit=3") },
                "\(lines)")
            for client in [fourth, clients[0], clients[2]] { await client.close() }
        }
    }

    @Test("who waits for an answer keeps his place while others are idle")
    func waiting() async throws {
        try await MapLab.run(crowded(2)) { lab in
            let waiting = try await lab.connect()
            try await waiting.ask(["postfix a.cold"])
            try await eventually("the lookup has begun") { lab.resolver.lookups == 1 }
            for _ in 0..<10 {
                let other = try await lab.connect()
                #expect(try await other.ask(Self.question) == Self.answer)
            }
            try lab.resolver.release("a.cold", .notFound)
            #expect(try await waiting.reply() == "NOTFOUND ")
            await waiting.close()
        }
    }

    @Test("a client that takes many connections takes them from himself, however long another has been idle")
    func greed() async throws {
        try await MapLab.run(crowded(4)) { lab in
            let mta = try await MapClient.connect(port: lab.port, from: "127.5.0.2")
            #expect(try await mta.ask(Self.question) == Self.answer)
            var crowd: [MapClient] = []
            for _ in 0..<20 {
                let one = try await MapClient.connect(port: lab.port, from: "127.5.0.3")
                #expect(try await one.ask(Self.question) == Self.answer)
                crowd.append(one)
            }
            #expect(try await mta.ask(Self.question) == Self.answer)
            #expect(lab.server.connections == 4)
            for client in crowd + [mta] { await client.close() }
        }
    }

    @Test("a Unix socket tells the clients' users apart")
    func users() async throws {
        let folder = try TemporaryDirectory()
        let socket = folder.path + "/map.sock"
        var settings = crowded(1)
        settings.socket = .unix(path: socket)
        try await MapLab.run(settings) { lab in
            let first = try await MapClient.connect(path: socket)
            #expect(try await first.ask(Self.question) == Self.answer)
            let second = try await MapClient.connect(path: socket)
            #expect(try await second.ask(Self.question) == Self.answer)
            #expect(try await first.reply() == nil)
            #expect(lab.log.lines.contains { $0.contains("closed=uid:\(getuid())") }, "\(lab.log.lines)")
            await second.close()
        }
    }

    @Test("a request that begins has to end soon, and a connection that asks nothing may stay")
    func halfRequest() async throws {
        var settings = MapLab.settings()
        settings.requestTimeout = .milliseconds(500)
        try await MapLab.run(settings) { lab in
            let (quiet, partial, dripping) = (try await lab.connect(), try await lab.connect(), try await lab.connect())
            try await partial.send(netstring(Self.question) + "20:postfix")
            #expect(try await partial.replies(2) == [Self.answer])
            // An octet now and then gains no time.
            try await eventually("the dripping client is let go") {
                try? await dripping.send("1")
                return !dripping.channel.isActive
            }
            #expect(try await quiet.ask(Self.question) == Self.answer)
            await quiet.close()
        }
    }

    @Test("without descriptors the map says that it cannot accept, and goes on when there are some again")
    func noDescriptors() async {
        await #expect(processExitsWith: .success) {
            // What exits with success has met every expectation.
            try await MapLab.run { lab in
                let before = try await lab.connect()
                #expect(try await before.ask("postfix dane.example") == "OK dane-only")
                // libdispatch takes its descriptors for timers at the first sleep, and ends the process if it has none.
                try await Task.sleep(for: .milliseconds(1))
                // Whatever this process has inherited.
                let next = open("/dev/null", O_RDONLY)
                close(next)
                let most = rlim_t(max(0, next) + 64)
                var limit = rlimit(rlim_cur: most, rlim_max: most)
                #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                var fill: [Int32] = []
                while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 { fill.append(descriptor) }
                // One for the client's end, none for the server's.
                close(fill.removeLast())
                let late = try await lab.connect()
                try await eventually("a line says so") {
                    lab.log.lines.contains {
                        $0.contains("cannot accept connections") && $0.contains("cause=Too many open files")
                    }
                }
                #expect(try await before.ask("postfix dane.example") == "OK dane-only")
                for descriptor in fill { close(descriptor) }
                #expect(try await late.ask("postfix dane.example") == "OK dane-only")
                #expect(lab.log.lines.count { $0.contains("cannot accept connections") } == 1)
                for client in [before, late] { await client.close() }
            }
        }
    }

    @Test("a key that cannot be read is try again later if a name in it has an enforce policy, and not found else")
    func unreadable() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            for key in ["[d1.example", "d1.example:nonsense", "x.example, d1.example"] {
                #expect(
                    try await client.ask("postfix \(key)")
                        == "TEMP the next hop cannot be read and holds a name with an enforce policy, see the log of sts-milter"
                )
            }
            for key in ["[testing.example", "none.example:nonsense", "[never.cold", "]", ".d1.example"] {
                #expect(try await client.ask("postfix \(key)") == "NOTFOUND ")
            }
            #expect(
                try await client.ask("postfix d1.example:submission")
                    == "OK secure match=mx.d1.example servername=hostname")
            let lines = lab.log.lines.filter { $0.contains("a next hop cannot be read") }
            #expect(
                lines.count == 1 && lines.allSatisfy { $0.contains("domain=d1.example key=[d1.example") }, "\(lines)")
            #expect(lab.resolver.lookups == 0)
            await client.close()
        }
    }
}
