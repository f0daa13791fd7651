// SPDX-License-Identifier: Apache-2.0

/// A time stamp as a log has it, to the second; ``SyslogClock`` makes a time of it.
///
///     Nov 23 20:43:22                        also with a fraction (journalctl -o short-precise), or a year behind the day
///     2026 Nov 23 20:43:22
///     2026-11-23T20:43:20.861502+00:00       also with a blank for the T or before the zone, slashes, and no zone
///     Mon 2026-11-23 20:45:09 UTC            journalctl -o short-full, with-unit
///     1795466709.557591                      journalctl -o short-unix
struct SyslogStamp: Sendable, Equatable {
    enum Zone: Sendable, Equatable {
        /// This machine's.
        case local
        /// Seconds east of UTC.
        case offset(Int)
    }

    /// nil where the stamp has none.
    var year: Int?
    var month, day, hour, minute: Int
    var zone: Zone

    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    // MARK: Where it ends

    /// Octets of the stamp that `text` begins with, without the blank behind it.
    ///
    /// It looks at the stamp's shape only: whether the numbers are those of a day is seen when the time is asked for.
    static func length(_ text: SyslogOctets) -> Int? {
        guard let first = text[0] else { return nil }
        if first.decimalDigit != nil {
            if isDateMark(text[4]) { return dateLength(text) }
            // "2026 Nov 23 20:43:22 "
            if text[4] == .blank, text[8] == .blank, text[14] == .colon { return endOfFraction(text, from: 20) }
            return text.index(of: .blank)
        }
        guard text[3] == .blank else { return nil }
        if text[6] == .blank {
            // "Nov 23 20:43:22 "
            if text[9] == .colon { return text[15] == .blank ? 15 : endOfFraction(text, from: 15) }
            // "Nov 23 2026 20:43:22 "
            return text[11] == .blank && text[14] == .colon ? endOfFraction(text, from: 20) : nil
        }
        // "Mon 2026-11-23 20:45:09 UTC "
        guard isDateMark(text[8]), text[14] == .blank, let end = endOfFraction(text, from: 23) else { return nil }
        return text.dropFirst(end + 1).index(of: .blank).map { end + 1 + $0 }
    }

    /// Whether a stamp of today's logs may begin here: cheap, for a look at each line.
    static func mayBegin(_ text: SyslogOctets) -> Bool {
        (text[3] == .blank && text[6] == .blank) || (isDateMark(text[4]) && isDateMark(text[7]))
    }

    private static func dateLength(_ text: SyslogOctets) -> Int? {
        guard text[10] == .blank else { return text.index(of: .blank) }
        guard let end = text.dropFirst(19).index(of: .blank).map({ 19 + $0 }) else { return nil }
        // "2026-11-23 20:43:22 +0000 ": a name other than these may be the host's.
        let rest = text.dropFirst(end + 1)
        guard let word = rest.index(of: .blank).map({ rest.prefix($0) }), zone(named: word) != nil else { return end }
        return end + 1 + word.count
    }

    /// Past the fraction at `place`, if there is one; nil if no blank follows.
    private static func endOfFraction(_ text: SyslogOctets, from place: Int) -> Int? {
        let end = place + fractionLength(text.dropFirst(place))
        return text[end] == .blank ? end : nil
    }

    private static func fractionLength(_ text: SyslogOctets) -> Int {
        guard text[0] == UInt8(ascii: ".") || text[0] == .comma else { return 0 }
        var length = 1
        while text[length]?.decimalDigit != nil { length += 1 }
        return length
    }

    private static func isDateMark(_ octet: UInt8?) -> Bool { octet == UInt8(ascii: "-") || octet == UInt8(ascii: "/") }

    // MARK: What it says

    /// Seconds since 1970, for a stamp that says nothing else: `1795466709.557591`.
    static func unixSeconds(_ stamp: SyslogOctets) -> Int? {
        let seconds = stamp.index(of: UInt8(ascii: ".")).map { stamp.prefix($0) } ?? stamp
        return seconds.number
    }

    /// The stamp's minute and second; nil if it is none of the forms above.
    static func read(_ stamp: SyslogOctets) -> (minute: SyslogStamp, second: Int)? {
        if isDateMark(stamp[4]) { return readDate(stamp) }
        // "Mon 2026-11-23 20:45:09 UTC"
        if isDateMark(stamp[8]) { return readDate(stamp.dropFirst(4)) }
        // "2026 Nov 23 20:43:22"
        if stamp[4] == .blank, let year = stamp.prefix(4).number {
            return readDay(stamp.dropFirst(5), year: year, time: stamp.dropFirst(12))
        }
        // "Nov 23 2026 20:43:22"
        if stamp[11] == .blank, let year = stamp.dropFirst(7).prefix(4).number {
            return readDay(stamp, year: year, time: stamp.dropFirst(12))
        }
        return readDay(stamp, year: nil, time: stamp.dropFirst(7))
    }

    /// `Nov 23`, `Nov  3`
    private static func readDay(
        _ text: SyslogOctets, year: Int?, time: SyslogOctets
    ) -> (minute: SyslogStamp, second: Int)? {
        let day = text[4] == .blank ? text.dropFirst(5).prefix(1) : text.dropFirst(4).prefix(2)
        guard let month = months.firstIndex(where: { text.hasPrefix($0) }), let day = day.number,
            let time = timeOfDay(time), (1...31).contains(day)
        else { return nil }
        let minute = SyslogStamp(
            year: year, month: month + 1, day: day, hour: time.hour, minute: time.minute, zone: .local)
        return (minute, time.second)
    }

    /// `2026-11-23T20:43:20.861502+00:00`
    private static func readDate(_ text: SyslogOctets) -> (minute: SyslogStamp, second: Int)? {
        guard let year = text.prefix(4).number, let month = text.dropFirst(5).prefix(2).number,
            let day = text.dropFirst(8).prefix(2).number, let time = timeOfDay(text.dropFirst(11)),
            isDateMark(text[7]), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let rest = text.dropFirst(19)
        let name = rest.dropFirst(fractionLength(rest))
        let minute = SyslogStamp(
            year: year, month: month, day: day, hour: time.hour, minute: time.minute,
            zone: zone(named: name[0] == .blank ? name.dropFirst(1) : name) ?? .local)
        return (minute, time.second)
    }

    private static func timeOfDay(_ text: SyslogOctets) -> (hour: Int, minute: Int, second: Int)? {
        guard let hour = text.prefix(2).number, let minute = text.dropFirst(3).prefix(2).number,
            let second = text.dropFirst(6).prefix(2).number, text[2] == .colon, text[5] == .colon,
            hour < 24, minute < 60, second <= 60
        else { return nil }
        return (hour, minute, second)
    }

    /// `Z`, `UTC`, `+01:00`, `+0100`, `+01`; nil for any other name, which is taken for the zone of this machine.
    private static func zone(named name: SyslogOctets) -> Zone? {
        if name.equals("Z") || name.equals("UTC") || name.equals("GMT") { return .offset(0) }
        guard let sign = name[0], sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = name.dropFirst(1).prefix(2).number
        else { return nil }
        let minutes = name.dropFirst(name[3] == .colon ? 4 : 3).prefix(2).number ?? 0
        let east = hours * 3600 + minutes * 60
        return .offset(sign == UInt8(ascii: "-") ? -east : east)
    }
}
