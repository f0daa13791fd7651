// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip
import TLSRPT
import Testing
@testable import Reporting

@Suite("A file of counts is read strictly, in bounded memory")
struct CountsFileTests {
    private static let node = String(repeating: "4f", count: 16)
    private static let head =
        #"{"day":"2026-11-23","host":"mx2.example.org","machine":"","node":"\#(node)","number":7,"sts-milter-counts":1}"#
    private static let line =
        #"{"details":[],"domain":"a.example","failures":0,"policy":{"mx-host":[],"policy-string":[],"#
        + #""policy-type":"no-policy-found"},"successes":5}"#

    /// - Parameter step: octets that a read gives at most.
    private func read(_ octets: [UInt8], step: Int = 7) throws -> [CountsEntry] {
        var rest = octets[...]
        let reader = CountsReader { room in
            let piece = rest.prefix(min(step, room.count))
            room.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
        var entries: [CountsEntry] = []
        while let (entry, _) = try reader.next() { entries.append(entry) }
        return entries
    }

    private func read(_ lines: String...) throws -> [CountsEntry] {
        try read(Array(lines.joined(separator: "\n").utf8))
    }

    private func octets(_ entries: [CountsEntry]) throws -> [UInt8] {
        var octets: [UInt8] = []
        for entry in entries { octets += try entry.octets + [0x0A] }
        return octets
    }

    private func document(_ domain: String = "a.example") throws -> [CountsEntry] {
        let day = try #require(UTCDay("2026-11-23"))
        var tally = Tally(successes: 5, failures: 3)
        tally.details[FailureDetails(.certificateExpired, receivingMXHostname: "mx.a.example", reasonCode: "é\n\"")] = 2
        tally.details[FailureDetails(type: .unknown("newer-type"))] = 1
        let policy = ReportedPolicy(
            .sts, domain: domain, strings: ["version: STSv1", "mode: enforce"], mxHosts: ["*.b"])
        return [
            .head(
                CountsHead(
                    day: day, node: Self.node, machine: String(repeating: "a", count: 16),
                    host: try DomainName("mx2.example.org"), number: 1_790_000_000)),
            .line(CountsLine(domain: try DomainName(domain), result: PolicyResult(policy, tally))), .end(lines: 1),
        ]
    }

    @Test("what was written is read again, plain or compressed, one document or several, in pieces of any size")
    func roundTrip() throws {
        let entries = try document() + document("b.example")
        let file = try octets(entries)
        for step in [1, 7, 1 << 20] {
            #expect(try read(file, step: step) == entries)
            #expect(try read(compress(file), step: step) == entries)
        }
        // As cat(1) puts files together.
        let half = try octets(document())
        #expect(try read(compress(half) + compress(half)) == document() + document())
    }

    @Test(
        "what is not whole or not true is refused with its line",
        arguments: [
            ([], "line 1: the file ends too early"),
            ([head, ""], "line 2: the file ends too early"),
            ([head, line, ""], "line 3: the file ends too early"),
            ([head, line, #"{"end":1}"#], "line 3: the file ends too early"),
            ([head, line, #"{"end":2}"#, ""], "line 3: 1 lines instead of 2"),
            ([head, line, #"{"end":-1}"#, ""], "line 3: a number of lines below 0"),
            ([line, ""], "line 1: a line that belongs to no day"),
            ([head, head, ""], "line 2: a day begins before the one before has ended"),
            ([head, "", ""], "line 2: no line of a file of counts of version 1"),
            (["Hello", ""], "line 1: no line of a file of counts of version 1"),
            ([head.replacing(#"s":1}"#, with: #"s":2}"#), ""], "line 1: version 2, and this program reads 1 only"),
            ([head.replacing("-23", with: "-33"), ""], "line 1: '2026-11-33' is no day"),
            ([head.replacing("4f4f", with: "4F4f"), ""], "line 1: no identity of a machine"),
            ([head.replacing("mx2.example.org", with: "\\u001b[2J"), ""], #"line 1: '\x1B[2J' is no name of a host"#),
            ([head.replacing(":7,", with: ":0,"), ""], "line 1: a number of the export below 1"),
            ([head, line.replacing("a.example", with: "a..example"), ""], "line 2: 'a..example' is no domain"),
            ([head, line.replacing(":5", with: ":-5"), ""], "line 2: a number of sessions that nobody can have had"),
            (
                [head, line.replacing(":5", with: ":9223372036854775807"), ""],
                "line 2: a number of sessions that nobody can have had"
            ),
            ([head, line.replacing(":5", with: ":1e99"), ""], "line 2: no line of a file of counts of version 1"),
            ([head, line.replacing("no-policy-found", with: "magic"), ""], "line 2: 'magic' is no type of a policy"),
            (
                [
                    head,
                    line.replacing("[],\"domain", with: #"[{"result-type":"x","failed-session-count":1}],"domain"#), "",
                ],
                "line 2: more sessions in the kinds of failure than failed"
            ),
        ] as [([String], String)])
    func refused(lines: [String], problem: String) throws {
        let error = #expect(throws: CountsFileError.self) { try read(Array(lines.joined(separator: "\n").utf8)) }
        #expect(error?.description.hasPrefix(problem + "; nothing of the file was taken") == true, "\(error as Any)")
    }

    @Test("a line without end is refused before it is held, and so is gzip that ends too early")
    func bounds() throws {
        var given = 0
        let endless = CountsReader { room in
            room.initializeMemory(as: UInt8.self, repeating: 0x20)
            given += room.count
            return room.count
        }
        #expect(throws: CountsFileError.self) { try endless.next() }
        #expect(given < CountsReader.maxLineOctets + (1 << 20))
        let file = try compress(octets(document()))
        #expect(throws: CountsFileError.self) { try read(Array(file.dropLast(12))) }
        // A bomb: one line of blanks.
        let bomb = try compress([UInt8](repeating: 0x20, count: CountsReader.maxLineOctets * 4))
        #expect(throws: CountsFileError.self) { try read(bomb, step: 1 << 16) }
        let unreadable = CountsReader { _ in -1 }
        #expect(throws: CountsFileError.self) { try unreadable.next() }
    }
}
