// SPDX-License-Identifier: Apache-2.0
import Basics

extension UTCTime {
    /// Reads `2016-04-01T02:00:00+02:00`; a fraction is cut off, and a missing zone, as some senders write it, is UTC.
    ///
    /// - RFC 3339 §5.6: Internet Date/Time Format.
    package init?(dateTime text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, let day = UTCDay(String(decoding: bytes[..<10], as: UTF8.self)) else { return nil }
        guard [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(bytes[10]),
            let seconds = Self.secondsOfDay(bytes[11..<19])
        else { return nil }
        var zone = bytes[19...]
        if zone.first == UInt8(ascii: ".") {
            let fraction = zone.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard !fraction.isEmpty else { return nil }
            zone = zone.dropFirst(1 + fraction.count)
        }
        guard let offset = Self.offset(zone) else { return nil }
        self.init(secondsSinceEpoch: day.start.secondsSinceEpoch + seconds - offset)
        // A zone can lead out of the years that have four digits.
        guard UTCDay(self.day.description) == self.day else { return nil }
    }

    /// Seconds of `hh:mm:ss`; a leap second counts as the first second of the next minute, 24:00:00 as the next day.
    private static func secondsOfDay(_ bytes: ArraySlice<UInt8>) -> Int64? {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(twoDigits)
        guard parts.count == 3, let hour = parts[0], let minute = parts[1], let second = parts[2],
            hour < 24 || (hour, minute, second) == (24, 0, 0), minute < 60, second <= 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static func offset(_ zone: ArraySlice<UInt8>) -> Int64? {
        switch zone.first {
        case nil: return 0
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return zone.count == 1 ? 0 : nil
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            let parts = zone.dropFirst().split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .map(twoDigits)
            guard parts.count == 2, let hour = parts[0], let minute = parts[1], hour < 24, minute < 60 else {
                return nil
            }
            return (zone.first == UInt8(ascii: "-") ? -1 : 1) * (hour * 3600 + minute * 60)
        default: return nil
        }
    }

    private static func twoDigits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.count == 2, bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(String(decoding: bytes, as: UTF8.self))
    }
}
