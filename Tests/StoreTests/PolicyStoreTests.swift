// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Logging
import MTASTS
import Testing
@testable import Store

@Suite("Policies survive a restart")
struct PolicyStoreTests {
    private func load(_ store: Store, at time: UTCTime = noon) throws -> (PolicyTable, Store.LoadCount) {
        let table = PolicyTable(logger: CapturedLog().logger)
        return (table, try store.load(into: table, at: time))
    }

    @Test("as they were saved, of every mode", arguments: Policy.Mode.allCases)
    func roundTrip(_ mode: Policy.Mode) async throws {
        let scratch = try Scratch()
        let policy = try cached("example.org", mode: mode.rawValue, mx: ["mx1.example.org", "*.example.net"])
        try await scratch.store().save(policy)
        let reopened = try scratch.store()
        #expect(try await reopened.policy(for: policy.domain) == policy)
        let (table, count) = try load(reopened)
        #expect(count == Store.LoadCount(loaded: 1, skipped: 0))
        #expect(table.policy(for: policy.domain) == policy)
    }

    @Test("also of names with underscores, which MTAs dial, with their uses")
    func underscores() async throws {
        let scratch = try Scratch()
        let policy = try cached("my_domain.example.org")
        let store = try scratch.store()
        try await store.save(policy)
        try await store.save(uses: [policy.domain: noon])
        try await store.keepForgotten(policy.domain, at: noon)
        let reopened = try scratch.store()
        let (table, count) = try load(reopened)
        #expect(count == Store.LoadCount(loaded: 1, skipped: 0))
        #expect(table.policy(for: policy.domain) == policy)
        #expect(try await reopened.policy(for: policy.domain) == policy)
        #expect(try await reopened.uses(since: noon)?.uses == [policy.domain: noon])
        #expect(try await reopened.forgottenPolicies() == [policy.domain: noon])
    }

    @Test("the last one saved counts, a removed one is gone")
    func replaced() async throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        try await store.save(cached("example.org", id: "1"))
        try await store.save(cached("example.org", id: "2"))
        try await store.save(cached("gone.example"))
        try await store.remove(name("gone.example"))
        let (table, _) = try load(scratch.store())
        #expect(table.count == 1)
        #expect(table.policy(for: try name("example.org"))?.id == "2")
        #expect(try await store.policy(for: name("gone.example")) == nil)
    }

    @Test("with one that is removed goes the note of its last use")
    func removedUse() async throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        try await store.save(uses: [name("gone.example"): noon, name("used.example"): noon])
        try await store.remove(name("gone.example"))
        #expect(try await store.uses(since: noon)?.uses == [name("used.example"): noon])
    }

    @Test("expired ones are dead, but kept until they are removed, for a clock that is put right")
    func expired() async throws {
        let store = try Scratch().store()
        try await store.save(cached("live.example", maxAge: 1001))
        try await store.save(cached("over.example", maxAge: 1000))
        let end = noon + .seconds(1000)
        let (table, count) = try load(store, at: end)
        #expect(count.loaded == 1)
        #expect(table.policy(for: try name("live.example"))?.isLive(at: end) == true)
        #expect(table.policy(for: try name("over.example"))?.isLive(at: end) == false)
        #expect(try await store.policies().count == 2)
        #expect(try await store.removeExpired(before: noon + .seconds(1001)) == 1)
        #expect(try await store.policies().map(\.domain.ascii) == ["live.example"])
    }

    @Test("the lines that count come back, and nothing else is kept")
    func hostileBody() async throws {
        let store = try Scratch().store()
        let body =
            "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 9\nx: \0\u{1b}[31m';DROP TABLE policy;--ü\u{FFFD}"
        let policy = CachedPolicy(
            domain: try name("example.org"), id: "1", policy: try Policy.read(body.utf8).policy, fetchedAt: noon)
        try await store.save(policy)
        let text = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 9\n"
        #expect(try await store.policy(for: policy.domain)?.policy.text == text)
    }

    @Test("rows that are no policies are skipped and named")
    func unreadable() async throws {
        let scratch = try Scratch()
        let log = CapturedLog()
        let store = try scratch.store(log)
        try store.save(all: [cached("a.example"), cached("b.example"), cached("c.example")])
        try await store.write { db in
            try db.execute(sql: "UPDATE policy SET domain = 'not a\u{1b} name' WHERE domain = 'a.example'")
            try db.execute(sql: "UPDATE policy SET mode = 'future' WHERE domain = 'b.example'")
        }
        let (table, count) = try load(store)
        #expect(count == Store.LoadCount(loaded: 1, skipped: 2))
        #expect(table.count == 1)
        #expect(log.lines.count == 2)
        #expect(log.lines.contains { $0.contains("not a\\x1B name") })
        #expect(try await store.policies(limit: 1).map(\.domain.ascii) == ["c.example"])
    }

    @Test("a list comes in pieces")
    func pieces() async throws {
        let store = try Scratch().store()
        try store.save(all: (10..<35).map { try cached("d\($0).example") })
        var names: [String] = []
        var last: DomainName?
        while case let piece = try await store.policies(after: last, limit: 10), let end = piece.last {
            #expect(piece.count <= 10)
            names += piece.map(\.domain.ascii)
            last = end.domain
        }
        #expect(names == (10..<35).map { "d\($0).example" })
    }

    @Test("many saved at once all arrive")
    func concurrent() async throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1000 {
                group.addTask { try await store.save(cached("d\(number).example")) }
            }
            try await group.waitForAll()
        }
        #expect(try load(scratch.store()).1.loaded == 1000)
    }

    @Test("a full disk is an error with a cure, and writing goes on when there is room")
    func full() async throws {
        let store = try Scratch().store()
        let pages = try await store.read { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
        try await store.write { try $0.execute(sql: "PRAGMA max_page_count = \(pages + 1)") }
        let big = try cached("big.example", mx: (0..<1000).map { "mx\($0).example.org" })
        let error = await #expect(throws: StoreError.self) { try await store.save(big) }
        #expect(error?.cause == .full)
        #expect(error?.description.contains("free disk space") == true)
        try await store.write { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
        try await store.save(big)
        #expect(try await store.policy(for: big.domain) == big)
    }
}
