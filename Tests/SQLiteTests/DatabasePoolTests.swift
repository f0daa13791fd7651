// SPDX-License-Identifier: Apache-2.0
import CSQLite
import TestKit
import Testing
@testable import SQLite

/// A database in a directory of its own.
private struct Scratch {
    let directory: TemporaryDirectory
    let pool: DatabasePool

    init() throws {
        directory = try TemporaryDirectory()
        pool = try DatabasePool(path: directory.path + "/test.sqlite", busyTimeout: .seconds(5))
        try pool.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, body BLOB, size INTEGER);
                    CREATE TABLE part (item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE);
                    """)
        }
    }

    func count(_ table: String = "item") throws -> Int? {
        try pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") }
    }
}

private struct Stop: Error {}

@Suite("Values come back from SQLite as they were given")
struct ValueTests {
    @Test("of each type, in a cursor and as a copy")
    func values() throws {
        let scratch = try Scratch()
        try scratch.pool.write { db in
            let insert = try db.cachedStatement(sql: "INSERT INTO item VALUES (?, ?, ?, ?)")
            try insert.execute(arguments: [1, "näme", [0, 255, 0] as [UInt8], Int64.min])
            try insert.execute(arguments: [2, "", [] as [UInt8], true])
            try insert.execute(arguments: [3, nil, nil, nil])
            let sql = "SELECT name, body, size FROM item ORDER BY id"
            var current: [(String?, [UInt8]?, Int64?)] = []
            let cursor = try Row.fetchCursor(db, sql: sql)
            while let row = try cursor.next() { current.append((row[0], row[1], row["size"])) }
            let copied: [(String?, [UInt8]?, Int64?)] = try Row.fetchAll(db, sql: sql).map {
                ($0[0], $0[1], $0["size"])
            }
            for rows in [current, copied] {
                try #require(rows.count == 3)
                #expect(rows[0] == ("näme", [0, 255, 0], .min))
                #expect(rows[1] == ("", [], 1))
                #expect(rows[2] == (nil, nil, nil))
            }
        }
    }

    @Test("a text ends at its first NUL, as whoever reads it sees it")
    func nul() throws {
        let scratch = try Scratch()
        try scratch.pool.write { try $0.execute(sql: "INSERT INTO item (name) VALUES (?)", arguments: ["a\0b"]) }
        #expect(try scratch.pool.read { try Int.fetchOne($0, sql: "SELECT length(CAST(name AS BLOB)) FROM item") } == 1)
    }

    @Test("NULL is nil for an optional, also of a row that may be absent, and nothing for others")
    func null() throws {
        let scratch = try Scratch()
        try scratch.pool.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT NULL, NULL")
            #expect(row?[0] as Int64? == nil)
            #expect((row?[1] as String?).map { _ in true } == nil)
            #expect(try #require(row)[0] as Int == 0)
            #expect(try #require(row)[1] as String == "")
            #expect(try Int.fetchOne(db, sql: "SELECT NULL") == nil)
            #expect(try Int.fetchOne(db, sql: "SELECT 1 WHERE 0") == nil)
            #expect(try Row.fetchOne(db, sql: "SELECT 1 WHERE 0") == nil)
        }
    }

    @Test("arguments that are too few or too many are an error, also among several statements")
    func arguments() throws {
        let scratch = try Scratch()
        let insert = "INSERT INTO item (name, size) VALUES (?, ?)"
        for arguments: StatementArguments in [[], ["a"], ["a", 1, 2]] {
            #expect(throws: DatabaseError.self) {
                try scratch.pool.write { try $0.cachedStatement(sql: insert).execute(arguments: arguments) }
            }
            #expect(throws: DatabaseError.self) {
                try scratch.pool.write { try $0.execute(sql: insert, arguments: arguments) }
            }
        }
        try scratch.pool.write { db in
            try db.execute(
                sql: "INSERT INTO item (name) VALUES (?); INSERT INTO item (size) VALUES (?)", arguments: ["a", 1])
        }
        #expect(try scratch.count() == 2)
    }
}

@Suite("A transaction is done whole, or not at all")
struct TransactionTests {
    @Test("what throws leaves nothing, and the next one works")
    func throwing() throws {
        let scratch = try Scratch()
        #expect(throws: Stop.self) {
            try scratch.pool.write { db in
                try db.execute(sql: "INSERT INTO item (name) VALUES ('a')")
                throw Stop()
            }
        }
        #expect(try scratch.count() == 0)
        try scratch.pool.write { try $0.execute(sql: "INSERT INTO item (name) VALUES ('b')") }
        #expect(try scratch.count() == 1)
    }

    @Test("one that SQLite itself rolled back says why")
    func rolledBack() throws {
        let scratch = try Scratch()
        try scratch.pool.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER fault BEFORE INSERT ON item WHEN new.name = 'bad'
                    BEGIN SELECT raise(ROLLBACK, 'no such thing'); END
                    """)
        }
        let error = #expect(throws: DatabaseError.self) {
            try scratch.pool.write { db in
                try db.execute(sql: "INSERT INTO item (name) VALUES ('good'); INSERT INTO item (name) VALUES ('bad')")
            }
        }
        #expect(error == DatabaseError(code: SQLITE_CONSTRAINT, message: "no such thing"))
        #expect(try scratch.count() == 0)
    }

    @Test("foreign keys are heeded")
    func foreignKeys() throws {
        let scratch = try Scratch()
        #expect(throws: DatabaseError.self) {
            try scratch.pool.write { try $0.execute(sql: "INSERT INTO part VALUES (7)") }
        }
        try scratch.pool.write { db in
            try db.execute(sql: "INSERT INTO item (id) VALUES (7); INSERT INTO part VALUES (7); DELETE FROM item")
        }
        #expect(try scratch.count("part") == 0)
    }

    @Test("a commit is on disk when it returns")
    func synchronous() throws {
        let scratch = try Scratch()
        let level = try scratch.pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        #expect(level == 2)
    }
}

