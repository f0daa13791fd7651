// SPDX-License-Identifier: Apache-2.0
@testable import SMTP
@testable import Events
import Testing

@Suite("Lines are cut out of a stream within a limit")
struct LineBufferTests {
    @Test("CR LF and LF both end a line, however the octets arrive")
    func lines() throws {
        var buffer = LineBuffer()
        var lines: [String] = []
        for byte in "220 one\r\n250 two\n\r\nrest".utf8 {
            buffer.append([byte])
            while let line = try buffer.takeLine(limit: 100) { lines.append(String(decoding: line, as: UTF8.self)) }
        }
        #expect(lines == ["220 one", "250 two", ""])
        #expect(!buffer.isEmpty)
    }

    @Test("A line over the limit is an error, complete or not")
    func tooLong() {
        for text in ["123456", "123456\n"] {
            var buffer = LineBuffer()
            buffer.append(Array(text.utf8))
            #expect(throws: StreamError.lineTooLong) { try buffer.takeLine(limit: 5) }
        }
    }

    @Test("A line is cut where it may be, and the next one begins behind its end")
    func cut() {
        var buffer = LineBuffer()
        var lines: [String] = []
        for byte in "123456789\r\n12345\r\n1234\n\n".utf8 {
            buffer.append([byte])
            while let line = buffer.takeLine(cutTo: 5) { lines.append(String(decoding: line, as: UTF8.self)) }
        }
        #expect(lines == ["12345", "12345", "1234", ""])
        buffer.append(Array((String(repeating: "x", count: 10_000) + "\nnext\n").utf8))
        #expect(buffer.takeLine(cutTo: 5) == Array("xxxxx".utf8))
        #expect(buffer.takeLine(cutTo: 5) == Array("next".utf8))
    }
}

@Suite("The nearest deadline comes first")
struct DeadlineHeapTests {
    @Test("Entries leave in order of time")
    func order() {
        let start = ContinuousClock.now
        var heap = DeadlineHeap()
        for token in (0..<500).map({ UInt($0) }).shuffled() {
            heap.insert(.init(deadline: start + .seconds(Int(token)), token: token))
        }
        var tokens: [UInt] = []
        while let entry = heap.removeNearest() { tokens.append(entry.token) }
        #expect(tokens == (0..<500).map { UInt($0) })
    }
}
