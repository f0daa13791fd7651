// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import DNS
import LabKit
import Glibc
import Synchronization
import TestKit
import Testing

/// A name server with the resolver that asks it.
struct NameLab {
    let server: NameServer
    let resolver: DNSResolver
    let counts = DNSCounts()

    init(_ address: String) throws {
        server = try NameServer(address: address, port: 0)
        var settings = DNSSettings(forwarder: "\(address)@\(server.port)")
        settings.trustAnchor = .none
        resolver = try DNSResolver(settings, counts: counts)
    }
}

@Suite("The DNS is asked and its answer told as it is")
struct DNSResolverTests {
    private static let waitLimit: Duration = .seconds(10)

    @Test("Records of each type are read")
    func records() async throws {
        let lab = try NameLab("127.1.1.1")
        lab.server.ttl = 300
        lab.server.set("example.lab", .mx(20, "mx2.example.lab"), .mx(10, "MX1.example.lab."))
        lab.server.set("_mta-sts.example.lab", .txt(["v=STS", "v1; id=1;"]))
        lab.server.set("mx1.example.lab", .a("192.0.2.1"), .a("192.0.2.2"), .aaaa("2001:db8::1"))
        lab.server.set("_25._tcp.mx1.example.lab", .tlsa(3, 1, 1, "abcd"))
        let domain = try DomainName("example.lab")
        let host = try DomainName("mx1.example.lab")

        let mx = await lab.resolver.mx(of: domain, within: Self.waitLimit)
        #expect(mx.outcome == .records)
        #expect(Set(mx.records.map(\.preference)) == [10, 20])
        #expect(mx.records.contains(MXRecord(preference: 10, exchange: .host(host))))
        #expect(mx.security == .insecure)
        #expect(mx.timeToLive > .seconds(290) && mx.timeToLive <= .seconds(300))

        let txt = await lab.resolver.txt(domain.service("_mta-sts"), within: Self.waitLimit)
        #expect(txt.records == [Array("v=STSv1; id=1;".utf8)])

        let addresses = await lab.resolver.addresses(of: host, within: Self.waitLimit)
        #expect(Set(addresses.records.map(\.description)) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"])

        let tlsa = await lab.resolver.tlsa(of: host, port: 25, within: Self.waitLimit)
        #expect(tlsa.records.map(\.description) == ["3 1 1 abcd"])
    }

    @Test("No data, no such domain and failures are told apart")
    func absences() async throws {
        let lab = try NameLab("127.1.1.2")
        lab.server.set("example.lab", .a("192.0.2.1"))
        for (name, fault) in [("fails.lab", DNSFault.servfail), ("refuses.lab", .refused)] {
            lab.server.fail(name, nil, fault)
        }
        let expected: [(String, DNSOutcome)] = [
            ("example.lab", .noData), ("nobody.lab", .noSuchDomain), ("fails.lab", .failure(.serverFailure)),
            // A forwarder that refuses is of no use, says libunbound.
            ("refuses.lab", .failure(.serverFailure)),
        ]
        for (name, outcome) in expected {
            let answer = await lab.resolver.query(try DomainName(name).query, .mx, within: Self.waitLimit)
            #expect(answer.outcome == outcome, "\(name)")
            #expect(answer.records.isEmpty)
        }
        let counted = lab.counts.queries.filter { $0.count > 0 }
        #expect(counted.map(\.type) == [.mx, .mx] && counted.map(\.security) == [.insecure, .failed])
        #expect(counted.map(\.count) == [2, 2] && lab.counts.times.count == 4)
    }

    @Test("A resolver that is gone is told apart from a name whose servers fail")
    func resolverGone() async throws {
        let lab = try NameLab("127.1.1.90")
        lab.server.set("example.lab", .a("192.0.2.1"))
        lab.server.fail("fails.lab", nil, .servfail)
        let failing = try DomainName("fails.lab").query
        #expect(await lab.resolver.query(failing, .mx, within: Self.waitLimit).outcome == .failure(.serverFailure))
        let gone = try NameLab("127.1.1.91")
        gone.server.stop()
        let answer = await gone.resolver.query(failing, .mx, within: Self.waitLimit)
        guard case .failure(.cutOff(let text)) = answer.outcome else { throw LabError("\(answer)") }
        #expect(text.hasPrefix("the resolver answers nothing (dns.forwarder 127.1.1.91@"), "\(text)")
        #expect(gone.resolver.silence != nil && lab.resolver.silence == nil)
        try gone.server.start()
        try await Wait.until("the resolver answers again", within: .seconds(30)) {
            await gone.resolver.localFailure()
            return gone.resolver.silence == nil
        }
        #expect(answer.outcome.failure?.isOurs == true)
    }

