// SPDX-License-Identifier: Apache-2.0
import Foundation
import Intake
import Logging
import MTASTS
import Names
import Store
import TLSRPT

/// Why what an MTA said cannot be read or recorded; says what to change.
package enum IntakeReadingError: Error, CustomStringConvertible {
    case unreadable(String, cause: String)
    case recordedBefore(String)

    package var description: String {
        switch self {
        case .unreadable(let path, let cause): "\(path): \(cause)"
        case .recordedBefore(let path):
            "\(path): these sessions were recorded before, nothing is added; --again adds them once more"
        }
    }
}

/// One file of what an MTA says of its deliveries, read once for a command.
package struct IntakeReading: Sendable {
    private let source: ObservedSession.Source
    private let path: String
    private var sessions: [ObservedSession] = []
    private var datagrams: [TLSRPTDatagram] = []
    /// Tells one file's sessions from another's.
    private var digest = StableDigest()
    /// What the administrator should know of the file.
    package private(set) var remarks: [String] = []

    package init(_ source: ObservedSession.Source, path: String) {
        self.source = source
        self.path = path
    }

    /// Reads to the end.
    /// - Parameter show: called for each session.
    package mutating func read(_ show: (SessionLine) -> Void) throws(IntakeReadingError) {
        switch source {
        case .postfixLog: try readLog(PostfixLogReader.self, show)
        case .sendmailLog: try readLog(SendmailLogReader.self, show)
        case .datagram: try readDatagrams(show)
        }
    }

    private mutating func readLog<Reader: LogReader>(
        _: Reader.Type, _ show: (SessionLine) -> Void
    ) throws(IntakeReadingError) {
        do throws(LogFileError) {
            var stream = try LogStream<Reader>(path: path)
            let now = SystemClock().now
            var found: [ObservedSession] = []
            while try stream.read(now: now, { found.append($0) }) {
                for session in found { take(session, show) }
                found.removeAll(keepingCapacity: true)
            }
            for session in found { take(session, show) }
            remarks += stream.takeRemarks()
        } catch { throw .unreadable(path, cause: "\(error)") }
    }

    /// Datagrams do not tell the time: it is now.
    private mutating func readDatagrams(_ show: (SessionLine) -> Void) throws(IntakeReadingError) {
        let data: Data
        do {
            data =
                try path == "-"
                ? FileHandle.standardInput.readToEnd() ?? Data() : Data(contentsOf: URL(fileURLWithPath: path))
        } catch { throw .unreadable(path, cause: error.localizedDescription) }
        let now = SystemClock().now
        for (index, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            do throws(DatagramError) {
                let datagram = try TLSRPTDatagram([UInt8](line))
                datagrams.append(datagram)
                remarks += datagram.remarks.map { "datagram \(index + 1): \($0)" }
                for session in datagram.observedSessions(at: now) {
                    digest.add(SessionLine(session).line.dropFirst("\(now)".count))
                    show(SessionLine(session))
                }
            } catch { remarks.append("datagram \(index + 1): \(error)") }
        }
    }

    private mutating func take(_ session: ObservedSession, _ show: (SessionLine) -> Void) {
        let line = SessionLine(session)
        digest.add(line.line)
        sessions.append(session)
        show(line)
    }

    /// Adds what was read to the ledger, under the policies in the store; asks no network.
    /// - Returns: a line for the administrator.
    package func record(in settings: Settings, again: Bool) async throws -> String {
        let logger = Logger(label: "intake") { StreamLogHandler.standardError(label: $0) }
        let store = try Store(path: settings.storePath, createIfMissing: false, logger: logger)
        let policies = PolicyTable(logger: logger)
        let clock = SystemClock()
        _ = try store.load(into: policies, at: clock.now)
        let mark = IntakeMark(source: "recorded \(source.rawValue) \(digest)", state: [])
        let isKnown = try await store.intakeMark(of: mark.source) != nil
        if isKnown, !again { throw IntakeReadingError.recordedBefore(path) }
        var counts = datagrams.flatMap { $0.sessionCounts(day: clock.now.day) }
        for session in await OwnReports(store: store, clock: clock).left(out: sessions) {
            guard let domain = session.domain, !session.isDialledByAddress else { continue }
            let finding: PolicyFinding = policies.policy(for: domain).map { .policy($0) } ?? .absent
            counts += SessionCount.counts(of: session, for: domain, under: finding, seeing: nil)
        }
        try await Ledger(store: store, clock: clock, logger: logger).commit(counts, mark: mark)
        return "\(path): \(counts.count) sessions recorded"
    }
}

/// FNV-1a of 64 bits over lines, with their number: tells files apart, proves nothing.
private struct StableDigest: Sendable, CustomStringConvertible {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private var lines = 0

    mutating func add(_ line: some StringProtocol) {
        lines += 1
        for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ 0x0A) &* 0x100_0000_01B3
    }

    var description: String { "\(String(hash, radix: 16)) \(lines)" }
}