@Suite("Who reads sees one state of the file, beside whoever writes")
struct ReadingTests {
    private let insert = "INSERT INTO item (name) VALUES ('a')"

    @Test("a read does not see what is committed meanwhile, the next one does; and it cannot write")
    func isolated() throws {
        let scratch = try Scratch()
        try scratch.pool.read { db in
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM item") == 0)
            try scratch.pool.write { try $0.execute(sql: insert) }
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM item") == 0)
            #expect(throws: DatabaseError.self) { try db.execute(sql: insert) }
        }
        #expect(try scratch.count() == 1)
    }

    @Test("a snapshot is that of the moment when it was made")
    func snapshot() throws {
        let scratch = try Scratch()
        let snapshot = try scratch.pool.makeSnapshot()
        try scratch.pool.write { try $0.execute(sql: insert) }
        #expect(try snapshot.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM item") } == 0)
        try snapshot.close()
        #expect(throws: DatabaseError.self) { try snapshot.read { try Int.fetchOne($0, sql: "SELECT 1") } }
    }

    @Test("a cursor that is let go before its end keeps nobody from emptying the log")
    func cursor() throws {
        let scratch = try Scratch()
        try scratch.pool.write { try $0.execute(sql: "\(insert); \(insert)") }
        try scratch.pool.writeWithoutTransaction { db in
            let find = try db.cachedStatement(sql: "SELECT name FROM item")
            #expect(try Row.fetchCursor(find).next() != nil)
            try db.truncateLog()
        }
    }

    @Test("many readers wait for one another, and for no writer")
    func many() async throws {
        let scratch = try Scratch()
        let pool = scratch.pool
        try pool.write { try $0.execute(sql: insert) }
        let counts = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        pool.asyncRead(
                            { try Int.fetchOne($0, sql: "SELECT count(*) FROM item") },
                            completion: { continuation.resume(returning: try? $0.get()) })
                    }
                }
            }
            // While a writer is in the midst of its work.
            _ = try? pool.write { db in
                try db.execute(sql: insert)
                #expect(try pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM item") } == 1)
                throw Stop()
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts == Array(repeating: 1, count: 50))
    }

    @Test("what is closed says so")
    func closed() async throws {
        let scratch = try Scratch()
        _ = try scratch.count()
        try scratch.pool.close()
        #expect(throws: DatabaseError.self) { try scratch.count() }
        #expect(throws: DatabaseError.self) { try scratch.pool.write { try $0.execute(sql: insert) } }
    }

    @Test("a copy has all")
    func backup() throws {
        let (one, other) = (try Scratch(), try Scratch())
        try one.pool.write { try $0.execute(sql: insert) }
        try one.pool.writeWithoutTransaction { source in
            try other.pool.writeWithoutTransaction { try source.backup(to: $0) }
        }
        #expect(try other.count() == 1)
    }
}
