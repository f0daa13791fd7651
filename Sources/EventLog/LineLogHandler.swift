// SPDX-License-Identifier: Apache-2.0
import Logging

/// One line a message: the text, then `key=value` in a fixed order, everything escaped.
package struct LineLogHandler: LogHandler {
    /// Keys that come first, in this order: what an administrator looks for in a line. The others follow by the alphabet.
    private static let order = [
        "queue_id", "recipient_domain", "policy_domain", "domain", "verdict", "action", "mode", "host", "result_type",
    ]
    private static let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })

    private let sink: LogSink
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level {
        get { sink.level }
        set { _ = newValue }
    }

    package init(sink: LogSink) { self.sink = sink }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = event.metadata ?? [:]
        if !metadata.isEmpty { fields.merge(metadata) { new, _ in new } }
        let sorted = fields.map { (place: Self.places[$0.key] ?? Self.order.count, key: $0.key, value: $0.value) }
            .sorted { ($0.place, $0.key) < ($1.place, $1.key) }
        var line = LogLine()
        line.begin(escaping: event.message.description)
        for field in sorted {
            // Most values are texts, which need no description made of them.
            let value = if case .string(let string) = field.value { string } else { "\(field.value)" }
            line.append(key: field.key, value)
        }
        sink.write(line, event.level)
    }
}
