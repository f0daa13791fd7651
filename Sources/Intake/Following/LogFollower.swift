// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import MailLog

/// Follows a log file as it grows and is rotated, and counts each of its sessions exactly once.
///
/// A stop at any moment, `kill -9` included, is the same: what was not committed is read again. So there is nothing to
/// do at an orderly stop.
package struct LogFollower<Reader: LogReader>: Sendable {
    private let path: String
    private let source: String
    private let port: IntakePort
    private let pace: IntakePace
    private let beginsAtEnd: Bool

    /// - Parameters:
    ///   - kind: what the log is read as: one file may be followed for two MTAs.
    ///   - beginsAtEnd: whether a log that was never read counts from now on, or from its first line.
    package init(
        _ kind: ObservedSession.Source, path: String, beginsAtEnd: Bool = true, pace: IntakePace = IntakePace(),
        port: IntakePort
    ) {
        self.path = path
        source = "\(kind.rawValue) \(path)"
        self.port = port
        self.pace = pace
        self.beginsAtEnd = beginsAtEnd
    }

    /// Reads until the task is cancelled.
    package func run() async {
        var desk = CheckpointedReader<Reader, LogFileMark>(source: source, port: port, pace: pace)
        let mark = await desk.resume()
        guard !Task.isCancelled, var tail = await openTail(at: mark, &desk) else { return }
        // At once: should the next start be the second, it goes on here.
        guard await desk.commit(tail.mark) else { return }
        await follow(&tail, &desk)
    }

    /// Waits for the log to be there.
    private func openTail(at mark: LogFileMark?, _ desk: inout CheckpointedReader<Reader, LogFileMark>) async
        -> LogFileTail?
    {
        var mark = mark
        var told: LogFileError?
        while !Task.isCancelled {
            do throws(LogFileError) {
                let tail = try LogFileTail(path: path, mark: mark, beginsAtEnd: beginsAtEnd)
                tellOpened(tail.mark, after: mark)
                return tail
            } catch {
                port.trouble.begin("cannot be read: \(error): \(error.cure)")
                if told != error { tell(error) }
                told = error
            }
            if mark == nil, told == .missing {
                // What comes is new from its first line, also after a restart.
                mark = .nowhere
                guard await desk.commit(.nowhere) else { return nil }
            }
            try? await Task.sleep(for: pace.poll)
        }
        return nil
    }

    private func follow(_ tail: inout LogFileTail, _ desk: inout CheckpointedReader<Reader, LogFileMark>) async {
        var told: LogFileError?
        var committed = tail.mark
        while !Task.isCancelled {
            var step = LogFileTail.Step.end
            do throws(LogFileError) {
                step = try tail.step { desk.read($0) }
                port.trouble.end()
                if step != .end { told = nil }
            } catch {
                port.trouble.begin("cannot be read: \(error): \(error.cure)")
                if told != error { tell(error) }
                told = error
            }
            if step == .lost { tellLost() }
            if tail.mark != committed, desk.isDue {
                committed = tail.mark
                guard await desk.commit(committed) else { return }
            }
            if step == .end { try? await Task.sleep(for: pace.poll) } else { await Task.yield() }
        }
    }

    private func tellOpened(_ mark: LogFileMark, after last: LogFileMark?) {
        if let last, !last.isNowhere, mark.offset != last.offset { tellLost() }
        port.trouble.end()
        port.logger.info("follows a log", metadata: ["source": "\(printable(source))", "offset": "\(mark.offset)"])
    }

    private func tellLost() {
        port.logger.notice(
            "a log was replaced and its old lines are gone: those not read before are not counted",
            metadata: ["source": "\(printable(source))", "cure": "let logrotate compress with delaycompress"])
    }

    private func tell(_ error: LogFileError) {
        port.logger.warning(
            "a log cannot be read",
            metadata: ["source": "\(printable(source))", "cause": "\(error)", "cure": "\(error.cure)"])
    }
}
