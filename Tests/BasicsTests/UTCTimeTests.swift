// SPDX-License-Identifier: Apache-2.0
import Basics
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
}
