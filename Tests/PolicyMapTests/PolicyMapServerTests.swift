// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import NIOCore
import NIOPosix
@testable import PolicyMap
import Synchronization
import Testing

@Suite("The policy map on the wire")
struct PolicyMapServerTests {
    private static let secure = "OK secure match=mx.example.com:mx1.example.net servername=hostname"

    @Test(
        "requests as Postfix and Sendmail send them",
        arguments: [
            ("19:postfix example.com,", secure),
            ("15:sts example.com,", secure),
            ("21:postfix [example.com],", secure),
            ("25:postfix [example.com]:587,", secure),
            ("20:postfix EXAMPLE.com.,", secure),
            ("20:postfix none.example,", "NOTFOUND "),
            ("23:postfix testing.example,", "NOTFOUND "),
            ("20:postfix dane.example,", "OK dane-only"),
            ("16:sts dane.example,", "NOTFOUND "),
        ])
    func exactRequests(_ request: String, _ reply: String) async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.send(request)
            #expect(try await client.reply() == reply)
            await client.close()
        }
    }

    @Test("the form for Postfix 3.10 tells all that a report needs")
    func tlsrpt() async throws {
        var settings = MapLab.settings()
        settings.names["QUERYwithTLSRPT"] = .postfixTLSRPT
        try await MapLab.run(settings) { lab in
            let client = try await lab.connect()
            let reply = try await client.ask("QUERYwithTLSRPT example.com")
            #expect(
                reply == Self.secure + """
                     policy_type=sts policy_domain=example.com mx_host_pattern=mx.example.com \
                    mx_host_pattern=*.example.net { policy_string = version: STSv1 } \
                    { policy_string = mode: enforce } { policy_string = mx: mx.example.com } \
                    { policy_string = mx: *.example.net } { policy_string = max_age: 604800 }
                    """)
            #expect(try await client.ask("postfix-tlsrpt example.com") == reply)
            await client.close()
        }
    }

    @Test("keys that can have no policy are answered without a question to anybody")
    func keys() async throws {
        let keys = [
            "", ".", ".com", ".example.com", "192.0.2.1", "[192.0.2.1]", "[192.0.2.1]:25", "[IPv6:2001:db8::1]",
            "2001:db8::1", "[2001:db8::1]:25", "private/lmtp", "/run/lmtp", "unix:/run/lmtp", "ok..example.com",
            "-x.example", "a b.example", "x" + String(repeating: "y", count: 300) + ".example", "\u{0}",
            "\u{FFFD}.example",
        ]
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.ask(keys.map { "postfix " + $0 } + ["postfix", "sts", "postfix-tlsrpt "])
            let replies = try await client.replies(keys.count + 3)
            #expect(replies == Array(repeating: "NOTFOUND ", count: keys.count + 3))
            #expect(lab.resolver.questions == 0)
            await client.close()
        }
    }

    @Test("what is held back is noted with its reason, and nothing else is")
    func held() async throws {
        let depthOnly = MapAnswer.enforce(
            try cached("deep.example", mx: ["*.deep.example"]), .known([try name("a.b.deep.example")]))
        let warm: [String: MapAnswer] = [
            "good.example": .enforce(try cached("good.example", mx: ["mx.good.example"]), .unneeded),
            "unknown.example": .temporary("SERVFAIL"), "deep.example": depthOnly,
        ]
        try await MapLab.run(warm: warm) { lab in
            let client = try await lab.connect()
            for domain in warm.keys.sorted() { _ = try await client.ask("postfix \(domain)") }
            _ = try await client.ask("no-such-map unknown.example")
            #expect(
                lab.resolver.held == [
                    "deep.example: \(TemporaryReason.depthOnly.rawValue): a.b.deep.example",
                    "unknown.example: SERVFAIL",
                ])
            await client.close()
        }
    }

    @Test("an answer that is cut counts under its reason")
    func countedReason() async throws {
        let hosts = try (1...3).map { try name("\(String(repeating: "h", count: 60)).mx\($0).deep.example") }
        let deep = MapAnswer.enforce(try cached("deep.example", mx: ["*.deep.example"]), .known(hosts))
        try await MapLab.run(warm: ["deep.example": deep]) { lab in
            let client = try await lab.connect()
            let answer = try #require(try await client.ask("postfix deep.example"))
            #expect(answer.hasSuffix("..."))
            #expect(lab.server.counts.temporary.filter { $0.count > 0 }.map(\.reason) == ["depth-only"])
            await client.close()
        }
    }

    @Test("a request may arrive octet by octet")
    func splitRequests() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            for octet in "19:postfix example.com,20:postfix dane.example," { try await client.send(String(octet)) }
            #expect(try await client.replies(2) == [Self.secure, "OK dane-only"])
            await client.close()
        }
    }

    @Test("what is asked in one go is answered in order")
    func pipelining() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.ask((0..<1000).map { "postfix d\($0 % 100).example" })
            for number in 0..<1000 {
                let reply = try await client.reply()
                #expect(reply == "OK secure match=mx.d\(number % 100).example servername=hostname")
            }
            await client.close()
        }
    }

    @Test("lookups of one connection run at the same time, and their answers keep the order")
    func orderOfLookups() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.ask(["postfix a.cold", "postfix example.com", "postfix b.cold", "nobody x", "sts a.cold"])
            try await eventually("all lookups have begun") { lab.resolver.lookups == 3 }
            #expect(lab.server.lookupsUnderWay == 3)
            try lab.resolver.release("b.cold", .dane(besides: .notFound))
            try lab.resolver.release("a.cold", .notFound)
            let expected = ["NOTFOUND ", Self.secure, "OK dane-only", temporary(.unknownMap), "NOTFOUND "]
            #expect(try await client.replies(5) == expected)
            try await eventually("no lookup waits") { lab.server.lookupsUnderWay == 0 }
            await client.close()
        }
    }

    @Test("when all is to go, what waits for a lookup goes, and an unknown name of a map keeps nothing")
    func letsAllGo() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.ask(["postfix a.cold"])
            try await eventually("the lookup has begun") { lab.resolver.lookups == 1 }
            lab.resolver.letAllGo()
            try lab.resolver.release("a.cold", .dane(besides: .notFound))
            #expect(try await client.reply() == "NOTFOUND ")
            #expect(try await client.ask("nobody example.com") == "NOTFOUND ")
            await client.close()
        }
    }

    @Test("one connection may have 32 answers waiting; the next requests wait in the socket")
    func waitingIsBounded() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            try await client.ask((0..<100).map { "postfix x\($0).cold" })
            try await eventually("lookups have begun") { lab.resolver.lookups == 32 }
            for number in 0..<100 { try lab.resolver.release("x\(number).cold", .dane(besides: .notFound)) }
            #expect(try await client.replies(100) == Array(repeating: "OK dane-only", count: 100))
            await client.close()
        }
    }

    @Test("a lookup that never ends costs the MTA no more than the wait limit", arguments: ["sts", "postfix"])
    func waitLimit(_ map: String) async throws {
        var settings = MapLab.settings()
        settings.waitLimit = .milliseconds(300)
        settings.sendmailWaitLimit = .milliseconds(300)
        try await MapLab.run(settings) { lab in
            let client = try await lab.connect()
            #expect(try await client.ask("\(map) never.cold") == "TEMP never.cold: lookup still running")
            #expect(lab.resolver.decided == [.mx(of: try DomainName("never.cold"), port: NextHop.smtpPort)])
            #expect(lab.server.lookupsUnderWay == 0, "its place is free again")
            #expect(lab.log.lines.contains { $0.contains("domain=never.cold") })
            // What comes too late is nobody's answer.
            try lab.resolver.release("never.cold", .dane(besides: .notFound))
            #expect(try await client.ask("\(map) example.com") == Self.secure)
            await client.close()
        }
    }

    @Test("Sendmail is never made to wait for more than 4 s, whatever the settings say")
    func sendmailWaitLimit() {
        var settings = MapLab.settings()
        settings.sendmailWaitLimit = .seconds(60)
        settings.waitLimit = .seconds(600)
        #expect(settings.waitLimit(for: .sendmail) == .seconds(4))
        #expect(settings.waitLimit(for: .postfix) == .seconds(90))
        #expect(settings.waitLimit(for: .postfixTLSRPT) == .seconds(90))
    }

    @Test("lookups are bounded; past that the answer is to try again, and what memory knows is still told")
    func lookupsAreBounded() async throws {
        var settings = MapLab.settings()
        settings.maxLookups = 2
        try await MapLab.run(settings) { lab in
            let (first, second) = (try await lab.connect(), try await lab.connect())
            try await first.ask(["postfix a.cold", "postfix b.cold"])
            try await eventually("both wait") { lab.server.lookupsUnderWay == 2 }
            #expect(try await second.ask("postfix c.cold") == temporary(.busy))
            #expect(try await second.ask("postfix example.com") == Self.secure)
            #expect(lab.log.lines.contains { $0.contains("policy_map.max_lookups") })
            for client in [first, second] { await client.close() }
        }
    }

    @Test("one owner's slow domains do not take the places of all others")
    func lookupsAreShared() async throws {
        var settings = MapLab.settings()
        settings.maxLookups = 8
        try await MapLab.run(settings) { lab in
            let (crowd, stranger) = (try await lab.connect(), try await lab.connect())
            try await crowd.ask((0..<4).map { "postfix \($0).cold.example" })
            try await eventually("half of the places are taken") { lab.server.lookupsUnderWay == 4 }
            #expect(try await stranger.ask("postfix 5.cold.example") == temporary(.busy))
            try await stranger.ask(["postfix other.example.net"])
            try await eventually("the stranger waits") { lab.server.lookupsUnderWay == 5 }
            for client in [crowd, stranger] { await client.close() }
        }
    }

    @Test("a map that nobody configured is temporary, and one log line says the cure")
    func unknownMap() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            for _ in 0..<20 { #expect(try await client.ask("QUERY\u{1B}[31m x.example") == temporary(.unknownMap)) }
            let lines = lab.log.lines.filter { $0.contains("policy_map.names") }
            #expect(lines.count == 1)
            #expect(lines.first?.contains("known=postfix postfix-tlsrpt sts map=QUERY\\x1B[31m") == true)
            await client.close()
        }
    }

    @Test("new settings hold for new connections; the socket stays")
    func newSettings() async throws {
        try await MapLab.run { lab in
            let old = try await lab.connect()
            #expect(try await old.ask("mine example.com") == temporary(.unknownMap))
            var settings = MapLab.settings()
            settings.names = ["mine": .sendmail]
            settings.socket = .unix(path: "/nowhere")
            settings.socketMode = 0o600
            lab.server.apply(settings)
            let new = try await lab.connect()
            #expect(try await new.ask("mine example.com") == Self.secure)
            #expect(try await new.ask("postfix example.com") == temporary(.unknownMap))
            #expect(try await old.ask("postfix example.com") == Self.secure)
            for client in [old, new] { await client.close() }
        }
    }

    @Test("many clients at a time get each their own answers")
    func concurrentClients() async throws {
        try await MapLab.run { lab in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let client = try await lab.connect()
                        for turn in 0..<40 {
                            let domain = "d\((number + turn) % 100).example"
                            let reply = try await client.ask("postfix \(domain)")
                            #expect(reply == "OK secure match=mx.\(domain) servername=hostname")
                        }
                        await client.close()
                    }
                }
                try await group.waitForAll()
            }
            #expect(lab.server.requests == 2000)
        }
    }
}
