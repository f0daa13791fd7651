// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Core
import Logging
import MailLog

/// Follows the journal of systemd, and counts each session of its mail entries exactly once, as ``LogFollower`` does.
package struct JournalFollower<Reader: LogReader>: Sendable {
    private typealias Lines = CheckpointedReader<Reader, JournalMark>

    /// How long the library waits for something new; a stop takes as long.
    private static var wait: Duration { .seconds(1) }

    private let journal: any JournalSource
    private let log: SourceLog
    private let beginsAtEnd: Bool
    private let pace: IntakePace
    private let ports: IntakePorts
    private let reading: LogReaderSettings

    /// - Parameters:
    ///   - kind: what the entries are read as.
    ///   - reading: what their reader is told of the MTA.
    ///   - directory: where the journal's files are; nil for the system's own.
    package init(
        _ kind: ObservedSession.Source, directory: String? = nil, reading: LogReaderSettings = LogReaderSettings(),
        beginsAtEnd: Bool = true,
        pace: IntakePace = IntakePace(), ports: IntakePorts, status: SourceStatus = SourceStatus(), logger: Logger
    ) {
        self.init(
            kind, journal: JournalThread(directory: directory), reading: reading, beginsAtEnd: beginsAtEnd, pace: pace,
            ports: ports,
            status: status, logger: logger)
    }

    init(
        _ kind: ObservedSession.Source, journal: any JournalSource, reading: LogReaderSettings = LogReaderSettings(),
        beginsAtEnd: Bool, pace: IntakePace,
        ports: IntakePorts, status: SourceStatus, logger: Logger
    ) {
        self.journal = journal
        self.reading = reading
        log = SourceLog(source: "\(kind.rawValue) journal", status: status, logger: logger)
        self.beginsAtEnd = beginsAtEnd
        self.pace = pace
        self.ports = ports
    }

    /// Reads until the task is cancelled.
    package func run() async {
        var lines = Lines(log, reading: reading, ports: ports, pace: pace)
        var place = await lines.resume()
        if place == nil, !beginsAtEnd { place = JournalMark(cursor: nil) }
        var backoff = Backoff(first: pace.retry, longest: pace.longestRetry)
        while !Task.isCancelled {
            do throws(JournalError) {
                var mark = try await journal.open(at: place)
                defer { place = mark }
                log.status.clear()
                log.logger.info("follows the journal")
                guard await lines.commit(mark) else { return }
                try await follow(&lines, &mark, &backoff)
            } catch {
                log.warn(.journalUnreadable, error)
                await backoff.wait()
            }
        }
    }

    /// - Parameters:
    ///   - mark: where the lines end that were read, so that a journal that fails is opened again there.
    ///   - backoff: begins anew when something was read. A journal that only opens has not recovered.
    private func follow(
        _ lines: inout Lines, _ mark: inout JournalMark, _ backoff: inout Backoff
    ) async throws(JournalError) {
        var committed = mark
        while !Task.isCancelled {
            let batch = try await journal.read(waiting: Self.wait)
            backoff.reset()
            if batch.lines.isEmpty { log.status.noteEnd(at: ports.clock.now) }
            batch.lines.withUnsafeBytes { if !$0.isEmpty { lines.read($0) } }
            mark = batch.mark ?? mark
            if mark != committed, lines.isDue {
                guard await lines.commit(mark) else { return }
                committed = mark
            }
        }
    }
}
