// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Testing

@Suite("Tables in memory are bounded in octets")
struct TTLCacheTests {
    private let start = UTCTime(secondsSinceEpoch: 1_000_000)

    private func table(octets: Int) -> TTLCache<Int, String> {
        TTLCache(octets: octets) { _, text in text.utf8.count > 15 ? text.utf8.count + 48 : 0 }
    }

    @Test("by what the entries hold, large ones and small")
    func budget() {
        let table = table(octets: 100_000)
        for number in 0..<5000 {
            let length = number % 7 == 0 ? 5000 : 30
            table.set(String(repeating: "x", count: length), for: number, at: start, keepFor: .seconds(60))
            #expect(table.octets <= 100_000)
        }
        #expect(table.count > 10)
        table.set(String(repeating: "x", count: 200_000), for: 0, at: start, keepFor: .seconds(60))
        #expect(table.value(for: 0, at: start) == nil)
        for number in 0..<5000 { table.remove(number) }
        #expect(table.octets == 0 && table.count == 0)
    }

    @Test("a flood pushes out its own kind before it pushes out what is in use")
    func flood() {
        let table = table(octets: 200_000)
        for number in 0..<100 { table.set("used", for: number, at: start, keepFor: .seconds(60)) }
        for number in 100..<20_000 {
            table.set("flood", for: number, at: start, keepFor: .seconds(60))
            if number % 50 == 0 { for used in 0..<100 { _ = table.value(for: used, at: start) } }
        }
        #expect((0..<100).allSatisfy { table.value(for: $0, at: start) == "used" })
        #expect(table.octets <= 200_000)
    }

    @Test("what is no longer good goes at a sweep, and its memory with it")
    func sweep() {
        let table = table(octets: 10 << 20)
        for number in 0..<20_000 {
            table.set("\(number)", for: number, at: start, keepFor: .seconds(number < 19_000 ? 30 : 90))
        }
        table.sweep(at: start + .seconds(29))
        #expect(table.count == 20_000)
        table.sweep(at: start + .seconds(60))
        #expect(table.count == 1000)
        #expect((19_000..<20_000).allSatisfy { table.value(for: $0, at: start + .seconds(60)) == "\($0)" })
        let octets = table.octets
        table.set("new", for: -1, at: start + .seconds(60), keepFor: .seconds(1))
        #expect(table.octets > octets)
        table.sweep(at: start + .seconds(100))
        #expect(table.count == 0 && table.octets == 0)
    }

    @Test("replacing, changing and removing keep the sum right")
    func sum() {
        let table = table(octets: 100_000)
        let long = String(repeating: "x", count: 1000)
        table.set("a", for: 1, at: start, keepFor: .seconds(60))
        let small = table.octets
        table.set(long, for: 1, at: start, keepFor: .seconds(60))
        #expect(table.octets > small + 1000)
        table.change(1, at: start, keepFor: .seconds(60)) { $0 == long ? "b" : nil }
        #expect(table.octets == small)
        table.change(1, at: start, keepFor: .seconds(60)) { _ in nil }
        #expect(table.octets == 0)
        #expect(table.count == 0)
    }
}
