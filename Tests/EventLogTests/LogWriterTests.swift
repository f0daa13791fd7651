// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
@testable import EventLog
import Foundation
import Glibc
import LabKit
import Testing
@testable import Daemon

@Suite("The log's reader holds up nobody")
struct LogWriterTests {
    private static let line = String(repeating: "x", count: 100)

    private func pipe() -> (reader: FileHandle, writer: Int32) {
        let pipe = Pipe()
        let writer = dup(pipe.fileHandleForWriting.fileDescriptor)
        try? pipe.fileHandleForWriting.close()
        return (pipe.fileHandleForReading, writer)
    }

    @Test("while nobody reads, memory is bounded, warnings are kept longest, and an end has a deadline")
    func stuck() async throws {
        let (reader, descriptor) = pipe()
        let writer = LogWriter(descriptor: descriptor)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for number in 0..<6000 {
                writer.write(Self.line, to: .stream(prefix: "info: "), number.isMultiple(of: 9) ? .urgent : .ordinary)
            }
        }
        #expect(writer.waitingBytes <= LogWriter.limitBytes)
        for number in 0..<100 { writer.write("w\(number)", to: .stream(prefix: "warning: "), .grave) }
        #expect(writer.waitingBytes > LogWriter.limitBytes - 1000)
        for _ in 0..<10_000 { writer.write(Self.line, to: .stream(prefix: "error: "), .grave) }
        #expect(writer.waitingBytes <= LogWriter.limitBytes + LogWriter.reserveBytes)
        #expect(!writer.flush(within: .milliseconds(100)))

        // There is a reader at last: it gets what was kept, and hears of the rest.
        let text = Locked("")
        DispatchQueue(label: "reader").async {
            while case let data = reader.availableData, !data.isEmpty {
                text.withLock { $0 += String(decoding: data, as: UTF8.self) }
            }
        }
        #expect(writer.flush(within: .seconds(30)))
        writer.write("after", to: .stream(prefix: "info: "), .urgent)
        #expect(writer.flush(within: .seconds(30)))
        try await Wait.until("all is read") { text.withLock { $0.contains("info: after\n") } }
        close(descriptor)
        let read = text.withLock { $0 }
        for number in 0..<100 { #expect(read.contains("warning: w\(number)\n")) }
        #expect(read.contains(" log lines dropped, ") && read.contains(" of them warnings or errors"))
        #expect(writer.waitingBytes == 0)
    }

    @Test("lines come in their order")
    func order() throws {
        let (reader, descriptor) = pipe()
        let writer = LogWriter(descriptor: descriptor)
        let numbers = Array(0..<500)
        for number in numbers {
            writer.write(
                "\(number)", to: .stream(prefix: ""), number.isMultiple(of: 7) ? .urgent : .ordinary)
        }
        #expect(writer.flush())
        close(descriptor)
        let read = String(decoding: reader.readDataToEndOfFile(), as: UTF8.self)
        #expect(read.split(separator: "\n").compactMap { Int($0) } == numbers)
    }
}
