// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
import Synchronization

/// Where log lines go.
package enum LogTarget: String, Sendable, CaseIterable { case stderr, syslog }

/// Where lines go, and from which level on; shared by all who write lines, so that a reload reaches them.
package final class LogSink: Sendable {
    private let writer: LogWriter
    /// Level and target in one number, so that nobody waits to learn them: each line asks.
    private let state: Atomic<Int>
    private let hasJournal: Bool

    private static let levels = Logger.Level.allCases

    /// The tag in syslog; static, since openlog(3) keeps the pointer.
    private static let name: StaticString = "sts-milter"

    /// - Parameter hasJournal: under systemd a line may begin with its priority. - sd-daemon(3)
    package init(
        writer: LogWriter, level: Logger.Level, target: LogTarget, hasJournal: Bool = getenv("JOURNAL_STREAM") != nil
    ) {
        self.writer = writer
        state = Atomic(Self.packed(level, target))
        self.hasJournal = hasJournal
        Self.name.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) { openlog($0.baseAddress, LOG_PID, LOG_MAIL) }
        }
    }

    /// Lines dropped since the start, since their reader was too slow.
    package var droppedLines: Int { writer.droppedLines }

    package func apply(level: Logger.Level, target: LogTarget) {
        state.store(Self.packed(level, target), ordering: .relaxed)
    }

    /// The lowest level whose lines are written; takes no lock.
    package var level: Logger.Level { Self.levels[state.load(ordering: .relaxed) >> 1] }

    /// Whether lines of a level are written; takes no lock.
    package func takes(_ level: Logger.Level) -> Bool { level.place >= state.load(ordering: .relaxed) >> 1 }

    /// Writes a line, whatever the level in force: who makes the line asks first.
    package func write(_ line: LogLine, _ level: Logger.Level) {
        let rank: LogRank = level >= .warning ? .grave : level >= .notice ? .urgent : .ordinary
        line.withOctets { octets in
            if state.load(ordering: .relaxed) & 1 == 0 {
                writer.write(octets, to: .stream, prefix: level.prefix(inJournal: hasJournal), rank)
            } else {
                writer.write(octets, to: .syslog(priority: level.priority), prefix: "", rank)
            }
        }
    }

    private static func packed(_ level: Logger.Level, _ target: LogTarget) -> Int {
        level.place << 1 | (target == .syslog ? 1 : 0)
    }
}

extension Logger.Level {
    /// Where it stands among all cases.
    fileprivate var place: Int {
        switch self {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .notice: 3
        case .warning: 4
        case .error: 5
        case .critical: 6
        }
    }

    /// What begins a line that goes to the descriptor. Constant texts: the references to an array would be counted on one
    /// cache line by all threads that write lines. - sd-daemon(3)
    fileprivate func prefix(inJournal: Bool) -> StaticString {
        switch self {
        case .trace: inJournal ? "<7>" : "trace: "
        case .debug: inJournal ? "<7>" : "debug: "
        case .info: inJournal ? "<6>" : "info: "
        case .notice: inJournal ? "<5>" : "notice: "
        case .warning: inJournal ? "<4>" : "warning: "
        case .error: inJournal ? "<3>" : "error: "
        case .critical: inJournal ? "<2>" : "critical: "
        }
    }

    /// In the words of syslog(3).
    fileprivate var priority: Int32 {
        switch self {
        case .trace, .debug: LOG_DEBUG
        case .info: LOG_INFO
        case .notice: LOG_NOTICE
        case .warning: LOG_WARNING
        case .error: LOG_ERR
        case .critical: LOG_CRIT
        }
    }
}
