// SPDX-License-Identifier: Apache-2.0
import TestKit
import Foundation
import LabKit
import Testing
@testable import Intake

@Suite("A followed log counts each session once")
struct FollowTests {
    @Test("while it grows, a partial line waiting for its end")
    func grows() async throws {
        let world = try FollowedLog()
        try world.scratch.write(PairReader.lines(1...100))
        try await world.follow {
            try await Wait.until("all counted") { world.ledger.numbers == Array(1...100) }
            try world.scratch.write("open 101\ndo")
            try world.scratch.write("ne 101\n")
            try await Wait.until("the next") { world.ledger.numbers == Array(1...101) }
        }
    }

    @Test("over stops at any moment, sessions open at the stop included")
    func restarts() async throws {
        var world = try FollowedLog()
        world.pace.maxSessions = 3
        var count = 0
        for stop in 0..<60 {
            try world.scratch.write("open \(count + 1)\n" + PairReader.lines(count + 2..<count + 30) + "done ")
            try await world.follow {
                try await Wait.until("some progress") { world.ledger.commits > stop }
            }
            try world.scratch.write("\(count + 1)\n")
            count += 29
            if stop.isMultiple(of: 10) { try world.scratch.rename() }
            if stop % 10 == 5 { try world.scratch.copyAndTruncate() }
        }
        try world.scratch.write("\n")
        try await world.follow {
            try? await Wait.until("all counted") { world.ledger.numbers.count >= count }
        }
        let missing = Set(1...count).subtracting(world.ledger.numbers).sorted()
        #expect(missing.isEmpty, "\(world.log.lines)")
        #expect(world.ledger.numbers.sorted() == Array(1...count))
    }

    @Test("from its end when it was never read, a line without its end left out; the next start goes on there")
    func firstStart() async throws {
        var world = try FollowedLog()
        world.beginsAtEnd = true
        try world.scratch.write(PairReader.lines(1...3) + "open 4")
        try await world.follow { try await Wait.until("a mark") { world.ledger.commits > 0 } }
        try world.scratch.write("\ndone 4\n" + PairReader.lines(5...6))
        try await world.follow { try await Wait.until("two counted") { world.ledger.numbers.count == 2 } }
        #expect(world.ledger.numbers == [5, 6])
    }

    @Test("from the first line of a log that was not there yet, also after a restart")
    func missing() async throws {
        var world = try FollowedLog()
        world.beginsAtEnd = true
        try await world.follow { try await Wait.until("a mark") { world.ledger.commits > 0 } }
        #expect(world.status.text?.contains("no such file") == true)
        try world.scratch.write(PairReader.lines(1...2))
        try await world.follow { try await Wait.until("both counted") { world.ledger.numbers == [1, 2] } }
        #expect(world.status.text == nil)
        #expect(world.log.lines.filter { $0.contains("cannot be read") && $0.contains("no such file") }.count == 1)
    }

    @Test(
        "and what stands in a log's place is named once, until a log comes",
        arguments: [("mkdir", "a directory"), ("mkfifo", "a named pipe")])
    func notAFile(_ command: String, _ kind: String) async throws {
        let world = try FollowedLog()
        try world.scratch.write(PairReader.lines(1...1))
        try await world.follow {
            try await Wait.until("counted") { world.ledger.numbers == [1] }
            try world.scratch.rename()
            if command == "mkdir" { mkdir(world.scratch.log, 0o755) } else { mkfifo(world.scratch.log, 0o644) }
            try await Wait.until("a warning") { world.log.lines.contains { $0.contains(kind) } }
            #expect(world.status.text?.contains(kind) == true)
            _ = remove(world.scratch.log)
            try world.scratch.write(PairReader.lines(2...2))
            try await Wait.until("counted") { world.ledger.numbers == [1, 2] }
            #expect(world.status.text == nil)
        }
        #expect(world.log.lines.filter { $0.hasPrefix("warning") }.count == 1)
    }

    @Test("lines that cannot be read are counted in the status, and warned of once")
    func unread() async throws {
        let world = try FollowedLog()
        try world.scratch.write("unread first\nunread second\n" + PairReader.lines(1...2))
        try await world.follow {
            try await Wait.until("counted") { world.ledger.numbers == [1, 2] }
            try world.scratch.write("unread third\n" + PairReader.lines(3...3))
            try await Wait.until("counted") { world.ledger.numbers == [1, 2, 3] }
        }
        #expect(world.status.unread.count == 3 && world.status.unread.sample == "first")
        #expect(world.status.sessions == 3)
        #expect(world.status.lines == PairReader.lines(1...3).count { $0 == "\n" })
        let lines = world.log.lines.filter { $0.contains("tell of sessions and cannot be read") }
        #expect(lines.count == 1 && lines.first?.contains("line=first") == true)
    }

