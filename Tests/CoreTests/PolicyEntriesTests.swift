// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import Testing

@testable import Core

@Suite("What is known of domains is bounded in octets, and what is in use outlasts a flood")
struct PolicyEntriesTests {
    private static let octets = 4 << 20
    private let start = UTCTime(secondsSinceEpoch: 1_000_000)
    private let entries = PolicyEntries(octets: octets)

    private func name(_ label: String, _ number: Int) throws -> DomainName {
        try DomainName("\(label)\(number).\(String(repeating: "x", count: 30)).example")
    }

    /// Notes that the network said what is no policy.
    private func note(_ domain: DomainName, _ text: String = "SERVFAIL") {
        entries.change(domain, at: start) { $0.lookup = Timed(.unknown(text), at: start, keepFor: .seconds(60)) }
    }

    @discardableResult
    private func use(_ domain: DomainName, at time: UTCTime) -> RecordLook {
        entries.noteUse(of: domain, at: time)
    }

    private func isKnown(_ domain: DomainName, after seconds: Int = 0) -> Bool {
        entries.value(of: domain) { $0.lookup?.value(at: start + .seconds(seconds)) } != nil
    }

    @Test("an entry of a domain in use has 24 octets")
    func size() { #expect(MemoryLayout<PolicyEntry>.stride == 24) }

    @Test("by what the entries hold, large ones and small")
    func budget() throws {
        for number in 0..<20_000 {
            note(try name("d", number), String(repeating: "x", count: number % 7 == 0 ? 5000 : 30))
            if number % 100 == 0 { #expect(entries.octets <= Self.octets) }
        }
        #expect(entries.octets <= Self.octets)
        #expect(entries.count > 1000)
        let large = try name("large", 0)
        note(large, String(repeating: "x", count: Self.octets / PolicyEntries.shardCount))
        #expect(!isKnown(large))
        for number in 0..<20_000 { entries.remove(try name("d", number)) }
        #expect(entries.octets == 0 && entries.count == 0)
    }

    @Test("a flood pushes out its own kind before it pushes out what is in use")
    func flood() throws {
        let used = try (0..<100).map { try name("used", $0) }
        for domain in used { note(domain) }
        for number in 0..<40_000 {
            note(try name("flood", number))
            if number % 200 == 0 { #expect(used.allSatisfy { isKnown($0) }) }
        }
        #expect(used.allSatisfy { isKnown($0) })
    }

    @Test("a flood that asks twice for each of its names leaves most of the others as well")
    func insistentFlood() throws {
        let used = try (0..<100).map { try name("used", $0) }
        for domain in used { note(domain) }
        for number in 0..<40_000 {
            let domain = try name("flood", number)
            note(domain)
            _ = isKnown(domain)
            if number % 200 == 0 { for domain in used where !isKnown(domain) { note(domain) } }
        }
        #expect(used.count { isKnown($0) } > 50)
        #expect(entries.octets <= Self.octets)
    }

    @Test("the uses of policies and the policies that ran out outlast any flood")
    func kept() throws {
        let domains = try (0..<1000).map { try name("used", $0) }
        for domain in domains { use(domain, at: start) }
        let ranOut = try (0..<10).map { try name("lost", $0) }
        for domain in ranOut {
            entries.change(domain, at: start) { $0.ranOutAt = Timed(start, at: start, keepFor: .seconds(60)) }
        }
        for number in 0..<40_000 { note(try name("flood", number)) }
        var seen: Set<DomainName> = []
        entries.forEachUsed(since: start) { seen.insert($0) }
        #expect(seen == Set(domains))
        #expect(Set(entries.ranOut(at: start).map(\.domain)) == Set(ranOut))
        #expect(entries.takeUnsavedUses().count == 1000)
        #expect(entries.takeUnsavedUses().isEmpty)
    }

    @Test("of too many that ran out the oldest are forgotten")
    func ranOut() throws {
        for number in 0..<10_000 {
            let now = start + .seconds(number)
            entries.change(try name("lost", number), at: now) {
                $0.ranOutAt = Timed(now, at: now, keepFor: .seconds(86_400))
            }
        }
        let left = entries.ranOut(at: start + .seconds(10_000))
        #expect(left.count <= PolicyEntryShard.maxRanOut * PolicyEntries.shardCount)
        #expect(left.allSatisfy { $0.at > start + .seconds(3000) })
    }

    @Test("what is no longer good goes at a sweep, and a use after a month without mail")
    func sweep() throws {
        for number in 0..<20_000 { note(try name("d", number)) }
        let used = try name("used", 0)
        #expect(use(used, at: start) == .due)
        entries.change(used, at: start) { $0.look = TimeSpan(from: start, for: .seconds(2)) }
        #expect(use(used, at: start + .seconds(1)) == .underWay)
        #expect(use(used, at: start + .seconds(2)) == .overdue)
        entries.change(used, at: start) { $0.recordChecked = TimeSpan(from: start, for: .seconds(3600)) }
        #expect(use(used, at: start) == .underWay)
        entries.change(used, at: start) { $0.look = .never }
        #expect(use(used, at: start) == .stands)
        entries.sweep(at: start + .seconds(59))
        #expect(entries.count > 1)
        entries.sweep(at: start + .seconds(60))
        #expect(entries.count == 1 && entries.octets == 0)
        #expect(use(used, at: start + .seconds(3599)) == .stands)
        #expect(use(used, at: start + .seconds(3600)) == .due)
        entries.sweep(at: start + .seconds(31 * 86_400))
        #expect(entries.count == 0)
    }

    @Test("a clock that was set back prolongs nothing that was seen in its future")
    func clockSetBack() throws {
        let domain = try name("d", 0)
        note(domain)
        entries.change(domain, at: start) {
            $0.recordChecked = TimeSpan(from: start, for: .seconds(60))
            $0.rechecked = TimeSpan(from: start, for: .seconds(60))
        }
        let before = start - .seconds(1)
        #expect(!isKnown(domain, after: -1))
        #expect(
            entries.value(of: domain) { $0.recordChecked.contains(before) || $0.rechecked.contains(before) } == false)
        #expect(isKnown(domain))
    }

    @Test("uses of before a restart count, and the newer of two stays")
    func load() throws {
        let domain = try name("used", 0)
        use(domain, at: start)
        entries.load([domain: start - .seconds(1000), try name("used", 1): start - .seconds(2000)])
        var seen = 0
        entries.forEachUsed(since: start - .seconds(1500)) { _ in seen += 1 }
        #expect(seen == 1)
        #expect(entries.takeUnsavedUses() == [domain: start])
        entries.putBackAllUses()
        #expect(entries.takeUnsavedUses().count == 2)
    }
}
