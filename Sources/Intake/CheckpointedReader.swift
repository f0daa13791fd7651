// SPDX-License-Identifier: Apache-2.0
import Basics
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

    private let source: String
    private let port: IntakePort
    private let pace: IntakePace
    private var reader = Reader()
    private var sessions: [ObservedSession] = []
    private var octets = 0
    private var committedAt: ContinuousClock.Instant?
    private var dropped = 0
    private var warnedAt: ContinuousClock.Instant?

    init(source: String, port: IntakePort, pace: IntakePace) {
        self.source = source
        self.port = port
        self.pace = pace
    }

    /// Where the last commit was made; nil if none was, or when the task is cancelled.
    mutating func resume() async -> Place? {
        var patience = Backoff(pace)
        while !Task.isCancelled {
            do {
                let mark = try await port.ledger.mark(of: source)
                patience.end("reading goes on", source, port)
                return mark.flatMap { take($0) }
            } catch {
                patience.complain("the place in a log cannot be read, reading waits", of: error, source, port)
                await patience.wait()
            }
        }
        return nil
    }

    private mutating func take(_ mark: IntakeMark) -> Place? {
        let data = Data(mark.state)
        if let state = try? JSONDecoder().decode(State.self, from: data) {
            reader = state.reader
            return state.place
        }
        // Another version of the reader: its open sessions are lost, the place is not.
        port.logger.notice(
            "sessions that were open in a log at the last stop are not counted",
            metadata: ["source": "\(printable(source))"])
        return (try? JSONDecoder().decode(PlaceOnly<Place>.self, from: data))?.place
    }

    /// Takes whole lines.
    mutating func read(_ lines: UnsafeRawBufferPointer) {
        octets += lines.count
        let now = port.clock.now
        let (oldest, latest) = (now - Self.maxAge, now + Self.maxLead)
        reader.read(lines, now: now) { session in
            if session.time < oldest || session.time > latest { dropped += 1 } else { sessions.append(session) }
        }
    }

    private mutating func warnOfDropped() {
        guard dropped > 0 else { return }
        if let warnedAt, ContinuousClock.now - warnedAt < Self.warningPause { return }
        port.logger.warning(
            "sessions of another time are not counted",
            metadata: [
                "source": "\(printable(source))", "sessions": "\(dropped)",
                "cause": "their time stamps are more than 5 days back or 2 days ahead",
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
            port.logger.warning(
                "a log lacks something",
                metadata: ["source": "\(printable(source))", "remark": "\(printable(remark, limit: 500))"])
        }
        warnOfDropped()
        var patience = Backoff(pace)
        let counts = sessions.isEmpty ? [] : await port.count(sessions)
        while !Task.isCancelled {
            do {
                let state = try JSONEncoder().encode(State(place: place, reader: reader))
                try await port.ledger.commit(counts, mark: IntakeMark(source: source, state: [UInt8](state)))
                (sessions, octets, committedAt) = ([], 0, .now)
                patience.end("reading goes on", source, port)
                return true
            } catch {
                patience.complain(
                    "what a log says cannot be kept, reading waits", of: error, source, port)
                await patience.wait()
            }
        }
        return false
    }
}

private struct PlaceOnly<Place: Codable>: Codable {
    let place: Place
}
