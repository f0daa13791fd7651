// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Dispatch
import Testing

extension Int: TableKey {
    public var tableHash: UInt64 { KeyedHash.hash(UInt64(truncatingIfNeeded: self), 0) }
}

/// A key that shares its hash with many others.
private struct CrowdedKey: TableKey {
    let number: Int
    var tableHash: UInt64 { UInt64(number % 3) << 40 }
}

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

    // A table of this size has all the shards that there are.
    private static let large = 4 << 20

    @Test("a large table, in all its shards together, holds no more than its octets, and nearly as many")
    func shards() {
        let table = table(octets: Self.large)
        let text = String(repeating: "x", count: 400)
        for number in 0..<20_000 { table.set(text, for: number, at: start, keepFor: .seconds(60)) }
        #expect(table.octets <= Self.large)
        #expect(table.octets > Self.large * 9 / 10)
        table.removeAll()
        #expect(table.count == 0 && table.octets == 0)
        #expect((0..<20_000).allSatisfy { table.value(for: $0, at: start) == nil })
    }

    @Test("a large table is swept whole, and each entry to the second")
    func sweepShards() {
        let table = table(octets: Self.large)
        for number in 0..<10_000 {
            table.set("\(number)", for: number, at: start, keepFor: .seconds(number % 10 == 0 ? 90 : 30))
        }
        #expect((0..<10_000).allSatisfy { table.value(for: $0, at: start + .seconds(29)) == "\($0)" })
        #expect((0..<10_000).allSatisfy { (table.value(for: $0, at: start + .seconds(30)) != nil) == ($0 % 10 == 0) })
        table.sweep(at: start + .seconds(30))
        #expect(table.count == 1000)
        table.sweep(at: start + .seconds(90))
        #expect(table.count == 0 && table.octets == 0)
    }

    @Test("threads that write, read, sweep and remove at once find each key's own value, and the sum stays right")
    func race() {
        let table = table(octets: Self.large)
        let mixedUp = Locked(0)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for turn in 0..<4000 {
                let number = (turn &* 7 &+ thread &* 13) % 500
                if let found = table.value(for: number, at: start), !found.hasPrefix("\(number):") {
                    mixedUp.withLock { $0 += 1 }
                }
                table.set(
                    "\(number):" + String(repeating: "x", count: turn % 60), for: number, at: start,
                    keepFor: .seconds(9))
                switch turn % 400 {
                case 0: table.sweep(at: start)
                case 1: table.removeAll()
                case 2: table.remove(number)
                case 3: table.change(number, at: start, keepFor: .seconds(9)) { ($0 ?? "\(number):") + "y" }
                default: break
                }
            }
        }
        #expect(mixedUp.withLock { $0 } == 0)
        #expect(table.count <= 500)
        for number in 0..<500 { table.remove(number) }
        #expect(table.count == 0 && table.octets == 0)
    }

    @Test("keys with one hash are told apart, also while room is made and after a sweep")
    func collisions() {
        let table = TTLCache<CrowdedKey, Int>(octets: 200_000) { _, _ in 0 }
        for number in 0..<300 {
            table.set(number, for: CrowdedKey(number: number), at: start, keepFor: .seconds(number % 2 == 0 ? 9 : 99))
        }
        for number in stride(from: 0, to: 300, by: 5) { table.remove(CrowdedKey(number: number)) }
        table.sweep(at: start + .seconds(9))
        for number in 0..<300 {
            let found = table.value(for: CrowdedKey(number: number), at: start + .seconds(9))
            #expect(found == (number % 2 == 0 || number % 5 == 0 ? nil : number))
        }
        let small = TTLCache<CrowdedKey, Int>(octets: 20_000) { _, _ in 0 }
        for number in 0..<1000 {
            small.set(number, for: CrowdedKey(number: number), at: start, keepFor: .seconds(9))
            #expect(small.value(for: CrowdedKey(number: number), at: start) == number)
        }
        #expect(small.octets <= 20_000)
    }
}
