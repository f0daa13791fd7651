// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
@testable import EventLog
import Foundation
import Glibc
import LabKit
import Testing

@Suite("The log's reader holds up nobody")
struct LogWriterTests {
    private static let line = String(repeating: "x", count: 100)

    private func pipe() -> (reader: FileHandle, writer: Int32) {
        let pipe = Pipe()
        let writer = dup(pipe.fileHandleForWriting.fileDescriptor)
        try? pipe.fileHandleForWriting.close()
        return (pipe.fileHandleForReading, writer)
    }

    @Test("while nobody reads, memory is bounded, no warning gives way to other lines, and an end has a deadline")
    func stuck() async throws {
        let (reader, descriptor) = pipe()
        let writer = LogWriter(descriptor: descriptor)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for number in 0..<9000 { writer.write(Self.line, prefix: "info: ", number % 9 == 0 ? .urgent : .ordinary) }
        }
        #expect(writer.waitingBytes <= WaitingLines.ordinaryLimitBytes)
        #expect(writer.waitingBytes > WaitingLines.ordinaryLimitBytes - 1000)
        // More than what is kept free for them: other lines make way.
        let graveCount = 25_000
        for number in 0..<graveCount {
            writer.write("w\(number) \(Self.line)", prefix: "warning: ", .grave)
            writer.write(Self.line, prefix: "info: ", .ordinary)
        }
        #expect(writer.waitingBytes <= WaitingLines.limitBytes)
        #expect(!writer.flush(within: .milliseconds(100)))

        // There is a reader at last: it gets what was kept, and hears of the rest.
        let read = Locked<[UInt8]>([])
        DispatchQueue(label: "reader").async {
            while case let data = reader.availableData, !data.isEmpty { read.withLock { $0 += data } }
        }
        #expect(writer.flush(within: .seconds(30)))
        writer.write("after", prefix: "info: ", .urgent)
        #expect(writer.flush(within: .seconds(30)))
        try await Wait.until("all is read") { read.withLock { $0.suffix(12).elementsEqual("info: after\n".utf8) } }
        close(descriptor)
        let lines = String(decoding: read.withLock { $0 }, as: UTF8.self).split(separator: "\n")
        let numbers = lines.filter { $0.hasPrefix("warning: w") }.compactMap {
            Int($0.dropFirst("warning: w".count).prefix { $0 != " " })
        }
        #expect(numbers == Array(0..<graveCount))
        let notices = lines.filter { $0.hasSuffix(" log lines dropped, the reader of the log is too slow") }
        let dropped = notices.compactMap { Int($0.split(separator: " ")[1]) }.reduce(0, +)
        let infos = lines.filter { $0.hasPrefix("info: x") }.count
        #expect(dropped + infos == 4 * 9000 + graveCount)
        #expect(writer.waitingBytes == 0)
    }

    @Test("lines of all ranks come in their order")
    func order() throws {
        let (reader, descriptor) = pipe()
        let writer = LogWriter(descriptor: descriptor)
        let numbers = Array(0..<500)
        for number in numbers {
            writer.write(
                "\(number)", prefix: "",
                number.isMultiple(of: 7) ? .urgent : number.isMultiple(of: 5) ? .grave : .ordinary)
        }
        #expect(writer.flush())
        close(descriptor)
        let read = String(decoding: reader.readDataToEndOfFile(), as: UTF8.self)
        #expect(read.split(separator: "\n").compactMap { Int($0) } == numbers)
    }

    @Test(
        "a line leaves without another one behind it, whatever its rank",
        arguments: [LogRank.ordinary, .urgent, .grave])
    func alone(_ rank: LogRank) throws {
        let (reader, descriptor) = pipe()
        let writer = LogWriter(descriptor: descriptor)
        for number in 0..<3 {
            writer.write("\(number)", prefix: "", rank)
            #expect(String(decoding: reader.availableData, as: UTF8.self) == "\(number)\n")
        }
        close(descriptor)
    }

    @Test("a descriptor that does not block is waited for")
    func nonblocking() throws {
        let (reader, descriptor) = pipe()
        #expect(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
        let writer = LogWriter(descriptor: descriptor)
        for _ in 0..<10_000 { writer.write(Self.line, prefix: "", .ordinary) }
        let read = Locked(0)
        DispatchQueue(label: "reader").async {
            while case let data = reader.availableData, !data.isEmpty { read.withLock { $0 += data.count } }
        }
        #expect(writer.flush(within: .seconds(30)))
        close(descriptor)
    }
}
