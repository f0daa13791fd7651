// SPDX-License-Identifier: Apache-2.0
import TestKit
import Foundation
import SQLite
import Testing
@testable import Store

@Suite("Opening the store says what is wrong and how to mend it")
struct OpeningTests {
    private func failure(_ path: String, createIfMissing: Bool = true) -> StoreError? {
        do throws(StoreError) {
            _ = try Store(path: path, createIfMissing: createIfMissing, logger: CapturedLog().logger)
            return nil
        } catch {
            return error
        }
    }

    /// Leaves no write-ahead log that could mend the file.
    private func moveAllIntoOneFile(_ store: Store) throws {
        try store.pool.writeWithoutTransaction { try $0.truncateLog() }
        try store.pool.close()
    }

    @Test("makes a file of mode 0640 and opens it again")
    func fresh() throws {
        let scratch = try Scratch()
        for _ in 1...2 { _ = try scratch.store() }
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.database)[.posixPermissions] as? Int
        #expect(mode == 0o640)
    }

    @Test("names what is not there")
    func missing() throws {
        let scratch = try Scratch()
        let nested = scratch.directory + "/no/such/test.sqlite"
        #expect(failure(nested)?.cause == .noDirectory)
        #expect(failure(scratch.database, createIfMissing: false)?.cause == .missing)
        #expect(failure(nested, createIfMissing: false)?.cause == .missing)
        #expect(FileManager.default.fileExists(atPath: scratch.database) == false)
        try Data().write(to: URL(fileURLWithPath: scratch.directory + "/file"))
        #expect(failure(scratch.directory + "/file/test.sqlite")?.cause == .noDirectory)
        #expect(failure(scratch.directory)?.cause == .notADatabase)
        let text = failure(nested)?.description ?? ""
        #expect(text.contains(nested) && text.contains("make the directory"))
    }

    @Test("a database that was there and is gone is told as that by commands, too")
    func gone() throws {
        let scratch = try Scratch()
        try moveAllIntoOneFile(scratch.store())
        try FileManager.default.removeItem(atPath: scratch.database)
        for createIfMissing in [true, false] {
            let error = failure(scratch.database, createIfMissing: createIfMissing)
            #expect(error?.cause == .vanished)
            #expect(error?.description.contains("rm \(scratch.database).made") == true)
        }
    }

    @Test("leaves a file alone that is no database", arguments: [40, 10_000])
    func notADatabase(_ length: Int) throws {
        let scratch = try Scratch()
        let text = Data(String(repeating: "just text ", count: length).utf8)
        try text.write(to: URL(fileURLWithPath: scratch.database))
        #expect(failure(scratch.database)?.cause == .notADatabase)
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.database)) == text)
    }

    @Test("refuses a database of another program")
    func foreign() throws {
        let scratch = try Scratch()
        try DatabasePool(path: scratch.database, busyTimeout: .zero).write {
            try $0.execute(sql: "CREATE TABLE other (x)")
        }
        #expect(failure(scratch.database)?.cause == .foreign)
    }

    @Test("refuses a database of a newer version")
    func newer() async throws {
        let scratch = try Scratch()
        try await scratch.store().write { try $0.execute(sql: "INSERT INTO migration VALUES ('999')") }
        #expect(failure(scratch.database)?.cause == .newerSchema)
    }

    @Test("finds a corrupt file, says how to move it aside, and does not touch it")
    func corrupt() throws {
        let scratch = try Scratch()
        let written = try scratch.store()
        try written.save(all: (0..<5000).map { try cached("d\($0).example") })
        try moveAllIntoOneFile(written)
        let url = URL(fileURLWithPath: scratch.database)
        var bytes = try Data(contentsOf: url)
        // Leaves the schema's page whole.
        try #require(bytes.count > 20_000)
        for index in 20_000..<bytes.count { bytes[index] = 0x5A }
        try bytes.write(to: url)
        #expect(throws: StoreError.self) {
            do throws(StoreError) {
                let store = try Store(path: scratch.database, logger: CapturedLog().logger)
                _ = try store.load(into: PolicyTable(logger: CapturedLog().logger), at: noon)
            } catch {
                #expect(error.cause == .corrupt)
                #expect(error.description.contains("mv \(scratch.database)"))
                throw error
            }
        }
        let after = try Data(contentsOf: url)
        #expect(after[20_000..<bytes.count] == bytes[20_000...])
    }

    @Test("finds a schema that is cut off")
    func truncated() throws {
        let scratch = try Scratch()
        try moveAllIntoOneFile(scratch.store())
        let url = URL(fileURLWithPath: scratch.database)
        try Data(contentsOf: url).prefix(3000).write(to: url)
        #expect(failure(scratch.database)?.cause == .corrupt)
    }

    @Test(
        "names what may not be written, even by root",
        arguments: ["/sys/kernel/sts-milter-test.sqlite", "/sys/kernel/uevent_seqnum"])
    func unwritable(_ path: String) throws {
        let error = failure(path)
        #expect(error?.cause == .notPermitted)
        #expect(error?.description.contains("run it as root or as the daemon's user") == true)
    }

    @Test("waits for another writer instead of failing at once")
    func sharedWithAnother() async throws {
        let scratch = try Scratch()
        let one = try scratch.store()
        let other = try scratch.store()
        async let first: Void = one.save(cached("a.example"))
        async let second: Void = other.save(cached("b.example"))
        _ = try await (first, second)
        #expect(try await one.policies().map(\.domain.ascii) == ["a.example", "b.example"])
    }
}
