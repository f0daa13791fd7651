// SPDX-License-Identifier: Apache-2.0
import Core
import Logging
import MailLog

/// Follows a log file as it grows and is rotated, and counts each of its sessions exactly once.
///
/// A stop at any moment, `kill -9` included, is the same: what was not committed is read again. So there is nothing to
/// do at an orderly stop.
package struct LogFollower<Reader: LogReader>: Sendable {
    private typealias Lines = CheckpointedReader<Reader, LogFileMark>

    private let path: String
    private let ports: IntakePorts
    private let log: SourceLog
    private let pace: IntakePace
    private let beginsAtEnd: Bool
    private let reading: LogReaderSettings

    /// - Parameters:
    ///   - kind: what the log is read as: one file may be followed for two MTAs.
    ///   - reading: what its reader is told of the MTA.
    ///   - beginsAtEnd: whether a log that was never read counts from now on, or from its first line.
    package init(
        _ kind: ObservedSession.Source, path: String, reading: LogReaderSettings = LogReaderSettings(),
        beginsAtEnd: Bool = true, pace: IntakePace = IntakePace(),
        ports: IntakePorts, status: SourceStatus = SourceStatus(), logger: Logger
    ) {
        self.path = path
        self.reading = reading
        self.ports = ports
        log = SourceLog(source: "\(kind.rawValue) \(path)", status: status, logger: logger)
        self.pace = pace
        self.beginsAtEnd = beginsAtEnd
    }

    /// Reads until the task is cancelled.
    package func run() async {
        var lines = Lines(log, reading: reading, ports: ports, pace: pace)
        let mark = await lines.resume()
        guard !Task.isCancelled, var tail = await openTail(at: mark, &lines) else { return }
        // At once: should the next start be the second, it goes on here.
        guard await lines.commit(tail.mark) else { return }
        await follow(&tail, &lines)
    }

    /// Waits for the log to be there.
    private func openTail(at mark: LogFileMark?, _ lines: inout Lines) async -> LogFileTail? {
        var mark = mark
        var logged: LogFileError?
        while !Task.isCancelled {
            do throws(LogFileError) {
                let tail = try LogFileTail(path: path, mark: mark, beginsAtEnd: beginsAtEnd)
                logOpened(tail.mark, after: mark)
                return tail
            } catch { note(error, &logged) }
            if mark == nil, logged == .missing {
                // What comes is new from its first line, also after a restart.
                mark = .nowhere
                guard await lines.commit(.nowhere) else { return nil }
            }
            try? await Task.sleep(for: pace.poll)
        }
        return nil
    }

    private func follow(_ tail: inout LogFileTail, _ lines: inout Lines) async {
        var logged: LogFileError?
        var committed = tail.mark
        while !Task.isCancelled {
            var step = LogFileTail.Step.end
            do throws(LogFileError) {
                step = try tail.step { lines.read($0) }
                log.status.clear()
                if step != .end { logged = nil }
            } catch { note(error, &logged) }
            if step == .lost { logLost() }
            if tail.mark != committed, lines.isDue {
                committed = tail.mark
                guard await lines.commit(committed) else { return }
            }
            if step == .end { log.status.noteEnd(at: ports.clock.now) }
            if step == .end { try? await Task.sleep(for: pace.poll) } else { await Task.yield() }
        }
    }

    private func logOpened(_ mark: LogFileMark, after last: LogFileMark?) {
        if let last, !last.isNowhere, mark.offset != last.offset { logLost() }
        log.status.clear()
        log.logger.info("follows a log", metadata: ["offset": "\(mark.offset)"])
    }

    private func logLost() {
        log.logger.notice(
            "a log was replaced and its old lines are gone: those not read before are not counted",
            metadata: ["cure": "let logrotate compress with delaycompress"])
    }

    /// The status has each error, the log only one that differs from the last.
    private func note(_ error: LogFileError, _ logged: inout LogFileError?) {
        log.status.set(problem: "cannot be read: \(error): \(error.cure)")
        guard logged != error else { return }
        log.logger.warning("a log cannot be read", metadata: ["cause": "\(error)", "cure": "\(error.cure)"])
        logged = error
    }
}
