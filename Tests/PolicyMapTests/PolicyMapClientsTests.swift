// SPDX-License-Identifier: Apache-2.0
import NIOCore
import PolicyMap
import Testing

@Suite("Clients of the policy map that misbehave, and its end")
struct PolicyMapClientsTests {
    @Test(
        "what is no netstring ends the connection, after the answers that are due",
        arguments: ["GET / HTTP/1.1\r\n\r\n", "00:,", "10001:", "3:abcd", ":,", "-5:abcde,", "\u{16}\u{3}\u{1}"])
    func garbage(_ octets: String) async throws {
        try await MapLab.run { lab in
            for _ in 0..<3 {
                let client = try await lab.connect()
                try await client.send(netstring("postfix dane.example") + octets)
                #expect(try await client.replies(2) == ["OK dane-only"])
            }
            let lines = lab.log.lines.filter { $0.contains("does not speak the socketmap protocol") }
            #expect(lines.count == 1)
            #expect(lines.allSatisfy { $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } })
        }
    }

    @Test("a client that has said all it wants is answered, then let go")
    func halfClosed() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.ask(["postfix dane.example", "postfix a.cold"])
            try await client.finishSending()
            try await eventually("the lookup has begun") { lab.resolver.lookups == 1 }
            try lab.resolver.release("a.cold", .notFound)
            #expect(try await client.replies(3) == ["OK dane-only", "NOTFOUND "])
        }
    }

    @Test("a connection without a whole request for long is closed, but not one that waits for its answer")
    func idleness() async throws {
        var settings = MapLab.settings()
        settings.idleTimeout = .seconds(2)
        try await MapLab.run(settings) { lab in
            let waiting = try await lab.connect()
            try await waiting.ask(["postfix a.cold"])
            let (idle, partial) = (try await lab.connect(), try await lab.connect())
            // A busy machine may have let it go already.
            try? await partial.send("19:postfix")
            #expect(try await idle.reply() == nil)
            #expect(try await partial.reply() == nil)
            try lab.resolver.release("a.cold", .dane(besides: .notFound))
            #expect(try await waiting.reply() == "OK dane-only")
            #expect(try await waiting.reply() == nil)
        }
    }

    @Test("a client that does not read its answers stops being served, and gets them all once it reads")
    func slowReader() async throws {
        let long = try cached("long.example", mx: (0..<900).map { "mx\($0).a-rather-long-name.example" })
        let count = 300
        try await MapLab.run(warm: ["long.example": .enforce(long, .unneeded)]) { lab in
            let slow = try await MapClient.connect(port: lab.port, isReading: false)
            let requests = Array(repeating: "postfix-tlsrpt long.example", count: count)
            Task { try? await slow.ask(requests) }
            // Each answer has about 90,000 octets: the sockets' buffers and our own bound hold some of them only.
            let other = try await lab.connect()
            var seen = -1
            var others = 0
            try await eventually("the server waits") {
                let now = lab.server.requests
                for _ in 0..<20 { _ = try await other.ask("postfix .x") }
                others += 20
                defer { seen = now }
                return now > 20 && lab.server.requests == now + 20 && seen + 20 == now
            }
            #expect(lab.server.requests - others < count)
            try await slow.startReading()
            let replies = try await slow.replies(count)
            #expect(replies.count == count)
            #expect(Set(replies).count == 1)
            for client in [slow, other] { await client.close() }
        }
    }

    @Test("stopping answers what was asked and refuses what comes later")
    func stop() async throws {
        try await MapLab.run { lab in
            let (idle, waiting) = (try await lab.connect(), try await lab.connect())
            #expect(try await idle.ask("postfix dane.example") == "OK dane-only")
            try await waiting.ask(["postfix a.cold", "postfix dane.example"])
            try await eventually("the lookup has begun") { lab.resolver.lookups == 1 }
            let port = lab.port
            async let stopped: Void = lab.server.stop(within: .seconds(20))
            #expect(try await idle.reply() == nil)
            try lab.resolver.release("a.cold", .notFound)
            #expect(try await waiting.replies(3) == ["NOTFOUND ", "OK dane-only"])
            await stopped
            await #expect(throws: (any Error).self) { try await MapClient.connect(port: port) }
        }
    }

    @Test("stopping does not wait for a lookup longer than its limit")
    func stopIsBounded() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.ask(["postfix never.cold"])
            try await eventually("the lookup has begun") { lab.resolver.lookups == 1 }
            await lab.server.stop(within: .milliseconds(50))
            #expect(try await client.reply() == nil)
            #expect(lab.server.connections == 0)
        }
    }

    @Test("stopping under load cuts no reply in two")
    func stopUnderLoad() async throws {
        try await MapLab.run { lab in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let client = try await lab.connect()
                        // The client's own handler takes a reply that is cut off for an issue.
                        while let reply = try? await client.ask("postfix-tlsrpt example.com") {
                            #expect(reply.hasSuffix("max_age: 604800 }"))
                        }
                        await client.close()
                    }
                }
                try await eventually("all are busy") { lab.server.requests > 500 }
                await lab.server.stop(within: .seconds(5))
                try await group.waitForAll()
            }
            #expect(lab.server.connections == 0)
        }
    }
}
