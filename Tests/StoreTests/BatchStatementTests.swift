// SPDX-License-Identifier: Apache-2.0
import SQLite
import Testing
@testable import Store

@Suite("A statement of a batch has what was bound, however long the texts are, and nothing of the run before")
struct BatchStatementTests {
    private func text(_ octets: Int) -> String {
        String((0..<octets).map { Character(Unicode.Scalar(0x61 + UInt8($0 % 26))) })
    }

    @Test(
        "texts about as long as there is room for, and longer",
        arguments: [
            [0, 0], [1, 0], [0, 1], [4095, 1], [4096, 0], [4096, 1], [4097, 1], [2000, 3000], [70_000, 4096],
        ])
    func lengths(_ lengths: [Int]) async throws {
        let texts = lengths.map(text)
        let found = try await Scratch().store().write { db in
            try db.execute(sql: "CREATE TABLE pair (a TEXT, b TEXT)")
            let insert = try BatchStatement(db, "INSERT INTO pair VALUES (?, ?)")
            for texts in [texts, texts.reversed(), ["x", "y"], texts] {
                try insert.bind(1, texts[0])
                try insert.bind(2, texts[1])
                try insert.run()
            }
            return try Row.fetchAll(db, sql: "SELECT a, b FROM pair ORDER BY rowid").map { row -> [String] in
                [row[0], row[1]]
            }
        }
        #expect(found == [texts, texts.reversed(), ["x", "y"], texts])
    }

    @Test("a text ends at its first NUL, and what is not bound again is NULL")
    func ends() async throws {
        let found = try await Scratch().store().write { db in
            let select = try BatchStatement(db, "SELECT ifnull(length(CAST(? AS BLOB)), -1)")
            var lengths: [Int64] = []
            for text in ["", "\0", "a\0b", "ab"] {
                try select.bind(1, text)
                try select.run { lengths.append($0.integer(0)) }
            }
            try select.run { lengths.append($0.integer(0)) }
            return lengths
        }
        #expect(found == [0, 0, 1, 2, -1])
    }
}
