// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
import Names
import Synchronization

/// One line a message: the text, then `key=value` in a fixed order, everything escaped.
package struct LineLogHandler: LogHandler {
    /// Where lines go, and from which level on; shared by all loggers so that a reload reaches them.
    package final class Sink: Sendable {
        private let writer: LogWriter
        private let state: Mutex<(level: Logger.Level, target: Settings.LogTarget)>
        /// Under systemd a line may begin with its priority. - sd-daemon(3)
        private let hasJournal: Bool

        package init(writer: LogWriter, level: Logger.Level, target: Settings.LogTarget) {
            self.writer = writer
            state = Mutex((level, target))
            hasJournal = getenv("JOURNAL_STREAM") != nil
            openlog("sts-milter", LOG_PID, LOG_MAIL)
        }

        package func apply(level: Logger.Level, target: Settings.LogTarget) { state.withLock { $0 = (level, target) } }

        var level: Logger.Level { state.withLock { $0.level } }

        func emit(_ level: Logger.Level, _ text: String) {
            switch state.withLock({ $0.target }) {
            case .stderr:
                writer.write(hasJournal ? "<\(priority(level))>\(text)\n" : "\(level.rawValue): \(text)\n")
            case .syslog:
                text.withCString { text in withVaList([text]) { vsyslog(priority(level), "%s", $0) } }
            }
        }

        package func flush() { writer.flush() }

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
        let all = event.metadata.map { metadata.merging($0) { _, new in new } } ?? metadata
        var text = printable("\(event.message)", limit: 500)
        for key in Self.order { if let value = all[key] { text += Self.field(key, value) } }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) where !Self.order.contains(key) {
            text += Self.field(key, value)
        }
        sink.emit(event.level, text)
    }

    private static func field(_ key: String, _ value: Logger.Metadata.Value) -> String {
        // Values come from the network: one that holds a space or a quote must not look like two fields.
        let value = printable("\(value)", limit: 400)
        guard value.isEmpty || value.utf8.contains(where: { $0 == 0x20 || $0 == 0x22 || $0 == 0x3D }) else {
            return " \(key)=\(value)"
        }
        return " \(key)=\"\(value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "'"))\""
    }
}
