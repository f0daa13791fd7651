// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

/// The lines that were logged.
package final class CapturedLog: Sendable {
    private let collected = Locked<[String]>([])

    package init() {}

    /// Each line as `level message key=value...`, keys in order of the alphabet.
    package var lines: [String] { collected.withLock { $0 } }

    package var logger: Logger { logger(.debug) }

    package func logger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let line = "\(event.level) \(event.message) \(fields.joined(separator: " "))"
            log.collected.withLock { $0.append(line) }
        }
    }
}
