// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// Reads the time stamps of log lines.
///
/// A stamp that names no zone is in the zone of this machine; one that names no year is of the last year in which it
/// does not lie ahead of the time of reading. Stamps of the same minute are worked out once: a log has many of them.
package struct SyslogClock: Sendable {
    /// How far a log written by another machine may be ahead of our clock, in seconds.
    private static let maxLead: Int64 = 2 * 86_400
    /// Years to look back for a 29th of February, the longest way from one to the next.
    private static let yearsBack = 8

    private var minute: Minute?
    private var minuteStart: Int64 = 0
    private var minuteRead: UTCDay?
    /// The minute as it stands in the common stamp without a year, "Nov 23 20:43:".
    private var minuteText = ""

    package init() {}

    /// - Parameter now: the time of reading.
    /// - Returns: nil when the stamp is none.
    package mutating func time(of line: SyslogLine, now: UTCTime) -> UTCTime? {
        time(line.stamp, now: now)
    }

    private mutating func time(_ stamp: SyslogOctets, now: UTCTime) -> UTCTime? {
        if let first = stamp[0], first.decimalDigit != nil, stamp[4] != UInt8(ascii: "-") {
            return unixTime(stamp)
        }
        if stamp.count == 15, stamp.prefix(13) == minuteText, now.day == minuteRead,
            let second = stamp.dropFirst(13).number, second <= 60
        {
            return UTCTime(secondsSinceEpoch: minuteStart + Int64(second))
        }
        guard let (minute, second) = Self.split(stamp) else { return nil }
        if minute != self.minute || now.day != minuteRead {
            guard let start = Self.start(of: minute, now: now) else { return nil }
            self.minute = minute
            minuteStart = start
            minuteRead = now.day
            minuteText = stamp.count == 15 ? stamp.prefix(13).text : ""
        }
        return UTCTime(secondsSinceEpoch: minuteStart + Int64(second))
    }

    /// `1795466709.557591`
    private func unixTime(_ stamp: SyslogOctets) -> UTCTime? {
        let seconds = stamp.index(of: UInt8(ascii: ".")).map { stamp.prefix($0) } ?? stamp
        return seconds.number.map { UTCTime(secondsSinceEpoch: Int64($0)) }
    }

    // MARK: Fields

    private struct Minute: Sendable, Equatable {
        var year: Int?
        var month, day, hour, minute: Int
        var zone: Zone
    }

    private enum Zone: Sendable, Equatable {
        case local
        /// Seconds east of UTC.
        case offset(Int)
    }

    private static func split(_ stamp: SyslogOctets) -> (Minute, second: Int)? {
        if stamp[4] == UInt8(ascii: "-") { return splitDate(stamp) }
        // "Mon 2026-11-23 20:45:09 UTC"
        if stamp[8] == UInt8(ascii: "-") { return splitDate(stamp.dropFirst(4)) }
        // "Nov 23 20:43:22", "Nov  3 20:43:22"
        let day = stamp[4] == .blank ? stamp.dropFirst(5).prefix(1) : stamp.dropFirst(4).prefix(2)
        guard let month = month(stamp), let day = day.number, let time = timeOfDay(stamp.dropFirst(7)) else {
            return nil
        }
        let minute = Minute(year: nil, month: month, day: day, hour: time.hour, minute: time.minute, zone: .local)
        return (1...31).contains(day) ? (minute, time.second) : nil
    }

    /// `2026-11-23T20:43:20.861502+00:00`, and the same with a blank for the T and for the fraction.
    private static func splitDate(_ text: SyslogOctets) -> (Minute, second: Int)? {
        guard let year = text.prefix(4).number, let month = text.dropFirst(5).prefix(2).number,
            let day = text.dropFirst(8).prefix(2).number, let time = timeOfDay(text.dropFirst(11)),
            text[7] == UInt8(ascii: "-"), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var rest = text.dropFirst(19)
        if rest[0] == UInt8(ascii: ".") || rest[0] == UInt8(ascii: ",") {
            rest = rest.dropFirst(1)
            while rest[0]?.decimalDigit != nil { rest = rest.dropFirst(1) }
        }
        let minute = Minute(
            year: year, month: month, day: day, hour: time.hour, minute: time.minute, zone: zone(rest))
        return (minute, time.second)
    }

    private static func timeOfDay(_ text: SyslogOctets) -> (hour: Int, minute: Int, second: Int)? {
        guard let hour = text.prefix(2).number, let minute = text.dropFirst(3).prefix(2).number,
            let second = text.dropFirst(6).prefix(2).number, text[2] == .colon, text[5] == .colon,
            hour < 24, minute < 60, second <= 60
        else { return nil }
        return (hour, minute, second)
    }

    /// `Z`, `UTC`, `+01:00`, `+0100`, `+01`; any other name, and none, is taken for the zone of this machine.
    private static func zone(_ text: SyslogOctets) -> Zone {
        let name = text[0] == .blank ? text.dropFirst(1) : text
        if name.equals("Z") || name.equals("UTC") || name.equals("GMT") { return .offset(0) }
        guard let sign = name[0], sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = name.dropFirst(1).prefix(2).number
        else { return .local }
        let minutes = name.dropFirst(name[3] == .colon ? 4 : 3).prefix(2).number ?? 0
        let east = hours * 3600 + minutes * 60
        return .offset(sign == UInt8(ascii: "-") ? -east : east)
    }

    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func month(_ text: SyslogOctets) -> Int? {
        months.firstIndex { text.hasPrefix($0) }.map { $0 + 1 }
    }

    // MARK: Calendar

    /// The first second of the minute; nil for days that no calendar has.
    private static func start(of minute: Minute, now: UTCTime) -> Int64? {
        if let year = minute.year { return seconds(minute, in: year) }
        guard let thisYear = Int("\(now.day)".prefix(4)) else { return nil }
        let latest = now + .seconds(maxLead)
        // Next year too: it may have begun where the log was written.
        return (0...yearsBack).lazy.compactMap { seconds(minute, in: thisYear + 1 - $0) }
            .first { $0 <= latest.secondsSinceEpoch }
    }

    private static func seconds(_ minute: Minute, in year: Int) -> Int64? {
        var fields = tm()
        fields.tm_year = CInt(year - 1900)
        fields.tm_mon = CInt(minute.month - 1)
        fields.tm_mday = CInt(minute.day)
        fields.tm_hour = CInt(minute.hour)
        fields.tm_min = CInt(minute.minute)
        fields.tm_isdst = -1
        let seconds: Int
        switch minute.zone {
        case .local: seconds = mktime(&fields)
        case .offset(let east): seconds = timegm(&fields) - east
        }
        // The C library takes the 31st of November for the 1st of December.
        guard Int(fields.tm_mday) == minute.day else { return nil }
        return Int64(seconds)
    }
}