    @Test(
        "A resolver that answers for no single label is not taken for one that is gone",
        arguments: [(DNSFault.refused, "127.1.1.92"), (.servfail, "127.1.1.93"), (.silent, "127.1.1.94")])
    func noSingleLabels(_ fault: DNSFault, _ address: String) async throws {
        let lab = try NameLab(address)
        lab.server.fail("*", nil, fault)
        lab.server.fail("fails.lab", nil, .servfail)
        let answer = await lab.resolver.query(try DomainName("fails.lab").query, .mx, within: Self.waitLimit)
        #expect(answer.outcome == .failure(.serverFailure))
        #expect(lab.resolver.silence == nil)
    }

    @Test("Addresses of one family do when the other fails, but not when it could not be asked for")
    func families() throws {
        let address = try #require(IPAddress("192.0.2.1"))
        let four = DNSAnswer(outcome: .records, records: [address])
        func combined(_ failure: DNSFailure) -> DNSOutcome {
            combine(four, DNSAnswer(outcome: .failure(failure))).outcome
        }
        #expect(combined(.serverFailure) == .records)
        #expect(combined(.timeout) == .records)
        #expect(combined(.bogus("bad")) == .records, "forged or not, it is one address less")
        #expect(combined(.busy) == .failure(.busy))
        #expect(combined(.cutOff("gone")) == .failure(.cutOff("gone")))
        // Where nothing is left, what was forged is told first.
        let bogus = DNSAnswer<IPAddress>(outcome: .failure(.bogus("bad")), security: .bogus)
        for other in [DNSAnswer<IPAddress>(outcome: .noData), DNSAnswer(outcome: .failure(.timeout)), bogus] {
            #expect(combine(other, bogus).outcome == .failure(.bogus("bad")))
            #expect(combine(bogus, other).outcome == .failure(.bogus("bad")))
        }
    }

    @Test("The absence of records has its time to live as well")
    func negativeTimeToLive() async throws {
        let lab = try NameLab("127.1.1.3")
        lab.server.ttl = 120
        lab.server.set("example.lab", .a("192.0.2.1"))
        for name in ["example.lab", "nobody.lab"] {
            let answer = await lab.resolver.query(try DomainName(name).query, .txt, within: Self.waitLimit)
            #expect(answer.timeToLive > .seconds(100) && answer.timeToLive <= .seconds(120), "\(name): \(answer)")
        }
    }

    @Test("A CNAME is followed and its target named")
    func alias() async throws {
        let lab = try NameLab("127.1.1.4")
        lab.server.set("_mta-sts.example.lab", .cname("_mta-sts.provider.lab"))
        lab.server.set("_mta-sts.provider.lab", .txt("v=STSv1; id=7;"))
        lab.server.set("mx.example.lab", .cname("real.provider.lab"))
        lab.server.set("real.provider.lab", .a("192.0.2.9"))
        let txt = await lab.resolver.txt(try DomainName("example.lab").service("_mta-sts"), within: Self.waitLimit)
        #expect(txt.records == [Array("v=STSv1; id=7;".utf8)])
        let host = await lab.resolver.addresses(of: try DomainName("mx.example.lab"), within: Self.waitLimit)
        #expect(host.records == [try #require(IPAddress("192.0.2.9"))])
        #expect(host.canonicalName == (try DomainName("real.provider.lab")))
    }

    @Test("A truncated answer is asked for again over TCP")
    func truncated() async throws {
        let lab = try NameLab("127.1.1.5")
        lab.server.set("example.lab", .txt(String(repeating: "x", count: 2000)))
        lab.server.set("marked.lab", .txt("short"))
        lab.server.fail("marked.lab", nil, .truncated)
        let long = await lab.resolver.txt(try DomainName("example.lab").query, within: Self.waitLimit)
        #expect(long.records.map(\.count) == [2000])
        let marked = await lab.resolver.txt(try DomainName("marked.lab").query, within: Self.waitLimit)
        #expect(marked.records == [Array("short".utf8)])
    }

    @Test("The deadline ends a question that nobody answers")
    func deadline() async throws {
        let lab = try NameLab("127.1.1.6")
        lab.server.fail("silent.lab", nil, .silent)
        let answer = await lab.resolver.txt(try DomainName("silent.lab").query, within: .milliseconds(300))
        // libunbound's own end, some seconds later, would be a server failure.
        #expect(answer.outcome == .failure(.timeout))
    }

    @Test("An answer with thousands of records is cut")
    func manyRecords() async throws {
        let lab = try NameLab("127.1.1.7")
        lab.server.set("example.lab", (0..<1500).map { .mx(UInt16($0), "mx\($0).lab") })
        let answer = await lab.resolver.mx(of: try DomainName("example.lab"), within: Self.waitLimit)
        #expect(answer.records.count == RecordType.mx.recordLimit)
    }

