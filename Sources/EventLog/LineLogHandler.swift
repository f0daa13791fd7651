// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Logging

/// One line a message: the text, then `key=value` in a fixed order, everything escaped.
package struct LineLogHandler: LogHandler {
    /// Where lines go, and from which level on; shared by all loggers so that a reload reaches them.
    package final class Sink: Sendable {
        private let writer: LogWriter
        private let state: Locked<(level: Logger.Level, target: LogTarget)>
        /// Under systemd a line may begin with its priority. - sd-daemon(3)
        private let hasJournal: Bool

        /// The tag in syslog; static, since openlog(3) keeps the pointer.
        private static let name: StaticString = "sts-milter"

        package init(writer: LogWriter, level: Logger.Level, target: LogTarget) {
            self.writer = writer
            state = Locked((level, target))
            hasJournal = getenv("JOURNAL_STREAM") != nil
            Self.name.withUTF8Buffer { name in
                name.withMemoryRebound(to: CChar.self) { openlog($0.baseAddress, LOG_PID, LOG_MAIL) }
            }
        }

        package func apply(level: Logger.Level, target: LogTarget) { state.withLock { $0 = (level, target) } }

        var level: Logger.Level { state.withLock { $0.level } }

        func emit(_ level: Logger.Level, _ text: String) {
            let outlet: LogWriter.Outlet =
                switch state.withLock({ $0.target }) {
                case .stderr: .stream(prefix: hasJournal ? "<\(priority(level))>" : Self.names[level] ?? "")
                case .syslog: .syslog(priority: priority(level))
                }
            let rank: LogWriter.Rank = level >= .warning ? .grave : level >= .notice ? .urgent : .ordinary
            writer.write(text, to: outlet, rank)
        }

        /// What begins a line without the journal.
        private static let names = Dictionary(
            uniqueKeysWithValues: Logger.Level.allCases.map { ($0, "\($0.rawValue): ") })

        private func priority(_ level: Logger.Level) -> Int32 {
            switch level {
            case .trace, .debug: LOG_DEBUG
            case .info: LOG_INFO
            case .notice: LOG_NOTICE
            case .warning: LOG_WARNING
            case .error: LOG_ERR
            case .critical: LOG_CRIT
            }
        }
    }

    /// Keys that come first, in this order: what an administrator looks for in a line.
    private static let order = [
        "queue_id", "recipient_domain", "policy_domain", "domain", "verdict", "action", "mode", "host", "result_type",
    ]
    private static let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })

    private let sink: Sink
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level {
        get { sink.level }
        set { _ = newValue }
    }

    package init(sink: Sink) { self.sink = sink }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = event.metadata ?? [:]
        if !metadata.isEmpty { fields.merge(metadata) { new, _ in new } }
        let sorted = fields.map { (place: Self.places[$0.key] ?? Self.order.count, key: $0.key, value: $0.value) }
            .sorted { ($0.place, $0.key) < ($1.place, $1.key) }
        var text = printable(event.message.description, limit: 500)
        for field in sorted { Self.append(field.key, field.value, to: &text) }
        sink.emit(event.level, text)
    }

    private static func append(_ key: String, _ value: Logger.Metadata.Value, to text: inout String) {
        text += " "
        text += key
        text += "="
        // Most values are texts, which need no description made of them.
        let value = if case .string(let string) = value { string } else { "\(value)" }
        let safe = printable(value, limit: 400)
        // Values come from the network: one that holds a space or a quote must not look like two fields.
        guard safe.isEmpty || safe.utf8.contains(where: { $0 == 0x20 || $0 == 0x22 || $0 == 0x3D }) else {
            text += safe
            return
        }
        text += "\""
        text += safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "'")
        text += "\""
    }
}

/// Where log lines go.
package enum LogTarget: String, Sendable, CaseIterable { case stderr, syslog }
