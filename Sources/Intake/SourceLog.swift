// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import MailLog

/// Why a source cannot be read now, or something in it. Reading waits, and goes on by itself.
enum SourceWarning: RepeatedWarning {
    case placeUnreadable, countsNotKept, journalUnreadable, linesUnread

    var message: Logger.Message {
        switch self {
        case .placeUnreadable: "the place in a log cannot be read, reading waits"
        case .countsNotKept: "what a log says cannot be kept, reading waits"
        case .journalUnreadable: "the journal cannot be read"
        case .linesUnread: "lines of a log tell of sessions and cannot be read, those are not counted"
        }
    }
}

/// What is logged of one source, and shown of it in the status.
struct SourceLog: Sendable {
    let source: String
    let status: SourceStatus
    /// Names the source in each line.
    let logger: Logger
    private let warnings: RateLimitedLog<SourceWarning>

    init(source: String, status: SourceStatus, logger: Logger) {
        self.source = source
        self.status = status
        var logger = logger
        logger[metadataKey: "source"] = "\(printable(source))"
        self.logger = logger
        warnings = RateLimitedLog(logger: logger)
    }

    /// Says that reading waits.
    func warn(_ warning: SourceWarning, _ error: any Error) {
        status.set(problem: "\(warning.message): \(error)")
        warnings.warn(warning, ["cause": "\(error)"])
    }

    /// Says that lines were passed over which should not have been.
    func warn(_ unread: UnreadLines) {
        status.add(unread)
        warnings.warn(.linesUnread, times: unread.count, ["line": "\(unread.sample)"])
    }

    /// Says that reading goes on, if it was said that it waits.
    func end(_ warning: SourceWarning) {
        guard warnings.end(warning) else { return }
        status.clear()
        logger.notice("reading goes on")
    }
}
