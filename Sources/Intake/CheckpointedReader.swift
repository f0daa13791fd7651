// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import FoundationEssentials
import Logging
import MailLog

/// Reads lines of one source, and commits what they count together with the place up to which they were read.
struct CheckpointedReader<Reader: LogReader, Place: Codable & Sendable> {
    /// What the mark holds: the place, and what the reader knows of sessions that are not yet complete there.
    private struct State: Codable {
        let place: Place
        let reader: Reader
    }

    /// How old a session may be, and how far ahead of our clock. Reports of earlier days are made; a stamp of 1970 or 9999
    /// is a broken clock's or a forger's, and a day that is counted has a row and a report.
    private static var maxAge: Duration { .seconds(5 * 86_400) }
    private static var maxLead: Duration { .seconds(2 * 86_400) }
    /// Between two warnings of them.
    private static var warningPause: Duration { .seconds(3600) }

    private let log: SourceLog
    private let ports: IntakePorts
    private let pace: IntakePace
    private var reader = Reader()
    private var sessions: [ObservedSession] = []
    private var octets = 0
    /// Those that could be read, since the last commit.
    private var lines = 0
    private var committedAt: ContinuousClock.Instant?
    private var dropped = 0
    private var warnedAt: ContinuousClock.Instant?

    init(_ log: SourceLog, reading settings: LogReaderSettings, ports: IntakePorts, pace: IntakePace) {
        self.log = log
        reader.settings = settings
        self.ports = ports
        self.pace = pace
    }

    /// Where the last commit was made; nil if none was, or when the task is cancelled.
    mutating func resume() async -> Place? {
        var backoff = Backoff(first: pace.retry, longest: pace.longestRetry)
        while !Task.isCancelled {
            do {
                let mark = try await ports.ledger.mark(of: log.source)
                log.end(.placeUnreadable)
                return mark.flatMap { take($0) }
            } catch {
                log.warn(.placeUnreadable, error)
                await backoff.wait()
            }
        }
        return nil
    }

    private mutating func take(_ mark: IntakeMark) -> Place? {
        let data = Data(mark.state)
        if let state = try? JSONDecoder().decode(State.self, from: data) {
            let settings = reader.settings
            reader = state.reader
            reader.settings = settings
            return state.place
        }
        // Another version of the reader: its open sessions are lost, the place is not.
        log.logger.notice("sessions that were open in a log at the last stop are not counted")
        return (try? JSONDecoder().decode(PlaceOnly<Place>.self, from: data))?.place
    }

    /// Takes whole lines.
    mutating func read(_ lines: UnsafeRawBufferPointer) {
        octets += lines.count
        self.lines += lines.count { $0 == UInt8(ascii: "\n") }
        let now = ports.clock.now
        let known = sessions.count
        reader.read(lines, now: now, into: &sessions)
        let range = (now - Self.maxAge)...(now + Self.maxLead)
        guard !sessions[known...].allSatisfy({ range.contains($0.time) }) else { return }
        let kept = sessions[known...].filter { range.contains($0.time) }
        dropped += sessions.count - known - kept.count
        sessions.replaceSubrange(known..., with: kept)
    }

    private mutating func warnOfDropped() {
        guard dropped > 0 else { return }
        if let warnedAt, ContinuousClock.now - warnedAt < Self.warningPause { return }
        log.logger.warning(
            "sessions of another time are not counted",
            metadata: [
                "sessions": "\(dropped)", "cause": "their time stamps are more than 5 days back or 2 days ahead",
            ])
        (dropped, warnedAt) = (0, .now)
    }

    /// Whether enough was read, or enough time has passed, for a commit.
    var isDue: Bool {
        guard let committedAt else { return true }
        return octets >= pace.maxOctets || sessions.count >= pace.maxSessions
            || ContinuousClock.now - committedAt >= pace.interval
    }

    /// Commits what was read up to the place; tries until it is done.
    /// - Returns: false when the task was cancelled before.
    mutating func commit(_ place: Place) async -> Bool {
        for remark in reader.takeRemarks() {
            log.logger.warning("a log lacks something", metadata: ["remark": "\(printable(remark, limit: 500))"])
        }
        if let unread = reader.takeUnread() {
            log.warn(unread)
            lines = max(0, lines - unread.count)
        }
        warnOfDropped()
        var backoff = Backoff(first: pace.retry, longest: pace.longestRetry)
        let counts = sessions.isEmpty ? [] : await ports.counter.counts(of: sessions)
        while !Task.isCancelled {
            do {
                let state = try JSONEncoder().encode(State(place: place, reader: reader))
                try await ports.ledger.commit(counts, mark: IntakeMark(source: log.source, state: [UInt8](state)))
                log.status.add(sessions: sessions.count, lines: lines)
                if octets > 0 { log.status.noteRead(at: ports.clock.now) }
                (sessions, octets, lines, committedAt) = ([], 0, 0, .now)
                log.end(.countsNotKept)
                return true
            } catch {
                log.warn(.countsNotKept, error)
                await backoff.wait()
            }
        }
        return false
    }
}

private struct PlaceOnly<Place: Codable>: Codable {
    let place: Place
}
