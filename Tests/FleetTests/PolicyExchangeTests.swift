// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import LabKit
import MTASTS
import PostgreSQL
import Store
import TestKit
import Testing
@testable import Fleet

@Suite("What one machine has fetched all know, and none is made weaker by it")
struct PolicyExchangeTests {
    private let lab: FleetLab
    private let hosts = PolicyHosts()
    /// Days behind the database's clock, so that tests can go on to later days.
    private let clock = TestClock(SystemClock().now - .seconds(20 * 86_400))
    private let domain: DomainName

    init() async throws {
        lab = try await FleetLab()
        domain = try DomainName("example.org")
        _ = try await FleetSchema.migrate(lab.owner, role: nil)
    }

    private func machine(_ name: String, poll: Duration = .milliseconds(200)) async throws -> PolicyMachine {
        let machine = try PolicyMachine(name, in: lab, hosts, clock, poll: poll)
        try await machine.isWorking()
        return machine
    }

    private func until(_ what: String, _ condition: () async throws -> Bool) async throws {
        try await Wait.until(what, within: FleetLab.limit, condition)
    }

    /// A row, as somebody writes it who knows no rules.
    private func write(
        _ mode: String = "enforce", domain: String = "example.org", id: String = "1", mx: String = "mx1.example.org",
        maxAge: Int = 604_800, ago: Int64 = 0, changed: String = "nextval('sts.policy_changed')"
    ) async throws {
        let body = "version: STSv1\nmode: \(mode)\nmx: \(mx)\nmax_age: \(maxAge)\n"
        let fetched = clock.now.secondsSinceEpoch - ago
        try await lab.run(
            """
            INSERT INTO sts.policy VALUES ($1, $2, $3, $4, $5, $6, 'someone', 0, \(changed))
            ON CONFLICT (domain) DO UPDATE SET id = excluded.id, mode = excluded.mode, body = excluded.body,
                fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, changed = excluded.changed
            """,
            [
                .text(domain), .text(id), .text(mode), .integer(fetched), .integer(fetched + Int64(maxAge)),
                .octets(Array(body.utf8)),
            ])
    }

    @Test("what one has fetched the other has, in memory and in its store, by a notice and without a fetch")
    func known() async throws {
        // So that it is the notice.
        let (one, two) = (try await machine("one"), try await machine("two", poll: .seconds(3600)))
        #expect(await one.mode(domain) == .enforce)
        try await until("the other has it") { two.stored(domain) != nil }
        #expect(two.held(domain) == one.held(domain))
        #expect(await two.mode(domain) == .enforce)
        #expect(hosts.fetches(of: domain) == 1)
        #expect(one.exchange.counts.offered == 1 && two.cache.takenCount == 1)
        // And its renewal, which lengthens its life.
        clock.advance(by: .seconds(43_200))
        _ = await one.cache.refresh(domain)
        try await until("the other has it, too") { two.held(domain)?.fetchedAt == clock.now }
        #expect(hosts.fetches(of: domain) == 2)
        #expect(two.held(domain)?.expiresAt == clock.now + .seconds(604_800))
    }

