// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MailLog

/// Reads a log to its end, once, for a command that may block: a file, a pipe, or standard input.
package struct LogStream<Reader: LogReader>: ~Copyable {
    private var lines: LineStream
    private var reader = Reader()

    /// - Parameter path: `-` is standard input.
    /// - Parameter settings: what the reader is told of the MTA.
    package init(path: String, reading settings: LogReaderSettings = LogReaderSettings()) throws(LogFileError) {
        lines = try LineStream(path: path)
        reader.settings = settings
    }

    /// Whether a line was passed over since it was longer than ``LineStream/maxLineOctets``.
    package var hasPassedOver: Bool { lines.hasPassedOver }

    /// Reads some more.
    /// - Returns: the sessions found in it; nil at the end.
    package mutating func next(now: UTCTime) throws(LogFileError) -> [ObservedSession]? {
        var sessions: [ObservedSession] = []
        let isMore = try Self.read(&lines, &reader, now, &sessions)
        return isMore || !sessions.isEmpty ? sessions : nil
    }

    /// Apart from `self`, of which the buffer lends its lines while the reader takes them.
    private static func read(
        _ lines: inout LineStream, _ reader: inout Reader, _ now: UTCTime, _ sessions: inout [ObservedSession]
    ) throws(LogFileError) -> Bool {
        try lines.read { reader.read($0, now: now, into: &sessions) }
    }

    /// What the administrator should know of the log.
    package mutating func takeRemarks() -> [String] { reader.takeRemarks() }

    /// What tells of sessions and could not be read; nil if all could.
    package mutating func takeUnread() -> UnreadLines? { reader.takeUnread() }
}
