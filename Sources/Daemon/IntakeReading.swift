// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Intake
import MailLog
import Settings

/// One file of what an MTA says of its deliveries, read once for a command.
package struct IntakeReading: Sendable {
    /// Datagrams that cannot be read and are named one by one.
    private static let maxNamed = 10

    let source: ObservedSession.Source
    let path: String
    /// What is to be recorded; empty where nothing is.
    private(set) var sessions: [ObservedSession] = []
    private(set) var datagrams: [TLSRPTDatagram] = []
    private let keepsSessions: Bool
    /// Tells one file's sessions from another's, with their number.
    private var digest = FNV1a()
    private var sessionCount = 0
    private var datagramCount = 0
    private var unreadable = 0
    /// What the administrator should know of the file.
    package private(set) var remarks: [String] = []

    /// What the reader of a log is told of the MTA.
    private let reading: LogReaderSettings

    /// - Parameters:
    ///   - settings: nil where there are none that may be read.
    ///   - keepsSessions: whether they will be recorded, for which all of the file must be known first: one that was recorded
    ///     before is refused.
    package init(
        _ source: ObservedSession.Source, path: String, settings: Settings? = nil, keepsSessions: Bool = false
    ) {
        self.source = source
        self.keepsSessions = keepsSessions
        self.path = path
        reading = settings?.logReading ?? LogReaderSettings()
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
            var stream = try LogStream<Reader>(path: path, reading: reading)
            let now = SystemClock().now
            while let found = try stream.next(now: now) {
                for session in found { take(session, show) }
            }
            remarks += stream.takeRemarks()
            if let unread = stream.takeUnread() { remarks.append(unread.text) }
            notePassedOver(stream.hasPassedOver)
            if sessionCount == 0 {
                remarks.append(
                    "no session with a mail server found: is it the log that --from says, and not compressed by anything but gzip?"
                )
            }
        } catch { throw .unreadable(path, cause: "\(error)") }
    }

    private mutating func notePassedOver(_ hasPassedOver: Bool) {
        if hasPassedOver { remarks.append("lines over \(LineStream.maxLineOctets) octets were passed over") }
    }

    /// Datagrams hold no time: it is now.
    private mutating func readDatagrams(_ show: (SessionLine) -> Void) throws(IntakeReadingError) {
        do throws(LogFileError) {
            var lines = try LineStream(path: path)
            let now = SystemClock().now
            var number = 0
            var isMore = true
            while isMore {
                isMore = try lines.read { whole in
                    for line in whole.split(separator: UInt8(ascii: "\n")) {
                        number += 1
                        take(datagram: [UInt8](line), number, now, show)
                    }
                }
            }
            notePassedOver(lines.hasPassedOver)
        } catch { throw .unreadable(path, cause: "\(error)") }
        if unreadable > Self.maxNamed { remarks.append("\(unreadable) datagrams could not be read") }
        if datagramCount == 0 { remarks.append("no datagram found: one is a line of JSON") }
    }

    private mutating func take(datagram octets: [UInt8], _ number: Int, _ now: UTCTime, _ show: (SessionLine) -> Void) {
        do throws(DatagramError) {
            let datagram = try TLSRPTDatagram(octets)
            datagramCount += 1
            if keepsSessions { datagrams.append(datagram) }
            remarks += datagram.remarks.map { "datagram \(number): \($0)" }
            for session in datagram.observedSessions(at: now) {
                let line = SessionLine(session)
                note(line.line.dropFirst("\(now)".count))
                show(line)
            }
        } catch {
            unreadable += 1
            if unreadable <= Self.maxNamed { remarks.append("datagram \(number): \(error)") }
        }
    }

    private mutating func take(_ session: ObservedSession, _ show: (SessionLine) -> Void) {
        let line = SessionLine(session)
        note(line.line[...])
        if keepsSessions { sessions.append(session) }
        show(line)
    }

    /// Another for each file, whatever its name.
    var fingerprint: String { "\(String(digest.value, radix: 16)) \(sessionCount)" }

    private mutating func note(_ line: Substring) {
        sessionCount += 1
        digest.add("\(line)\n")
    }
}

extension Settings {
    /// What the readers of logs are told of the MTA.
    package var logReading: LogReaderSettings { LogReaderSettings(mailers: milter.transports) }
}

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