    @Test("One question without an answer delays none of a thousand others")
    func slowAmongMany() async throws {
        let lab = try NameLab("127.1.1.8")
        lab.server.set("*.example.lab", .txt("here"))
        lab.server.fail("silent.lab", nil, .silent)
        let silent = try DomainName("silent.lab").query
        async let slow = lab.resolver.txt(silent, within: .seconds(8))
        try await Wait.until("the slow query is under way") { lab.server.queries("silent.lab") > 0 }
        let names = try (0..<1000).map { try DomainName("n\($0).example.lab").query }
        let answered = await withTaskGroup(of: Bool.self) { group in
            for name in names {
                group.addTask { await lab.resolver.txt(name, within: .seconds(30)).outcome == .records }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered == 1000)
        #expect(await slow.outcome.failure != nil)
    }

    @Test("A resolver that answers others at once may take seconds over a name")
    func slowName() async throws {
        let lab = try NameLab("127.1.1.13")
        lab.server.set("*.example.lab", .txt("here"))
        lab.server.set("slow.lab", .txt("here"))
        lab.server.fail("slow.lab", nil, .delay(milliseconds: 2000))
        // libunbound learns how fast the server is.
        for number in 0..<30 {
            _ = await lab.resolver.txt(try DomainName("n\(number).example.lab").query, within: Self.waitLimit)
        }
        let slow = await lab.resolver.txt(try DomainName("slow.lab").query, within: Self.waitLimit)
        #expect(slow.outcome == .records)
    }

    @Test("A silent name asked for alone leaves the server in use")
    func deadNameAlone() async throws {
        let lab = try NameLab("127.1.1.11")
        lab.server.set("example.lab", .txt("here"))
        lab.server.fail("silent.lab", nil, .silent)
        // Long enough for every try that libunbound makes.
        _ = await lab.resolver.txt(try DomainName("silent.lab").query, within: .seconds(8))
        let after = await lab.resolver.txt(try DomainName("example.lab").query, within: .seconds(20))
        #expect(after.outcome == .records)
    }

    @Test("What a domain changes is seen after minutes, however long its records may be kept")
    func longLife() async throws {
        let lab = try NameLab("127.1.1.12")
        lab.server.ttl = 86_400
        lab.server.set("example.lab", .txt("here"))
        let answer = await lab.resolver.txt(try DomainName("example.lab").query, within: .seconds(20))
        #expect(answer.timeToLive <= .seconds(300))
    }

    @Test("Many silent names leave a server in use for the others")
    func deadNames() async throws {
        let lab = try NameLab("127.1.1.9")
        lab.server.set("*.example.lab", .txt("here"))
        let silent = try (0..<40).map { try DomainName("s\($0).silent.lab").query }
        for name in silent { lab.server.fail(name.text, nil, .silent) }
        // A question that is answered follows each that is not, over some seconds.
        await withTaskGroup(of: Void.self) { group in
            for (index, name) in silent.enumerated() {
                group.addTask {
                    _ = await lab.resolver.txt(name, within: .milliseconds(100 * index))
                    guard let name = try? DomainName("n\(index).example.lab") else { return }
                    let answer = await lab.resolver.txt(name.query, within: .seconds(20))
                    #expect(answer.outcome == .records, "\(index)")
                }
            }
        }
        let after = await lab.resolver.txt(try DomainName("after.example.lab").query, within: .seconds(20))
        #expect(after.outcome == .records)
    }
}

@Suite("Every question is answered exactly once")
struct DNSLifetimeTests {
    @Test("A cancelled task has its answer at once")
    func cancellation() async throws {
        let lab = try NameLab("127.1.2.1")
        lab.server.fail("silent.lab", nil, .silent)
        let name = try DomainName("silent.lab").query
        let resolver = lab.resolver
        let asking = Task { await resolver.txt(name, within: .seconds(60)).outcome }
        try await Wait.until("the query is under way") { lab.server.queries("silent.lab") > 0 }
        asking.cancel()
        #expect(await asking.value == .failure(.cancelled))
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await resolver.txt(name, within: .seconds(60)).outcome
        }
        #expect(await late.value == .failure(.cancelled))
    }

