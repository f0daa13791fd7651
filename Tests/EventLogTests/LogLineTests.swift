// SPDX-License-Identifier: Apache-2.0
@testable import EventLog
import Foundation
import Logging
import Testing

@Suite("A line of the log")
struct LogLineTests {
    private static let long = String(repeating: "v", count: 400)

    @Test(
        "has its values escaped, in the same way whoever makes it",
        arguments: [
            ("plain", "plain"), ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""), ("a\"b", "\"a'b\""),
            ("\"\"", "\"''\""),
            ("a\nb", "a\\x0Ab"), ("a\u{1B}[31m b", "\"a\\x1B[31m b\""), ("\u{0}", "\\x00"), ("\u{7F}", "\\x7F"),
            ("é", "\\xC3\\xA9"), ("a\\b", "a\\x5Cb"), ("a\\x1B", "a\\x1B"), ("\\x41", "\\x5Cx41"), ("~!'", "~!'"),
            (long, long), (long + "v", long + "..."), (long + " ", long + "..."),
            (" " + long, "\" " + long.dropFirst() + "...\""),
            (String(repeating: "\n", count: 100), String(repeating: "\\x0A", count: 100)),
            (String(repeating: "\n", count: 101), String(repeating: "\\x0A", count: 100) + "..."),
        ])
    func values(_ value: String, _ written: String) throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let sink = LogSink(writer: writer, level: .info, target: .stderr, hasJournal: true)
        var line = LogLine()
        line.begin("text of")
        line.append("key", value)
        sink.write(line, .notice)
        let logger = Logger(label: "test") { _ in LineLogHandler(sink: sink) }
        logger.notice("text of", metadata: ["key": .string(value)])
        #expect(writer.flush())
        let read = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        #expect(read == String(repeating: "<5>text of key=\(written)\n", count: 2))
    }

    @Test("is made again in place of the one before")
    func again() {
        var line = LogLine()
        var other = LogLine()
        other.begin("one b")
        for _ in 0..<2 {
            line.begin("one")
            line.append("a", "12345", limit: 3)
            line.append(3..<5, of: other)
            #expect(line.withOctets { String(decoding: $0, as: UTF8.self) } == "one a=123... b")
        }
        line.removeAll()
        #expect(line.count == 0)
    }

    @Test("begins with its level, or with its priority for the journal", arguments: Logger.Level.allCases)
    func prefix(_ level: Logger.Level) throws {
        let priorities = [7, 7, 6, 5, 4, 3, 2]
        for hasJournal in [false, true] {
            let pipe = Pipe()
            let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
            let sink = LogSink(writer: writer, level: level, target: .stderr, hasJournal: hasJournal)
            #expect(sink.level == level)
            let place = try #require(Logger.Level.allCases.firstIndex(of: level))
            for (number, other) in Logger.Level.allCases.enumerated() {
                #expect(sink.takes(other) == (number >= place))
            }
            Logger(label: "test") { _ in LineLogHandler(sink: sink) }.log(level: level, "text")
            #expect(writer.flush())
            let read = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            #expect(read == (hasJournal ? "<\(priorities[place])>" : "\(level): ") + "text\n")
        }
    }
}
