// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Testing

@Suite("UTCTime and UTCDay")
struct UTCTimeTests {
    @Test(
        "days and their names",
        arguments: [
            (0, "1970-01-01"), (19_782, "2024-02-29"), (20_780, "2026-11-23"), (-1, "1969-12-31"),
            (11_016, "2000-02-29"), (47_541, "2100-03-01"),
        ])
    func days(_ number: Int64, _ text: String) {
        #expect(UTCDay(daysSinceEpoch: number).description == text)
        #expect(UTCDay(text)?.daysSinceEpoch == number)
    }

    @Test(
        "refuses other texts",
        arguments: ["", "2026-02-29", "2026-13-01", "2026-1-01", "20261123", "2026-11-23x", "+026-11-23"])
    func refused(_ text: String) {
        #expect(UTCDay(text) == nil)
    }

    @Test("writes moments, and their sums stay in range")
    func moments() {
        #expect(UTCTime(secondsSinceEpoch: 1_795_466_600).description == "2026-11-23T20:43:20Z")
        #expect(UTCTime(secondsSinceEpoch: .max) + .seconds(1) == UTCTime(secondsSinceEpoch: .max))
        #expect(UTCDay("2026-11-23")?.end.description == "2026-11-23T23:59:59Z")
    }

    @Test(
        "reads what it writes, also from JSON",
        arguments: [0, 1_795_466_600, -1, 951_782_399, 253_402_300_799, -62_167_219_200])
    func read(_ seconds: Int64) throws {
        let time = UTCTime(secondsSinceEpoch: seconds)
        #expect(UTCTime("\(time)") == time)
        let octets = try JSONEncoder().encode([time])
        #expect(String(decoding: octets, as: UTF8.self) == "[\"\(time)\"]")
        #expect(try JSONDecoder().decode([UTCTime].self, from: octets) == [time])
    }

    @Test(
        "takes no other text for a moment",
        arguments: [
            "", "yesterday", "2026-11-23", "2026-11-23T20:43:20", "2026-11-23t20:43:20Z", "2026-11-23 20:43:20Z",
            "2026-11-23T20:43:20z", "2026-11-23T20:43:20.5Z", "2026-11-23T20:43:20+00:00", "2026-11-23T24:00:00Z",
            "2026-11-23T23:60:00Z", "2026-11-23T23:59:60Z", "2026-02-29T00:00:00Z", "2026-11-23T+1:00:00Z",
            "2026-11-23T20:43:-1Z", "2026-11-23T20.43.20Z", "2026-11-23T20:43:20Zé", "é026-11-23T20:43:2Z",
        ])
    func refusedMoment(_ text: String) throws {
        #expect(UTCTime(text) == nil)
        let octets = try JSONEncoder().encode([text])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([UTCTime].self, from: octets) }
    }
}
