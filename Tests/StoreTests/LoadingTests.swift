// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Logging
import MTASTS
import Testing
@testable import Store

@Suite("While stored policies are loaded, no domain is taken for one without a policy, and what is newer stays")
struct LoadingTests {
    /// A store with one policy, and a load that has not begun to read.
    private struct Started {
        let domain: DomainName
        let stored: CachedPolicy
        let log = CapturedLog()
        let scratch: Scratch
        let store: Store
        let table: PolicyTable
        let loader: PolicyLoader

        init(_ change: (Store) async throws -> Void = { _ in }) async throws {
            domain = try name("example.org")
            stored = try cached("example.org", id: "stored")
            scratch = try Scratch()
            store = try scratch.store(log)
            try await store.save(stored)
            try await change(store)
            table = PolicyTable(logger: log.logger)
            loader = try PolicyLoader(store, into: table, at: noon)
        }

        func loadAll() throws { while try loader.loadPiece() {} }
    }

    /// A domain's own memory of the network: it says that there is no policy, and is asked how often.
    private final class Absent: PolicyDiscoverer {
        let asked = Locked(0)
        func record(for domain: DomainName) async -> RecordLookup {
            asked.withLock { $0 += 1 }
            return .found(.absent)
        }
        func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
            throw .notTried("nobody")
        }
    }

    private func cache(_ started: Started, _ discoverer: Absent = Absent()) -> PolicyCache {
        PolicyCache(
            memory: started.table, store: started.store, discoverer: discoverer, clock: TestClock(noon),
            logger: started.log.logger, settings: PolicyCacheSettings())
    }

    @Test("a domain asked for before its row is reached has its policy, and the network is not asked")
    func early() async throws {
        let started = try await Started()
        let discoverer = Absent()
        let cache = cache(started, discoverer)
        #expect(cache.cached(started.domain) == nil)
        #expect(await cache.resolve(started.domain) == .policy(started.stored))
        #expect(cache.cached(started.domain) == .policy(started.stored))
    }

    @Test("where nobody waits any longer, a domain whose row is not here is unproven; afterwards it is not")
    func noTime() async throws {
        let started = try await Started()
        let cache = cache(started)
        guard case .unreadable = cache.standIn(for: started.domain) else {
            Issue.record("taken for a domain without a policy")
            return
        }
        #expect(cache.standIn(for: try name("none.example")) != nil)
        try started.loadAll()
        #expect(cache.standIn(for: started.domain) == .policy(started.stored))
        #expect(cache.standIn(for: try name("none.example")) == nil)
    }

    @Test("a second look, a renewal and the operator's refresh know the stored policy too", arguments: 0..<3)
    func looks(_ way: Int) async throws {
        let started = try await Started()
        let cache = cache(started)
        let found: PolicyLookup
        switch way {
        case 0: found = await cache.recheck(started.domain)
        case 1: found = await cache.refresh(started.domain)
        default: found = await cache.resolve(started.domain)
        }
        #expect(found == .policy(started.stored))
    }

    @Test("a domain that has no row has none at once, and is asked for in the network once")
    func rowless() async throws {
        let started = try await Started()
        let discoverer = Absent()
        let cache = cache(started, discoverer)
        let other = try name("none.example")
        #expect(await cache.resolve(other) == .absent)
        #expect(cache.cached(other) == .absent)
        #expect(discoverer.asked.withLock { $0 } == 1)
    }

    @Test("a row that cannot be looked up leaves its domain unproven")
    func failing() async throws {
        let started = try await Started()
        let cache = cache(started)
        started.loader.close()
        guard case .unreadable = await cache.resolve(started.domain) else {
            Issue.record("taken for a domain without a policy")
            return
        }
        guard case .unreadable = await cache.recheck(started.domain) else {
            Issue.record("taken for a domain without a policy")
            return
        }
        await #expect(throws: StoreError.self) { try await started.loader.loadRest() }
        #expect(!started.table.isComplete)
    }

    @Test("a row that cannot be read leaves its domain unproven, looked up or loaded", arguments: [true, false])
    func unreadable(_ isLookedUp: Bool) async throws {
        let started = try await Started { store in
            try await store.write { try $0.execute(sql: "UPDATE policy SET id = 'other'") }
        }
        if isLookedUp { #expect(await started.table.load(started.domain)) } else { try started.loadAll() }
        #expect(started.table.isLoaded(started.domain))
        #expect(started.table.unreadable(started.domain, at: noon) != nil)
        // Read again by the load, it is not more.
        if isLookedUp { try started.loadAll() }
        #expect(started.table.policy(for: started.domain) == nil)
        #expect(started.table.unreadable(started.domain, at: noon) != nil)
    }

    @Test(
        "a policy set before its row is reached stays, whether the store has it by then or not",
        arguments: [true, false])
    func replaced(_ isSaved: Bool) async throws {
        let started = try await Started()
        let newer = try cached("example.org", id: "newer", fetchedAt: noon + .seconds(1))
        started.table.set(newer)
        if isSaved { try await started.store.save(newer) }
        #expect(await started.table.load(started.domain))
        try started.loadAll()
        #expect(started.table.policy(for: started.domain) == newer)
        #expect(started.table.count == 1)
    }

    @Test("a policy forgotten before its row is reached stays forgotten")
    func forgotten() async throws {
        let started = try await Started()
        let cache = cache(started)
        try await cache.forget(started.domain)
        #expect(await started.table.load(started.domain))
        #expect(await cache.resolve(started.domain) == .absent)
        try started.loadAll()
        #expect(started.table.policy(for: started.domain) == nil)
        #expect(cache.cached(started.domain) == .absent)
    }

    @Test("a newer policy takes the place of a row that could not be read, and one that is forgotten ends its doubt")
    func mended() async throws {
        let started = try await Started { store in
            try await store.write { try $0.execute(sql: "UPDATE policy SET id = 'other'") }
        }
        let newer = try cached("example.org", id: "newer")
        started.table.set(newer)
        try started.loadAll()
        #expect(started.table.policy(for: started.domain) == newer)
        #expect(started.table.unreadable(started.domain, at: noon) == nil)
    }

    @Test(
        "a policy that has ended is here dead, and one whose text is no policy unproven, while all else is still to come"
    )
    func ended() async throws {
        let started = try await Started { store in
            try await store.save(cached("over.example", maxAge: 10, fetchedAt: noon - .seconds(10)))
            try await store.save(cached("garbage.example"))
            let garbage = PackedPolicy(
                life: PolicyLife(mode: .enforce, fetchedAt: noon, expiresAt: noon + .seconds(9)), id: "1".utf8,
                body: "garbage".utf8)
            let sum = garbage.checksum(of: try name("garbage.example"))
            try await store.write {
                try $0.execute(
                    sql: """
                        UPDATE policy SET id = '1', body = CAST('garbage' AS BLOB), expires_at = ?, checksum = ?
                        WHERE domain = 'garbage.example'
                        """, arguments: [noon.secondsSinceEpoch + 9, sum])
            }
        }
        let cache = cache(started)
        #expect(await cache.resolve(try name("over.example")) == .absent)
        #expect(started.table.life(of: try name("over.example"))?.isLive(at: noon) == false)
        guard case .unreadable = await cache.resolve(try name("garbage.example")) else {
            Issue.record("taken for a domain without a policy")
            return
        }
        try started.loadAll()
        #expect(started.table.unreadable(try name("garbage.example"), at: noon) != nil)
    }

    @Test("rows in many pieces all come, in what the file held as the load began")
    func pieces() async throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        try store.save(all: (0..<5000).map { try cached("d\($0).example") })
        let table = PolicyTable(logger: CapturedLog().logger)
        let loader = try PolicyLoader(store, into: table, at: noon)
        #expect(try loader.loadPiece())
        #expect((1..<5000).contains(table.count))
        // By another process, which the memory does not see: no row is lost over it.
        try await store.write { try $0.execute(sql: "DELETE FROM policy") }
        try await loader.loadRest()
        #expect(table.count == 5000)
        #expect(loader.count == Store.LoadCount(loaded: 5000))
        #expect(table.isComplete)
    }

    @Test("uses come in pieces, those of before are dropped")
    func uses() async throws {
        let store = try Scratch().store()
        var uses = Dictionary(uniqueKeysWithValues: try (0..<25).map { (try name("d\($0).example"), noon) })
        let old = try name("old.example")
        uses[old] = noon - .seconds(1)
        try await store.save(uses: uses)
        var found: [DomainName: UTCTime] = [:]
        var last = ""
        while let piece = try await store.uses(since: noon, after: last, limit: 10) {
            #expect(piece.uses.count <= 10)
            found.merge(piece.uses) { $1 }
            last = piece.last
        }
        #expect(found.count == 25)
        try await store.removeUses(before: noon)
        #expect(try await store.uses(since: noon - .seconds(9))?.uses.count == 25)
    }

    @Test("the newest entry is told exactly where all are old, and a rotted time is none")
    func newest() async throws {
        let store = try Scratch().store()
        #expect(try store.newestEntry(since: noon) == nil)
        try store.save(all: [cached("a.example"), cached("b.example", fetchedAt: noon - .seconds(5))])
        #expect(try store.newestEntry(since: noon + .seconds(1)) == noon)
        #expect(try store.newestEntry(since: noon - .seconds(9)).map { $0 >= noon - .seconds(9) } == true)
        try await store.write {
            try $0.execute(sql: "UPDATE policy SET fetched_at = 9999999999 WHERE domain = 'a.example'")
        }
        #expect(try store.newestEntry(since: noon + .seconds(1)) == noon - .seconds(5))
        try await store.save(uses: [name("a.example"): noon + .seconds(7)])
        #expect(try store.newestEntry(since: noon + .seconds(9)) == noon + .seconds(7))
    }
}
