// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Foundation
import SQLite
import Glibc
import Testing
@testable import Store

@Suite("A database that is lost while it is in use is written anew from memory")
struct LossTests {
    /// What happens to the file. Each has its own way of going unnoticed by SQLite.
    enum Accident: String, CaseIterable, Sendable {
        case removed, moved, cutToNothing, cutInHalf, replacedByOld, replacedByNothing, logRemoved
    }

    private let policies = (0..<300).compactMap { try? cached("d\($0).example") }

    private func filled(_ scratch: Scratch) async throws -> (Store, PolicyTable) {
        let store = try scratch.store()
        let table = PolicyTable(logger: CapturedLog().logger)
        for policy in policies {
            table.set(policy)
            try await store.save(policy)
        }
        // So that the file, not only the log, has them.
        try store.pool.writeWithoutTransaction { try $0.truncateLog() }
        return (store, table)
    }

    private func happen(_ accident: Accident, to scratch: Scratch, old: String) throws {
        let path = scratch.database
        switch accident {
        case .removed: for ending in ["", "-wal", "-shm"] { unlink(path + ending) }
        case .moved: rename(path, scratch.directory + "/elsewhere")
        case .cutToNothing: truncate(path, 0)
        case .cutInHalf: truncate(path, 8192)
        case .replacedByOld: rename(old, path)
        case .replacedByNothing:
            unlink(path)
            try Data().write(to: URL(fileURLWithPath: path))
        case .logRemoved: unlink(path + "-wal")
        }
    }

    @Test("whatever happened to it, nothing is lost with a restart", arguments: Accident.allCases)
    func mended(_ accident: Accident) async throws {
        let scratch = try Scratch()
        let backup = scratch.directory + "/backup.sqlite"
        do {
            let older = try Store(path: backup, logger: CapturedLog().logger)
            try await older.save(cached("only-in-backup.example"))
            try await older.save(cached("d1.example", id: "old", fetchedAt: noon - .seconds(3600)))
            try older.close()
        }
        let (store, table) = try await filled(scratch)
        let ledger = Ledger(store: store, clock: TestClock(noon), logger: CapturedLog().logger)
        let session = SessionCount(
            day: noon.day, domain: try name("counted.example"), policy: .sts(try name("counted.example"), nil),
            isFailure: false)
        ledger.record([session])
        #expect(await ledger.flush())
        #expect(try await store.mendIfLost(from: table) == nil)

        try happen(accident, to: scratch, old: backup)
        let late = try cached("late.example")
        table.set(late)
        #expect(try await store.mendIfLost(from: table) != nil)
        #expect(try await store.mendIfLost(from: table) == nil)
        // What comes after goes to the new file.
        try await store.save(cached("after.example"))
        try store.close()

        let reopened = try scratch.store()
        let loaded = PolicyTable(logger: CapturedLog().logger)
        let count = try reopened.load(into: loaded, at: noon)
        let isMerged = accident == .replacedByOld
        #expect(count.loaded == policies.count + (isMerged ? 3 : 2))
        #expect(loaded.policy(for: late.domain) == late)
        #expect(loaded.policy(for: try name("d1.example"))?.id == policies[1].id)
        #expect(try await reopened.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
        // The lost file's counts can be read as long as it is open; what was cut off cannot, and a backup has its own.
        let days = try await reopened.days()
        let isCut = accident == .cutToNothing || accident == .cutInHalf
        #expect(days == (isCut || isMerged ? [] : [noon.day]))
    }

    @Test("somebody else's file is left alone, and memory goes on until it is gone")
    func foreign() async throws {
        let scratch = try Scratch()
        let (store, table) = try await filled(scratch)
        unlink(scratch.database)
        let text = Data("this is no database, whatever it is\n".utf8)
        try text.write(to: URL(fileURLWithPath: scratch.database))
        let error = await #expect(throws: StoreError.self) { _ = try await store.mendIfLost(from: table) }
        #expect(error?.cause == .notADatabase)
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.database)) == text)
        unlink(scratch.database)
        #expect(try await store.mendIfLost(from: table) != nil)
        try store.close()
        #expect(try scratch.store().load(into: PolicyTable(logger: CapturedLog().logger), at: noon).loaded == 300)
    }

    @Test("writes that come while it is made anew are lost neither in the old file nor in the new")
    func writesMeanwhile() async throws {
        let scratch = try Scratch()
        let (store, table) = try await filled(scratch)
        for ending in ["", "-wal", "-shm"] { unlink(scratch.database + ending) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 { group.addTask { try await store.save(cached("w\(number).example")) } }
            group.addTask { _ = try await store.mendIfLost(from: table) }
            try await group.waitForAll()
        }
        try store.close()
        let count = try scratch.store().load(into: PolicyTable(logger: CapturedLog().logger), at: noon)
        #expect(count.loaded == 500)
    }

    @Test("VACUUM by somebody else is no loss")
    func vacuum() async throws {
        let scratch = try Scratch()
        let (store, table) = try await filled(scratch)
        for policy in policies.dropFirst(5) { try await store.remove(policy.domain) }
        #expect(try await store.mendIfLost(from: table) == nil)
        let before = try #require(FileIdentity(at: scratch.database))
        let other = try DatabasePool(path: scratch.database, busyTimeout: .zero)
        try other.writeWithoutTransaction { db in
            try db.execute(sql: "VACUUM")
            try db.truncateLog()
        }
        #expect(try #require(FileIdentity(at: scratch.database)).octets < before.octets)
        #expect(try await store.mendIfLost(from: table) == nil)
        #expect(try await store.policies().count == 5)
    }
}

