// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MailLog

/// Reads a log to its end, once, for a command that may block: a file, a pipe, or standard input.
package struct LogStream<Reader: LogReader>: ~Copyable {
    private var lines: LineStream
    private var reader = Reader()

    /// - Parameter path: `-` is standard input.
    package init(path: String) throws(LogFileError) { lines = try LineStream(path: path) }

    /// Reads some more.
    /// - Returns: whether there may be more; false at the end, and then all was given.
    package mutating func read(now: UTCTime, _ found: (ObservedSession) -> Void) throws(LogFileError) -> Bool {
        try Self.read(&lines, &reader, now, found)
    }

    private static func read(
        _ lines: inout LineStream, _ reader: inout Reader, _ now: UTCTime, _ found: (ObservedSession) -> Void
    ) throws(LogFileError) -> Bool {
        try lines.read { reader.read($0, now: now, found) }
    }

    /// What the administrator should know of the log.
    package mutating func takeRemarks() -> [String] { reader.takeRemarks() }
}
