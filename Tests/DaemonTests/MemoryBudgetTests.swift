// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Daemon
import Foundation
import Logging
import MTASTS
import Settings
import Store
import TestKit
import Testing

@Suite("Memory is bounded, and no more is done for a policy than is due")
struct MemoryBudgetTests {
    private struct Nobody: PolicyDiscoverer, PolicyStore {
        func record(for domain: DomainName) async -> RecordLookup { .unavailable("nobody") }
        func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
            throw .notTried("nobody")
        }
        func save(_ policy: CachedPolicy) async throws {}
        func save(uses: [DomainName: UTCTime]) async throws {}
        func remove(_ domain: DomainName) async throws {}
    }

    @Test("all shares together stay below 256 MB, beyond the policies")
    func sum() {
        let octets = MemoryBudget.octets + PolicyTable.maxParsedOctets + PendingCounts.maxOctets
        #expect(octets < 256_000_000)
    }

    @Test("the manual's sum is that of the code")
    func manual() throws {
        let octets = MemoryBudget.octets + PolicyTable.maxParsedOctets + PendingCounts.maxOctets
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/manual/reference.md"), encoding: .utf8)
        let mebibytes = Int((Double(octets) / 1_048_576).rounded())
        let isThere = page.contains("| **all** | **\(mebibytes) MiB**, ")
        #expect(isThere, "\(octets) octets")
    }

    @Test(
        "100,000 policies in use of which none is due: none is unpacked; those that are due are fetched some at a time")
    func refresher() async throws {
        let clock = TestClock()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let table = PolicyTable(logger: logger)
        let policy = try Policy.read("version: STSv1\nmode: enforce\nmx: mx.example\nmax_age: 604800\n".utf8).policy
        var uses: [DomainName: UTCTime] = [:]
        for number in 0..<100_000 {
            let domain = try DomainName("d\(number).example")
            table.set(
                PackedPolicy(CachedPolicy(domain: domain, id: "1", policy: policy, fetchedAt: clock.now)), for: domain)
            uses[domain] = clock.now
        }
        let policyCache = PolicyCache(
            memory: table, store: Nobody(), discoverer: Nobody(), clock: clock, logger: logger,
            settings: PolicyCacheSettings())
        policyCache.loadUses(uses)
        let refresher = PolicyRefresher(policyCache)
        #expect(await refresher.refreshDue() == 0)
        #expect(table.unpackings.load(ordering: .relaxed) == 0)
        clock.advance(by: .seconds(12 * 3600))
        #expect(await refresher.refreshDue() == 200)
        // Only those that were tried were read.
        #expect((1...2000).contains(table.unpackings.load(ordering: .relaxed)))
    }

    @Test("parsed policies of the largest kind are bounded in octets")
    func parsed() throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let table = PolicyTable(logger: logger)
        let label = String(repeating: "x", count: 60)
        let patterns = (0..<500).map { "mx: h\($0).\(label).\(label).\(label).example\n" }.joined()
        let perPolicy = patterns.utf8.count
        for number in 0..<400 {
            // Of one that all share there would be one.
            let lines = "version: STSv1\nmode: enforce\n\(patterns)max_age: \(604_800 + number)\n"
            let policy = try Policy.read(lines.utf8).policy
            table.set(
                CachedPolicy(
                    domain: try DomainName("d\(number).example"), id: "1", policy: policy,
                    fetchedAt: UTCTime(secondsSinceEpoch: 0)))
        }
        #expect(table.parsedCount * perPolicy <= PolicyTable.maxParsedOctets)
        #expect(table.count == 400)
    }
}

@Suite("SteadyClock: the time by which policies live does not jump with the clock")
struct SteadyClockTests {
    /// A machine whose clocks the test sets, in seconds.
    private final class Machine: Sendable {
        struct State {
            var wall: Int64 = 1_790_000_000
            var elapsed: Int64 = 1000
            var isSynchronized: Bool?
        }

        let state = Locked(State())
        let lines = Locked<[String]>([])

        func clock() -> SteadyClock {
            SteadyClock(
                .init(
                    wall: { self.state.withLock { $0.wall * 1_000_000_000 } },
                    elapsed: { self.state.withLock { $0.elapsed * 1_000_000_000 } },
                    isSynchronized: { self.state.withLock { $0.isSynchronized } }),
                logger: Logger(label: "test") { _ in Handler(machine: self) })
        }

        func pass(_ seconds: Int64) {
            state.withLock {
                $0.wall += seconds
                $0.elapsed += seconds
            }
        }

        func jump(_ seconds: Int64) { state.withLock { $0.wall += seconds } }

        struct Handler: LogHandler {
            let machine: Machine
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.debug
            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) { machine.lines.withLock { $0.append("\(event.level): \(event.message)") } }
        }
    }

    private let day: Int64 = 86_400
    private let start: Int64 = 1_790_000_000

    @Test("ahead and back, and back and ahead: said once each, never followed", arguments: [8, -400] as [Int64])
    func jumps(_ days: Int64) {
        let machine = Machine()
        let clock = machine.clock()
        machine.jump(days * day)
        for _ in 1...5 {
            machine.pass(30)
            clock.check()
        }
        #expect(clock.now.secondsSinceEpoch == start + 150)
        #expect(machine.lines.withLock { $0.count { $0.hasPrefix("warning") } } == 1)
        machine.jump(-days * day)
        clock.check()
        #expect(clock.now.secondsSinceEpoch == start + 150)
        #expect(machine.lines.withLock { $0.last }?.contains("believed again") == true)
    }

    @Test("a clock that is kept right is followed, and so are small corrections of any")
    func followed() {
        let machine = Machine()
        let clock = machine.clock()
        machine.jump(40)
        clock.check()
        #expect(clock.now.secondsSinceEpoch == start + 40)
        machine.state.withLock { $0.isSynchronized = true }
        machine.jump(7 * day)
        clock.check()
        #expect(clock.now.secondsSinceEpoch == start + 40 + 7 * day)
    }

    @Test("a start far ahead of the store, unsynchronized, believes the store until the clock is synchronized")
    func farAhead() {
        let machine = Machine()
        machine.state.withLock { $0.isSynchronized = false }
        let newest = UTCTime(secondsSinceEpoch: start - 31 * day)
        let clock = machine.clock()
        clock.start(after: newest)
        #expect(clock.now == newest)
        machine.pass(60)
        clock.check()
        #expect(clock.now == newest + .seconds(60))
        machine.state.withLock { $0.isSynchronized = true }
        clock.check()
        #expect(clock.now.secondsSinceEpoch == start + 60)
    }

    @Test(
        "a start otherwise believes the clock",
        arguments: [(29, false), (31, true), (31, nil), (-5, false)] as [(Int64, Bool?)])
    func believed(_ daysAhead: Int64, _ isSynchronized: Bool?) {
        let machine = Machine()
        machine.state.withLock { $0.isSynchronized = isSynchronized }
        let clock = machine.clock()
        clock.start(after: UTCTime(secondsSinceEpoch: start - daysAhead * day))
        #expect(clock.now.secondsSinceEpoch == start)
    }

    @Test("the real one tells the time")
    func real() {
        let clock = SteadyClock(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        #expect(abs((clock.now - SystemClock().now).components.seconds) <= 2)
        clock.check()
        #expect(abs((clock.now - SystemClock().now).components.seconds) <= 2)
    }
}
