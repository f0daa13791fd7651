// SPDX-License-Identifier: Apache-2.0
import Basics

/// A moment that JSON has in the form `2026-11-23T20:43:20Z`. - RFC 3339 §5.6: Internet Date/Time Format.
package struct Stamp: Sendable, Hashable, Codable, CustomStringConvertible {
    package let time: UTCTime

    package init(_ time: UTCTime) { self.time = time }

    package init(from decoder: any Decoder) throws {
        time = try decoder.singleValueContainer().decode(UTCTime.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(time)
    }

    package var description: String { time.description }

    /// How long before `now` it was, in words: `3 min ago`.
    package func age(at now: Stamp) -> String {
        let seconds = (now.time - time).components.seconds
        return seconds < 0 ? "ahead of the clock" : "\(span(seconds)) ago"
    }

    /// How long after `now` it will be, in words: `in 3 min`.
    package func wait(from now: Stamp) -> String {
        let seconds = (time - now.time).components.seconds
        return seconds <= 0 ? "now" : "in \(span(seconds))"
    }
}

/// So many seconds in one unit: `59 s`, `3 min`, `5 h`, `12 d`.
package func span(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3600) h"
    default: "\(seconds / 86_400) d"
    }
}
