// SPDX-License-Identifier: Apache-2.0
import Basics

private let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
private let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/// The moment for a Date field. - RFC 5322 §3.3: Date and Time Specification.
package func mailDate(_ time: UTCTime) -> String {
    // 2026-11-23T20:43:20Z
    let parts = time.description.dropLast().split { $0 == "-" || $0 == "T" }
    guard parts.count == 4, let month = Int(parts[1]), months.indices.contains(month - 1) else { return "" }
    // The epoch was a Thursday.
    let weekday = weekdays[Int(((time.day.daysSinceEpoch % 7) + 7) % 7)]
    return "\(weekday), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]) +0000"
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`; nil for all else, the two forms that no server writes any more included.
///
/// - RFC 9110 §5.6.7: Date/Time Formats.
package func httpDate(_ text: String) -> UTCTime? {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT",
        let month = months.firstIndex(of: String(words[2])),
        let day = UTCDay("\(words[3])-\(month < 9 ? "0" : "")\(month + 1)-\(words[1])")
    else { return nil }
    let clock = words[4].split(separator: ":", omittingEmptySubsequences: false)
    guard clock.map(\.utf8.count) == [2, 2, 2], let hour = Int64(clock[0]), (0..<24).contains(hour),
        let minute = Int64(clock[1]), (0..<60).contains(minute), let second = Int64(clock[2]),
        (0...60).contains(second)
    else { return nil }
    return day.start + .seconds(hour * 3600 + minute * 60 + second)
}
