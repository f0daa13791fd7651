// SPDX-License-Identifier: Apache-2.0

/// A moment as whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
@usableFromInline
package struct UTCTime: Sendable, Hashable, Comparable {
    @usableFromInline package let secondsSinceEpoch: Int64

    package init(secondsSinceEpoch: Int64) { self.secondsSinceEpoch = secondsSinceEpoch }

    @inlinable
    package static func < (left: UTCTime, right: UTCTime) -> Bool { left.secondsSinceEpoch < right.secondsSinceEpoch }

    /// The moment `duration` later, whole seconds only; stays at the end of time instead of passing it.
    @usableFromInline
    package static func + (time: UTCTime, duration: Duration) -> UTCTime {
        let (sum, overflow) = time.secondsSinceEpoch.addingReportingOverflow(wholeSeconds(of: duration))
        return UTCTime(secondsSinceEpoch: overflow ? .max : sum)
    }

    /// Attoseconds of a second without the power of two in them: 10^18 is 2^18 * 5^18.
    private static let oddAttoseconds: UInt64 = 3_814_697_265_625

    /// Of the lives of entries in memory, which are put there with each verdict, without a division of 128 bits.
    private static func wholeSeconds(of duration: Duration) -> Int64 {
        // Below two months, it fits.
        guard let scaled = UInt64(exactly: duration.attoseconds >> 18) else { return duration.components.seconds }
        return Int64(scaled / oddAttoseconds)
    }

    /// The moment `duration` earlier.
    package static func - (time: UTCTime, duration: Duration) -> UTCTime { time + (.zero - duration) }

    /// How much later `left` is than `right`; negative if it is earlier.
    package static func - (left: UTCTime, right: UTCTime) -> Duration {
        .seconds(left.secondsSinceEpoch.subtractingReportingOverflow(right.secondsSinceEpoch).partialValue)
    }

    /// The UTC day in which the moment lies.
    package var day: UTCDay { UTCDay(daysSinceEpoch: secondsSinceEpoch.floorDivided(by: UTCDay.seconds)) }
}

extension UTCTime: CustomStringConvertible {
    /// The moment in the form `2026-11-23T20:43:20Z`. - RFC 3339 §5.6: Internet Date/Time Format.
    @usableFromInline
    package var description: String {
        let second = secondsSinceEpoch - day.daysSinceEpoch * UTCDay.seconds
        let (year, month, date) = day.date
        guard (0...9999).contains(year) else {
            return "\(day)T\(twoDigits(second / 3600)):\(twoDigits(second / 60 % 60)):\(twoDigits(second % 60))Z"
        }
        // Octet by octet: what is kept of each message has several times.
        return String(unsafeUninitializedCapacity: 20) { octets in
            var place = 0
            func put(_ number: Int64, _ mark: UInt8?) {
                let digits = UInt8(truncatingIfNeeded: number)
                octets[place] = 0x30 + digits / 10
                octets[place + 1] = 0x30 + digits % 10
                place += 2
                guard let mark else { return }
                octets[place] = mark
                place += 1
            }
            put(year / 100, nil)
            put(year % 100, UInt8(ascii: "-"))
            put(month, UInt8(ascii: "-"))
            put(date, UInt8(ascii: "T"))
            put(second / 3600, UInt8(ascii: ":"))
            put(second / 60 % 60, UInt8(ascii: ":"))
            put(second % 60, UInt8(ascii: "Z"))
            return place
        }
    }
}

extension UTCTime {
    /// Reads the form that ``description`` writes, in years of four digits, and nothing else.
    package init?(_ text: some StringProtocol) {
        let octets = Array(text.utf8)
        guard octets.count == 20, octets[10] == UInt8(ascii: "T"), octets[13] == UInt8(ascii: ":"),
            octets[16] == UInt8(ascii: ":"), octets[19] == UInt8(ascii: "Z"),
            let day = UTCDay(String(decoding: octets[..<10], as: UTF8.self))
        else { return nil }
        func number(at place: Int, below limit: Int64) -> Int64? {
            let digits = octets[place..<place + 2]
            guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            let number = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
            return number < limit ? number : nil
        }
        guard let hour = number(at: 11, below: 24), let minute = number(at: 14, below: 60),
            let second = number(at: 17, below: 60)
        else { return nil }
        self.init(secondsSinceEpoch: day.start.secondsSinceEpoch + hour * 3600 + minute * 60 + second)
    }
}

extension UTCTime: Codable {
    /// JSON has it in the form of ``description``.
    @usableFromInline
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time")
        }
        self = time
    }

    @usableFromInline
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A day from 00:00 to 24:00 UTC, the period of a report. - RFC 8460 §4.1: Report Time Frame.
package struct UTCDay: Sendable, Hashable, Comparable {
    package static let seconds: Int64 = 86_400

    package let daysSinceEpoch: Int64

    package init(daysSinceEpoch: Int64) { self.daysSinceEpoch = daysSinceEpoch }

    /// Reads `2026-11-23`; nil for anything else, and for days no calendar has.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2],
            parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let year = Int64(parts[0]), let month = Int64(parts[1]), let day = Int64(parts[2])
        else { return nil }
        let candidate = Self(year: year, month: month, day: day)
        guard candidate.description == String(text) else { return nil }
        self = candidate
    }

    /// The first second of the day.
    package var start: UTCTime { UTCTime(secondsSinceEpoch: daysSinceEpoch * Self.seconds) }
    /// The last second of the day, the end of the range as reports write it. - RFC 8460 Appendix B: Example JSON Report.
    package var end: UTCTime { UTCTime(secondsSinceEpoch: start.secondsSinceEpoch + Self.seconds - 1) }

    package func advanced(by days: Int64) -> UTCDay { UTCDay(daysSinceEpoch: daysSinceEpoch + days) }

    package static func < (left: UTCDay, right: UTCDay) -> Bool { left.daysSinceEpoch < right.daysSinceEpoch }

    /// Days of the Gregorian calendar, counted in years that begin in March so that the leap day comes last.
    private init(year: Int64, month: Int64, day: Int64) {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.floorDivided(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        daysSinceEpoch = era * 146_097 + dayOfEra - 719_468
    }
}

extension UTCDay: CustomStringConvertible {
    /// The day in the form `2026-11-23`.
    package var description: String {
        let (year, month, day) = date
        return "\(twoDigits(year / 100))\(twoDigits(year % 100))-\(twoDigits(month))-\(twoDigits(day))"
    }

    fileprivate var date: (year: Int64, month: Int64, day: Int64) {
        let shifted = daysSinceEpoch + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

private func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

extension Duration {
    /// Of 86,400 seconds each.
    package var wholeDays: Int64 { components.seconds / UTCDay.seconds }
}
