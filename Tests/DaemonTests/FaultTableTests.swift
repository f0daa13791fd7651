// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing

@Suite("On a real Postfix, gate alone and gate with map: the fault table of docs/security.md")
struct FaultTableTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("what becomes of the mail is what the table says", arguments: FaultTable.rows)
    func fate(_ row: FaultTable.Row) async throws {
        let run = try await FaultRun.open()
        for column in FaultTable.Column.allCases where row.fates[column] != .none {
            let outcome = try run.outcome(row, column)
            #expect(
                outcome.isFate(row.fates[column]),
                "\(row.name), \(column.text): \(row.fates[column].text) expected; \(outcome)")
        }
    }

    @Test("no mail for a known enforce policy went in the clear, but by the operator's own setting")
    func nothingInTheClear() async throws {
        let run = try await FaultRun.open()
        for row in FaultTable.rows {
            for column in FaultTable.Column.allCases where column.isKnown {
                if case .setting = row.fates[column] { continue }
                let outcome = try run.outcome(row, column)
                #expect(!outcome.wasInTheClear, "\(row.name), \(column.text): \(outcome)")
            }
        }
    }

    @Test("nothing hostile is logged as it came")
    func log() async throws {
        let log = try await FaultRun.open().log
        #expect(!log.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0 == "\u{7F}" || $0 == "\u{202E}" })
    }

    @Test("a known enforce policy lets mail go by verified TLS or by the operator's own setting only")
    func promise() {
        let cells = FaultTable.rows.map(\.fates) + FaultTable.elsewhere.map(\.fates)
        #expect(cells.count * FaultTable.Column.allCases.count >= 60)
        for fates in cells {
            for column in FaultTable.Column.allCases where column.isKnown { #expect(fates[column] != .noPolicy) }
        }
        #expect(Set(FaultTable.rows.map(\.name)).count == FaultTable.rows.count)
    }

    /// With `STS_LAB_WRITE` in the environment the document's table is written anew first.
    @Test("the document says what the tests say, cell by cell")
    func document() throws {
        let file = Self.root.appending(path: "docs/security.md")
        var document = try String(contentsOf: file, encoding: .utf8)
        if ProcessInfo.processInfo.environment["STS_LAB_WRITE"] != nil, let table = document.range(of: "### ") {
            document = document[..<table.lowerBound] + FaultTable.document
            try document.write(to: file, atomically: true, encoding: .utf8)
        }
        for attacker in FaultTable.Attacker.allCases {
            guard let start = document.range(of: "### \(attacker.rawValue)\n") else {
                Issue.record("docs/security.md has no section \(attacker.rawValue)")
                continue
            }
            let section = document[start.upperBound...].prefix(while: { $0 != "#" })
            let lines = section.split(separator: "\n").filter { $0.hasPrefix("|") }.map(String.init)
            let expected = FaultTable.lines(of: attacker)
            for line in expected where !lines.contains(line) { Issue.record("docs/security.md lacks: \(line)") }
            for line in lines where !expected.contains(line) { Issue.record("no test says: \(line)") }
        }
    }
}
