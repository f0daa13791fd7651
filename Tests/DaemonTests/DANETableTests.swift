// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("TLSA records in every state: check, milter, map and real Postfixes agree")
struct DANETableTests {
    @Test("without a policy the map has Postfix do what DANE asks of it", arguments: DANETable.rows)
    func open(_ row: DANETable.Row) async throws {
        let seen = try await seen(row, hasPolicy: false)
        #expect(isLevel(row.open, seen.level, row), "\(row.open) expected: \(seen.level)")
        #expect(seen.fates.count == (Postfix.hasDebian13 ? 2 : 1))
        for (number, fates) in seen.fates.enumerated() {
            #expect(fates.alone == word(row.alone), "\(Self.postfixes[number]) alone")
            #expect(fates.withMap == word(row.alone), "\(Self.postfixes[number]) with the map")
        }
        #expect(seen.reply?.isPositive == true, "\(String(describing: seen.reply))")
    }

    @Test("with an enforce policy all conclude the same, and no less is asked", arguments: DANETable.rows)
    func policy(_ row: DANETable.Row) async throws {
        let seen = try await seen(row, hasPolicy: true)
        #expect(isLevel(row.level, seen.level, row), "\(row.level) expected: \(seen.level)")
        #expect(seen.examination?.verdict == row.verdict)
        #expect(seen.examination?.hosts.map(\.word) == row.seen)
        // A doubt is the map's to settle at delivery: the milter lets such mail in.
        let isTaken = row.verdict != "violating"
        #expect(seen.reply?.isPositive == isTaken, "\(String(describing: seen.reply))")
        for (number, fates) in seen.fates.enumerated() {
            #expect(fates.withMap == word(row.fate), "\(Self.postfixes[number]) with the map")
            if fates.alone == "deferred" { #expect(fates.withMap == "deferred", "less than DANE asks") }
        }
    }

    @Test("a milter that judges DANE without a policy holds what DANE would", arguments: DANETable.rows)
    func always(_ row: DANETable.Row) async throws {
        let seen = try await seen(row, hasPolicy: false)
        let reply = try #require(seen.strictReply)
        #expect(reply.code == (row.byMilter == .sent ? 250 : 451), "\(reply)")
        let verdict = seen.strictExamination?.verdict ?? ""
        #expect((row.byMilter == .sent ? ["no-policy"] : ["violating", "unproven"]).contains(verdict), "\(verdict)")
        #expect(reply.isPositive || reply.lines.allSatisfy { $0.contains(" DANE: \(row.name).danelab: ") }, "\(reply)")
    }

    @Test("nothing went in the clear")
    func clear() async throws {
        let clear = try await DANERun.open().clear
        #expect(clear.values.allSatisfy { $0 == 0 }, "\(clear)")
    }

    private static let postfixes = ["Postfix 3.7", "Postfix 3.10"]

    private func seen(_ row: DANETable.Row, hasPolicy: Bool) async throws -> DANERun.Seen {
        try #require(await DANERun.open().seen[DANEWorld.domain(row, hasPolicy: hasPolicy)])
    }

    private func word(_ fate: DANETable.Fate) -> String { fate == .sent ? "sent" : "deferred" }

    private func isLevel(_ level: DANETable.Level, _ answer: String, _ row: DANETable.Row) -> Bool {
        switch level {
        case .daneOnly, .dane, .notFound: answer == level.description
        case .temporary: answer.hasPrefix("TEMP ")
        case .secure(let hosts):
            answer
                == "OK secure match=\(hosts.map { DANEWorld.hostName(row, $0 - 1) }.sorted().joined(separator: ":")) servername=hostname"
        }
    }
}
