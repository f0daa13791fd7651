// SPDX-License-Identifier: Apache-2.0
import EventLog
import Glibc
import Logging
import TestKit

/// The log as an operator reads it, in a file.
final class WrittenLog: Sendable {
    private let directory: TemporaryDirectory
    private let descriptor: Int32
    private let writer: LogWriter
    let sink: LogSink

    init(_ level: Logger.Level = .info) throws {
        directory = try TemporaryDirectory()
        descriptor = open(directory.path + "/log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        // Sessions write lines for as long as they live: none may go to what takes the number next.
        writer = LogWriter(descriptor: descriptor, ownsDescriptor: true)
        sink = LogSink(writer: writer, level: level, target: .stderr, hasJournal: false)
    }

    var logger: Logger { Logger(label: "test") { _ in LineLogHandler(sink: self.sink) } }

    /// The lines written so far.
    var lines: [String] {
        writer.flush()
        var octets = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(descriptor, &octets, octets.count, 0)
        return String(decoding: octets.prefix(max(count, 0)), as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