@Suite("A store that was here once is missed")
struct MarkerTests {
    private func failure(_ path: String) -> StoreError? {
        do throws(StoreError) {
            _ = try Store(path: path, logger: CapturedLog().logger)
            return nil
        } catch {
            return error
        }
    }

    @Test("when the file is gone, or cut to nothing, or a database with nothing in it")
    func missed() async throws {
        let scratch = try Scratch()
        try scratch.store().close()
        let empty: [(String) throws -> Void] = [
            { unlink($0) },
            { truncate($0, 0) },
            { path in
                unlink(path)
                try DatabasePool(path: path, busyTimeout: .zero).writeWithoutTransaction {
                    try $0.execute(sql: "VACUUM")
                }
            },
        ]
        for make in empty {
            try make(scratch.database)
            let error = failure(scratch.database)
            #expect(error?.cause == .vanished)
            #expect(error?.description.contains("rm \(scratch.database).made") == true)
            // It is not made on the way, or the next start would find it.
            #expect(failure(scratch.database)?.cause == .vanished)
            // Nor by a command.
            #expect(throws: StoreError.self) {
                _ = try Store(path: scratch.database, createIfMissing: false, logger: CapturedLog().logger)
            }
            #expect(failure(scratch.database)?.cause == .vanished)
        }
        unlink(scratch.database)
        unlink(scratch.database + ".made")
        try scratch.store().close()
        #expect(failure(scratch.database) == nil)
    }

    @Test("one from before gets its marker")
    func older() throws {
        let scratch = try Scratch()
        try scratch.store().close()
        unlink(scratch.database + ".made")
        try scratch.store().close()
        #expect(access(scratch.database + ".made", F_OK) == 0)
    }
}

@Suite("A stored policy that cannot be read is not absent")
struct UnreadableTests {
    private static let changes = [
        "UPDATE policy SET body = replace(CAST(body AS TEXT), 'mode: enforce', 'mode: Xnforce')",
        "UPDATE policy SET body = CAST('' AS BLOB)",
        "UPDATE policy SET body = CAST(replace(CAST(body AS TEXT), 'mx1', 'mx2') AS BLOB)",
        "UPDATE policy SET mode = 'enfoSce'",
        "UPDATE policy SET fetched_at = fetched_at + 1",
        "UPDATE policy SET id = 'x'",
        "UPDATE policy SET checksum = checksum + 1",
    ].map {
        $0.replacing("= replace(CAST", with: "= CAST(replace(CAST").replacing("Xnforce')", with: "Xnforce') AS BLOB)")
    }

    private func loaded(_ change: String, mode: String, log: CapturedLog = CapturedLog()) async throws
        -> (PolicyTable, Store.LoadCount)
    {
        let store = try Scratch().store()
        try await store.save(cached("example.org", mode: mode))
        try await store.write { try $0.execute(sql: change) }
        let table = PolicyTable(logger: log.logger)
        return (table, try store.load(into: table, at: noon))
    }

    @Test("whatever changed in its row", arguments: changes)
    func unreadable(_ change: String) async throws {
        let log = CapturedLog()
        let (table, count) = try await loaded(change, mode: "enforce", log: log)
        let domain = try name("example.org")
        #expect(table.policy(for: domain) == nil)
        #expect(count.skipped == 1 && count.loaded == 0)
        #expect(table.unreadable(domain, at: noon) != nil)
        // It ends as the policy would have.
        #expect(table.unreadable(domain, at: noon + .seconds(86_402)) == nil)
        table.set(try cached("example.org"))
        #expect(table.unreadable(domain, at: noon) == nil)
    }

    @Test("unless it held nothing back", arguments: ["testing", "none"])
    func harmless(_ mode: String) async throws {
        let (table, count) = try await loaded("UPDATE policy SET checksum = 0", mode: mode)
        #expect(count.skipped == 1)
        #expect(table.unreadable(try name("example.org"), at: noon) == nil)
    }

    @Test("nor is one whose lines no parser of today takes, once somebody asks for it")
    func unparsable() async throws {
        let domain = try name("example.org")
        let policy = try cached("example.org")
        let packed = PackedPolicy(life: policy.life, id: policy.id.utf8, body: "mode: Xnforce".utf8)
        let (table, count) = try await loaded(
            "UPDATE policy SET body = CAST('mode: Xnforce' AS BLOB), checksum = \(packed.checksum(of: domain))",
            mode: "enforce")
        #expect(count.loaded == 1)
        #expect(table.policy(for: domain) == nil)
        #expect(table.unreadable(domain, at: noon) != nil)
    }
}