    @Test("The shutdown answers what is under way and what comes later")
    func shutdown() async throws {
        let lab = try NameLab("127.1.2.2")
        lab.server.fail("silent.lab", nil, .silent)
        let name = try DomainName("silent.lab").query
        let resolver = lab.resolver
        let asking = (0..<50).map { _ in Task { await resolver.txt(name, within: .seconds(60)).outcome } }
        try await Wait.until("the query is under way") { lab.server.queries("silent.lab") > 0 }
        resolver.shutdown()
        for task in asking { #expect(await task.value == .failure(.shutDown)) }
        #expect(await resolver.txt(name, within: .seconds(60)).outcome == .failure(.shutDown))
    }

    @Test("More questions than allowed are turned away")
    func bound() async throws {
        let server = try NameServer(address: "127.1.2.3", port: 0)
        server.fail("silent.lab", nil, .silent)
        var settings = DNSSettings(forwarder: "127.1.2.3@\(server.port)")
        settings.trustAnchor = .none
        settings.maxOutstanding = 1
        let resolver = try DNSResolver(settings)
        let name = try DomainName("silent.lab").query
        let first = Task { await resolver.txt(name, within: .seconds(60)).outcome }
        try await Wait.until("the query is under way") { server.queries("silent.lab") > 0 }
        #expect(await resolver.txt(name, within: .seconds(60)).outcome == .failure(.busy))
        first.cancel()
        #expect(await first.value == .failure(.cancelled))
        // There is room again; what the answer is depends on how libunbound thinks of the silent server by now.
        #expect(await resolver.txt(name, within: .milliseconds(1)).outcome != .failure(.busy))
    }

    @Test("The names of one silent domain do not make the resolver busy for others")
    func shares() async throws {
        let server = try NameServer(address: "127.1.2.4", port: 0)
        server.set("victim.lab", .a("192.0.2.1"))
        var settings = DNSSettings(forwarder: "127.1.2.4@\(server.port)")
        settings.trustAnchor = .none
        settings.maxOutstanding = 16
        let resolver = try DNSResolver(settings)
        let refused = Refusals()
        var asking: [Task<Void, Never>] = []
        for number in 0..<40 {
            let name = try DomainName("n\(number).hostile.lab")
            server.fail(name.service("_mta-sts").text, nil, .silent)
            asking.append(
                Task {
                    let outcome = await resolver.txt(name.service("_mta-sts"), within: .seconds(60)).outcome
                    if outcome == .failure(.busy) { refused.count.add(1, ordering: .relaxed) }
                })
        }
        // Half of the room, and no more of it.
        try await Wait.until("the others are turned away") { refused.count.load(ordering: .relaxed) == 32 }
        let victim = try DomainName("victim.lab").query
        #expect(await resolver.query(victim, .a, within: .seconds(30)).outcome == .records)
        for task in asking { task.cancel() }
        for task in asking { await task.value }
        #expect(refused.count.load(ordering: .relaxed) == 32)
    }

    private final class Refusals: Sendable {
        let count = Atomic(0)
    }
}

@Suite("A resolver that cannot be made says what to do")
struct DNSSetupTests {
    @Test(
        "A forwarder is an address with a port or without",
        arguments: ["", "dns.example", "127.0.0.1:53", "1.2.3.4@0", "1.2.3.4@x", "@53"])
    func badForwarder(_ text: String) {
        #expect(throws: DNSSetupError.badForwarder(text)) { try DNSResolver(DNSSettings(forwarder: text)) }
    }

    @Test("A missing trust anchor is named", arguments: ["/nowhere/root.key", "/dev/null"])
    func badAnchor(_ path: String) throws {
        let error = #expect(throws: DNSSetupError.self) {
            try DNSResolver(DNSSettings(forwarder: "127.0.0.1", trustAnchorFile: path))
        }
        #expect(try #require(error).description.contains(path))
    }

    @Test("The servers of resolv.conf are asked")
    func resolverFile() throws {
        var settings = DNSSettings()
        settings.resolverFile = "/nowhere/resolv.conf"
        #expect(
            throws: DNSSetupError.unreadableResolverFile("/nowhere/resolv.conf", reason: "No such file or directory")
        ) {
            try DNSResolver(settings)
        }
        settings.resolverFile = "/dev/null"
        #expect(throws: DNSSetupError.unreadableResolverFile("/dev/null", reason: "not a file")) {
            try DNSResolver(settings)
        }
        let directory = try TemporaryDirectory("sts-dns")
        settings.resolverFile = try directory.write("resolv.conf", "search example.org\n")
        #expect(throws: DNSSetupError.noServers(settings.resolverFile)) { try DNSResolver(settings) }
        // A pipe that nobody writes to must not hold up the start.
        settings.resolverFile = directory.path + "/pipe"
        #expect(mkfifo(settings.resolverFile, 0o600) == 0)
        #expect(throws: DNSSetupError.unreadableResolverFile(settings.resolverFile, reason: "not a file")) {
            try DNSResolver(settings)
        }
    }
}
