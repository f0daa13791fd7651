// SPDX-License-Identifier: Apache-2.0
import Glibc
import MTASTS
import Names

/// Reads a log to its end, once, for a command that may block: a file, a pipe, or standard input.
package struct LogStream<Reader: LogReader>: ~Copyable {
    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private var buffer = LineBuffer()
    private var reader = Reader()

    /// - Parameter path: `-` is standard input.
    package init(path: String) throws(LogFileError) {
        ownsDescriptor = path != "-"
        descriptor = ownsDescriptor ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO
        guard descriptor >= 0 else { throw LogFileError(code: errno) }
    }

    deinit { if ownsDescriptor { close(descriptor) } }

    /// Reads some more.
    /// - Returns: whether there may be more; false at the end, and then all was given.
    package mutating func read(now: UTCTime, _ found: (ObservedSession) -> Void) throws(LogFileError) -> Bool {
        let descriptor = descriptor
        let count = buffer.fill { room in
            var count = Glibc.read(descriptor, room.baseAddress, room.count)
            while count < 0, errno == EINTR { count = Glibc.read(descriptor, room.baseAddress, room.count) }
            return count
        }
        guard count >= 0 else { throw LogFileError(code: errno) }
        Self.pass(&buffer, &reader, isEnd: count == 0, now, found)
        return count > 0
    }

    private static func pass(
        _ buffer: inout LineBuffer, _ reader: inout Reader, isEnd: Bool, _ now: UTCTime,
        _ found: (ObservedSession) -> Void
    ) {
        let give = { (lines: UnsafeRawBufferPointer) in reader.read(lines, now: now, found) }
        _ = isEnd ? buffer.takeRest(give) : buffer.takeLines(give)
    }

    /// What the administrator should know of the log.
    package mutating func takeRemarks() -> [String] { reader.takeRemarks() }
}
