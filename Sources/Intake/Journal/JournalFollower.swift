// SPDX-License-Identifier: Apache-2.0
import Core
import Logging
import MailLog

/// Follows the journal of systemd, and counts each session of its mail entries exactly once, as ``LogFollower`` does.
package struct JournalFollower<Reader: LogReader>: Sendable {
    /// How long the library waits for something new; a stop takes as long.
    private static var patience: Duration { .seconds(1) }

    private let source: String
    private let directory: String?
    private let beginsAtEnd: Bool
    private let pace: IntakePace
    private let port: IntakePort

    /// - Parameters:
    ///   - kind: what the entries are read as.
    ///   - directory: where the journal's files are; nil for the system's own.
    package init(
        _ kind: ObservedSession.Source, directory: String? = nil, beginsAtEnd: Bool = true,
        pace: IntakePace = IntakePace(), port: IntakePort
    ) {
        source = "\(kind.rawValue) journal"
        self.directory = directory
        self.beginsAtEnd = beginsAtEnd
        self.pace = pace
        self.port = port
    }

    /// Reads until the task is cancelled.
    package func run() async {
        var desk = CheckpointedReader<Reader, JournalMark>(source: source, port: port, pace: pace)
        var place = await desk.resume()
        if place == nil, !beginsAtEnd { place = JournalMark(cursor: nil) }
        let thread = JournalThread()
        var patience = Backoff(pace)
        while !Task.isCancelled {
            do throws(JournalError) {
                var mark = try await thread.open(directory: directory, at: place)
                defer { place = mark }
                port.trouble.end()
                port.logger.info("follows the journal", metadata: ["source": "\(source)"])
                guard await desk.commit(mark) else { return }
                try await follow(thread, &desk, &mark)
            } catch {
                patience.complain("the journal cannot be read", of: error, source, port)
                await patience.wait()
            }
        }
    }

    /// - Parameter mark: where the lines end that were read, so that a journal that fails is opened again there.
    private func follow(
        _ thread: JournalThread, _ desk: inout CheckpointedReader<Reader, JournalMark>, _ mark: inout JournalMark
    ) async throws(JournalError) {
        var committed = mark
        while !Task.isCancelled {
            let batch = try await thread.read(patience: Self.patience)
            batch.lines.withUnsafeBytes { if !$0.isEmpty { desk.read($0) } }
            mark = batch.mark ?? mark
            if mark != committed, desk.isDue {
                guard await desk.commit(mark) else { return }
                committed = mark
            }
        }
    }
}
