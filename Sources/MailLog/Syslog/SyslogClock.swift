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

    private var minute: SyslogStamp?
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
        if stamp.count == 15, stamp.prefix(13) == minuteText, now.day == minuteRead,
            let second = stamp.dropFirst(13).number, second <= 60
        {
            return UTCTime(secondsSinceEpoch: minuteStart + Int64(second))
        }
        guard let (minute, second) = SyslogStamp.read(stamp) else {
            return SyslogStamp.unixSeconds(stamp).map { UTCTime(secondsSinceEpoch: Int64($0)) }
        }
        if minute != self.minute || now.day != minuteRead {
            guard let start = Self.start(of: minute, now: now) else { return nil }
            self.minute = minute
            minuteStart = start
            minuteRead = now.day
            minuteText = stamp.count == 15 ? stamp.prefix(13).text : ""
        }
        return UTCTime(secondsSinceEpoch: minuteStart + Int64(second))
    }

    // MARK: Calendar

    /// The first second of the minute; nil for days that no calendar has.
    private static func start(of minute: SyslogStamp, now: UTCTime) -> Int64? {
        if let year = minute.year { return seconds(minute, in: year) }
        guard let thisYear = Int("\(now.day)".prefix(4)) else { return nil }
        let latest = now + .seconds(maxLead)
        // Next year too: it may have begun where the log was written.
        return (0...yearsBack).lazy.compactMap { seconds(minute, in: thisYear + 1 - $0) }
            .first { $0 <= latest.secondsSinceEpoch }
    }

    private static func seconds(_ minute: SyslogStamp, in year: Int) -> Int64? {
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