    @Test("when the disk is full: reading waits, warns once, and goes on")
    func fullDisk() async throws {
        let world = try FollowedLog()
        try world.scratch.write(PairReader.lines(1...10))
        world.ledger.isFull = true
        try await world.follow {
            try await Wait.until("retries") { world.ledger.refused > 3 }
            #expect(world.status.text?.contains("reading waits") == true)
            world.ledger.isFull = false
            try await Wait.until("counted") { world.ledger.numbers == Array(1...10) }
            world.ledger.isFull = true
            let refused = world.ledger.refused
            try world.scratch.write(PairReader.lines(11...20))
            try await Wait.until("retries") { world.ledger.refused > refused + 3 }
            try world.scratch.rename()
            try world.scratch.write(PairReader.lines(21...30))
        }
        world.ledger.isFull = false
        try await world.follow {
            try await Wait.until("counted") { world.ledger.numbers == Array(1...30) }
        }
        #expect(world.log.lines.filter { $0.hasPrefix("warning") }.count == 2)
        #expect(world.log.lines.contains { $0.contains("reading goes on") })
    }

    @Test("between binary octets and lines without end, with a clock that runs back")
    func hostile() async throws {
        let world = try FollowedLog()
        let noise = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }
        try world.scratch.write(PairReader.lines(1...1))
        try world.scratch.write(noise + [10])
        try world.scratch.write(PairReader.lines(2...2))
        try world.scratch.write([UInt8](repeating: 0, count: 1 << 20) + [10])
        try await world.follow {
            try await Wait.until("counted") { world.ledger.numbers == [1, 2] }
            world.clock.advance(by: .seconds(-200_000))
            try world.scratch.write(PairReader.lines(3...3))
            try await Wait.until("counted") { world.ledger.numbers == [1, 2, 3] }
        }
    }

    @Test("and what is stamped in another time counts for no day, and it is said once")
    func otherTimes() async throws {
        let world = try FollowedLog()
        let day: Int64 = 86_400
        var lines = PairReader.lines(1...1)
        for (number, offset) in [-1_790_000_000, -6 * day, 3 * day, 250_000_000_000, .max / 2].enumerated() {
            lines += "offset \(offset)\n" + PairReader.lines([10 + number])
        }
        try await world.follow {
            try world.scratch.write(lines + "offset \(-4 * day)\n" + PairReader.lines(2...2))
            try await Wait.until("counted") { world.ledger.numbers == [1, 2] }
            try world.scratch.write("offset \(9 * day)\n" + PairReader.lines(20...20) + "offset 0\n")
            try world.scratch.write(PairReader.lines(3...3))
            try await Wait.until("counted") { world.ledger.numbers == [1, 2, 3] }
        }
        let said = world.log.lines.filter { $0.contains("sessions of another time are not counted") }
        #expect(said.count == 1 && said[0].contains("sessions=5"), "\(said)")
    }

    @Test("and what the reader remarks is logged once")
    func remarks() async throws {
        let world = try FollowedLog()
        try world.scratch.write("remark tlsless\n")
        try await world.follow {
            try await Wait.until("a remark") { world.log.lines.contains { $0.contains("tlsless") } }
            try world.scratch.write(PairReader.lines(1...1))
            try await Wait.until("counted") { world.ledger.numbers == [1] }
        }
        #expect(world.log.lines.filter { $0.contains("tlsless") }.count == 1)
    }

    @Test("a state of another version keeps its place")
    func otherState() async throws {
        let world = try FollowedLog()
        try world.scratch.write(PairReader.lines(1...5))
        try await world.follow { try await Wait.until("counted") { world.ledger.numbers.count == 5 } }
        let mark = try #require(try await world.ledger.mark(of: "postfix-log \(world.scratch.log)"))
        let text = String(decoding: mark.state, as: UTF8.self).replacing("\"open\"", with: "\"was\"")
        try await world.ledger.commit([], mark: .init(source: mark.source, state: Array(text.utf8)))
        try world.scratch.write(PairReader.lines(6...6))
        try await world.follow { try await Wait.until("counted") { world.ledger.numbers.count == 6 } }
        #expect(world.ledger.numbers == Array(1...6))
    }

    @Test(
        "and a log that cannot be read is told with its cure",
        arguments: [(EACCES, "not permitted", "adm"), (ENOENT, "no such file", "there"), (EIO, "error", "file system")])
    func errors(_ code: Int32, _ what: String, _ cure: String) {
        let error = LogFileError(code: code)
        #expect("\(error)".contains(what))
        #expect(error.cure.contains(cure))
    }

    @Test("a mark that no file can have is passed over")
    func badMark() throws {
        let scratch = try LogScratch()
        try scratch.write("a\n")
        let file = try LogFile(scratch.log)
        for offset in [-1, 3, Int64.max] {
            var mark = try file.start()
            mark.offset = offset
            #expect(!file.continues(mark))
        }
        let head = try JSONDecoder().decode(LogFileHead.self, from: Data(#"{"count":-1,"hash":0}"#.utf8))
        var mark = try file.start()
        mark.head = head
        #expect(!file.continues(mark))
    }

    @Test("a stream is read to its end, the last line without its end included")
    func stream() throws {
        let scratch = try LogScratch()
        try scratch.write(PairReader.lines(1...9) + "open 10\ndone 10")
        var stream = try LogStream<PairReader>(path: scratch.log)
        var found: [String] = []
        while let sessions = try stream.next(now: TestClock().now) { found += sessions.map { $0.queueID ?? "" } }
        #expect(found == (1...10).map(String.init))
        #expect(throws: LogFileError.missing) { _ = try LogStream<PairReader>(path: "/nowhere").self }
    }
}