    @Test("a machine that was away learns all that the others know")
    func late() async throws {
        let one = try await machine("one")
        let domains = try (0..<1200).map { try DomainName("d\($0).example") }
        await withDiscardingTaskGroup { group in
            for domain in domains { group.addTask { #expect(await one.mode(domain) == .enforce) } }
        }
        try await until("all is told") { one.exchange.counts.offered == 1200 }
        let two = try await machine("two")
        try await until("all is heard") { two.cache.takenCount == 1200 }
        #expect(hosts.mostFetches == 1)
    }

    @Test("a notice that is lost does no harm: the next look finds the row")
    func lostNotice() async throws {
        let one = try await machine("one")
        try await write()
        try await until("it is found") { one.held(domain) != nil }
    }

    @Test("after a new connection, and in a database that was put back, all is read from the beginning")
    func restored() async throws {
        let one = try await machine("one")
        try await write(changed: "1000")
        try await until("the first is read") { one.held(domain) != nil }
        let other = try DomainName("other.example")
        // Counts from before: nothing tells of it but that the last change is an earlier one.
        try await lab.run("TRUNCATE sts.policy")
        try await write(domain: "other.example", changed: "17")
        try await until("the change is noticed") { one.held(other) != nil }
        // Others were quicker than this machine looks: only the connection tells.
        let third = try DomainName("third.example")
        try await lab.run("UPDATE sts.policy SET changed = 5000")
        try await until("it is read") { one.exchange.state.withLock { $0.last } == 5000 }
        try await write(domain: "third.example", changed: "4000")
        try await lab.cutSessions()
        try await until("it is read anew") { one.held(third) != nil }
    }

    @Test(
        "a weaker or another row changes nothing before a fetch of its own, and nothing if that fails",
        arguments: [
            ("none", "mx1.example.org", 604_800), ("testing", "mx1.example.org", 604_800),
            ("enforce", "mx.attacker.example", 604_800), ("enforce", "mx1.example.org", 3600),
        ])
    func weaker(mode: String, mx: String, maxAge: Int) async throws {
        let one = try await machine("one")
        #expect(await one.mode(domain) == .enforce)
        one.use(domain)
        let before = try #require(one.held(domain))
        clock.advance(by: .seconds(7200))
        hosts.set { $0.isDown = true }
        try await write(mode, id: "2", mx: mx, maxAge: maxAge)
        try await until("a fetch is tried") { one.exchange.counts.fetchedFirst == 1 }
        #expect(hosts.fetches(of: domain) == 2)
        #expect(one.held(domain) == before)
        // Its host says otherwise: it is as the host says.
        clock.advance(by: .seconds(7200))
        hosts.set { $0.isDown = false }
        try await write(mode, id: "3", mx: mx, maxAge: maxAge)
        try await until("it is fetched") { one.held(domain)?.fetchedAt == clock.now }
        #expect(one.held(domain)?.policy == before.policy)
    }

    @Test("what is no policy is refused and said, and keeps nothing else back")
    func junk() async throws {
        let one = try await machine("one")
        try await write("reject", domain: "a.example")
        try await write(domain: "b..example")
        try await write(domain: "c.example", id: "no id")
        try await write(domain: "d.example", mx: "\u{1}\u{7F}")
        try await write(domain: "e.example", ago: -3600)
        try await write(domain: "f.example")
        try await lab.run(
            "UPDATE sts.policy SET body = convert_to(repeat('x', 140000), 'UTF8') WHERE domain = 'a.example'")
        let last = try DomainName("f.example")
        try await until("the last is taken") { one.held(last) != nil }
        #expect(one.exchange.counts.refused == 5)
        #expect(one.cache.takenCount == 1)
        #expect(one.log.lines.contains { $0.contains("row of the fleet's policies is none") })
    }

    @Test("policy forget reaches the others: what cannot be fetched any more is forgotten there, too")
    func forget() async throws {
        let (one, two) = (try await machine("one"), try await machine("two"))
        #expect(await one.mode(domain) == .enforce)
        try await until("the other has it") { two.held(domain) != nil }
        clock.advance(by: .seconds(3600))
        hosts.set { $0.isDown = true }
        try await one.cache.forget(domain)
        try await until("the other forgets it") { two.held(domain) == nil }
        #expect(two.stored(domain) == nil && one.held(domain) == nil)
        #expect(try await lab.run("SELECT body IS NULL FROM sts.policy").first?[0] == "t")
        // One that was away, and has it from before.
        let three = try PolicyMachine("three", in: lab, hosts, clock)
        #expect(three.held(domain) == nil)
        // What was fetched since is known again.
        clock.advance(by: .seconds(3600))
        hosts.set { $0.isDown = false }
        #expect(await two.mode(domain) == .enforce)
        try await until("all have it") { one.held(domain) != nil && three.held(domain) != nil }
    }

    @Test(
        "policy forget while the database is away is told by the next process, and forgets nothing that was fetched since"
    )
    func forgetWhileAway() async throws {
        let two = try await machine("two")
        let relay = try TCPRelay(address: "127.8.2.9", port: 5460, to: (lab.postgres.address, lab.postgres.port))
        defer { relay.stop() }
        let directory = try TemporaryDirectory("fleet-forgotten")
        let store = try Store(path: directory.path + "/store", logger: CapturedLog().logger)
        let one = try PolicyMachine("one", in: lab, hosts, clock, forgotten: store, by: relay)
        try await one.isWorking()
        let newer = try DomainName("newer.example")
        for domain in [domain, newer] {
            #expect(await one.mode(domain) == .enforce)
            try await until("the other has it") { two.held(domain) != nil }
        }
        relay.set(.refuse)
        relay.cut()
        clock.advance(by: .seconds(3600))
        for domain in [domain, newer] { try await one.cache.forget(domain) }
        await one.stop()
        #expect(try await store.forgottenPolicies().count == 2)
        // The other fetches one of them anew meanwhile.
        clock.advance(by: .seconds(3600))
        _ = await two.cache.refresh(newer)
        try await until("it is told") {
            try await lab.run("SELECT fetched_at FROM sts.policy WHERE domain = 'newer.example'").first?.integer(0)
                == clock.now.secondsSinceEpoch
        }
        hosts.set { $0.isDown = true }
        relay.set(.pass)
        let again = try PolicyMachine("one", in: lab, hosts, clock, forgotten: store, by: relay)
        try await until("the other forgets it") { two.held(domain) == nil }
        try await until("it is told for good") { try await store.forgottenPolicies().isEmpty }
        #expect(two.held(newer) != nil)
        #expect(
            try await lab.run("SELECT body IS NULL FROM sts.policy ORDER BY domain").map { $0[0] } == ["t", "f"])
        await again.stop()
    }

    @Test("what was fetched before it was forgotten elsewhere does not come back by a machine that was away")
    func forgottenBefore() async throws {
        let one = try await machine("one")
        #expect(await one.mode(domain) == .enforce)
        try await until("it is told") { one.exchange.counts.offered == 1 }
        let old = try #require(one.held(domain))
        clock.advance(by: .seconds(3600))
        hosts.set { $0.isDown = true }
        try await one.cache.forget(domain)
        try await until("it is told") {
            try await lab.run("SELECT body IS NULL FROM sts.policy").first?[0] == "t"
        }
        one.exchange.offer(old)
        try await until("it is told") { one.exchange.waitingCount == 0 }
        try await write(domain: "next.example")
        let next = try DomainName("next.example")
        try await until("what comes after is read") { one.held(next) != nil }
        #expect(one.held(domain) == nil)
        #expect(try await lab.run("SELECT body IS NULL FROM sts.policy WHERE domain = 'example.org'").first?[0] == "t")
    }

    @Test("what ended long ago, and claims that are over, are let go")
    func tidy() async throws {
        try await write(maxAge: 600)
        try await write(domain: "old.example", maxAge: 600, ago: 11 * 86_400)
        try await lab.run("INSERT INTO sts.claim VALUES ('a', 'n', now() - interval '2 hours'), ('b', 'n', now())")
        let connection = try PolicyConnection(lab.owner)
        defer { connection.close() }
        try await connection.perform(within: FleetLab.limit) { session throws(PostgresError) in
            try session.tidyPolicies()
        }
        #expect(try await lab.run("SELECT domain FROM sts.policy").map { $0[0] } == ["example.org"])
        #expect(try await lab.run("SELECT domain FROM sts.claim").map { $0[0] } == ["b"])
    }
}
