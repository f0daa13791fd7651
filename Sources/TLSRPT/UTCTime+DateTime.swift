// SPDX-License-Identifier: Apache-2.0
import Basics

extension UTCTime {
    /// Reads the first moment of a report's period: a date and time, a date alone, or seconds since 1970.
    init?(startOfRange text: String) {
        guard let time = Self(anyDateTime: text) ?? Self(epoch: text) ?? UTCDay(text)?.start else { return nil }
        self = time
    }

    /// Reads the last moment of a report's period; a date alone is its last second.
    init?(endOfRange text: String) {
        guard let time = Self(anyDateTime: text) ?? Self(epoch: text) ?? UTCDay(text)?.end else { return nil }
        self = time
    }

    /// Reads `2016-04-01T02:00:00+02:00`; a fraction is cut off, and a missing zone, as some senders write it, is UTC.
    ///
    /// - RFC 3339 §5.6: Internet Date/Time Format.
    package init?(dateTime text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let colon = UInt8(ascii: ":")
        let hasSeconds = bytes.count >= 19 && bytes[16] == colon
        let zone = bytes.dropFirst(19)
        let hasOffset = zone.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        guard hasSeconds, !zone.contains(UInt8(ascii: " ")), !hasOffset || bytes.suffix(3).first == colon else {
            return nil
        }
        self.init(anyDateTime: text)
    }

    /// Reads the same where seconds are missing, which are 0 then, or the colon of the zone, and behind a blank.
    private init?(anyDateTime text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 16, let day = UTCDay(String(decoding: bytes[..<10], as: UTF8.self)) else { return nil }
        guard [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(bytes[10]) else { return nil }
        let clock = bytes[11...].prefix { (0x30...0x3A).contains($0) }
        guard let seconds = Self.secondsOfDay(clock) else { return nil }
        var zone = bytes[clock.endIndex...]
        if zone.first == UInt8(ascii: ".") {
            let fraction = zone.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard !fraction.isEmpty else { return nil }
            zone = zone.dropFirst(1 + fraction.count)
        }
        if zone.first == UInt8(ascii: " ") { zone = zone.dropFirst() }
        guard let offset = Self.offset(zone) else { return nil }
        self.init(secondsSinceEpoch: day.start.secondsSinceEpoch + seconds - offset)
        // A zone can lead out of the years that have four digits.
        guard UTCDay(self.day.description) == self.day else { return nil }
    }

    /// Reads seconds since 1970, or milliseconds, as programs count them that no year of TLS reports is too late for.
    private init?(epoch text: String) {
        guard (9...13).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(text)
        else { return nil }
        self.init(secondsSinceEpoch: number < 100_000_000_000 ? number : number / 1000)
    }

    /// Seconds of `hh:mm` or `hh:mm:ss`; a leap second counts as the first second of the next minute, 24:00:00 as the next
    /// day.
    private static func secondsOfDay(_ bytes: ArraySlice<UInt8>) -> Int64? {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(twoDigits)
        guard (2...3).contains(parts.count), let hour = parts[0], let minute = parts[1],
            let second = parts.count == 3 ? parts[2] : 0,
            hour < 24 || (hour, minute, second) == (24, 0, 0), minute < 60, second <= 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static func offset(_ zone: ArraySlice<UInt8>) -> Int64? {
        switch zone.first {
        case nil: return 0
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return zone.count == 1 ? 0 : nil
        case UInt8(ascii: "U"): return zone.elementsEqual("UTC".utf8) ? 0 : nil
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            let digits = zone.dropFirst()
            let hasColon = digits.count == 5 && digits[digits.startIndex + 2] == UInt8(ascii: ":")
            guard hasColon || digits.count == 4, let hour = twoDigits(digits.prefix(2)),
                let minute = twoDigits(digits.suffix(2)), hour < 24, minute < 60
            else { return nil }
            return (zone.first == UInt8(ascii: "-") ? -1 : 1) * (hour * 3600 + minute * 60)
        default: return nil
        }
    }

    private static func twoDigits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.count == 2, bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(String(decoding: bytes, as: UTF8.self))
    }
}
