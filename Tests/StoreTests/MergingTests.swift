// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import SQLite
import Reporting
import TLSRPT
import TestKit
import Testing
@testable import Store

@Suite("A day's counts are reported by one machine, each once")
struct MergingTests {
    private let clock = TestClock(noon)
    private let day = noon.day.advanced(by: -1)
    private var oldest: UTCDay { noon.day.advanced(by: -60) }

    private func count(
        _ domain: String, _ failures: Int, good: Int = 1, policy: String = "one", _ host: String = "mx", in store: Store
    ) async throws {
        let ledger = Ledger(store: store, clock: clock, logger: CapturedLog().logger)
        let reported = AppliedPolicy.reported(ReportedPolicy(.sts, domain: domain, strings: [policy]))
        func session(_ details: [FailureDetails]) throws -> SessionCount {
            SessionCount(
                day: day, domain: try name(domain), policy: reported, isFailure: !details.isEmpty, details: details)
        }
        ledger.record([try session([])], times: good)
        if failures > 0 {
            ledger.record(
                [try session([FailureDetails(.certificateExpired, receivingMXHostname: host)])], times: failures)
        }
        guard await ledger.flush() else { throw StoreError(.other, path: "", text: "not counted") }
    }

    /// What a file of the machine's day would hold.
    private func export(_ store: Store, host: String = "mx2.example", at time: UTCTime = noon) async throws
        -> [CountsEntry]
    {
        let head = try await store.handOver(day, of: name(host), at: time)
        var entries: [CountsEntry] = [.head(head)]
        for try await results in store.results(of: day, ownOnly: true) {
            entries += results.policies.map { .line(CountsLine(domain: results.domain, result: $0)) }
        }
        return entries + [.end(lines: entries.count - 1)]
    }

    private func take(_ entries: [CountsEntry], _ store: Store, at time: UTCTime = noon) async throws -> [ImportOutcome]
    {
        var work = try await CountsImport(store, at: time)
        for entry in entries { try await work.add(entry, entry.octets, at: time) }
        return try await work.finish(since: oldest, at: time).map(\.outcome)
    }

    /// Sessions of the day by domain and policy: successes and failures, and by host.
    private func sums(_ store: Store) async throws -> [String: [String]] {
        var sums: [String: [String]] = [:]
        for try await results in store.results(of: day) {
            sums[results.domain.ascii] = results.policies.map { one in
                let kinds = one.tally.sortedDetails.map { "\($0.details.receivingMXHostname ?? "")=\($0.sessions)" }
                return "\(one.policy.strings.joined()) \(one.tally.successes)/\(one.tally.failures) "
                    + kinds.joined(separator: ",")
            }.sorted()
        }
        return sums
    }

    @Test("counts of several machines add up, by policy and kind of failure")
    func sum() async throws {
        let (here, second, third) = (try Scratch().store(), try Scratch().store(), try Scratch().store())
        try await count("a.example", 2, in: here)
        try await count("c.example", 0, in: here)
        try await count("a.example", 3, in: second)
        try await count("a.example", 1, policy: "two", "other", in: second)
        try await count("b.example", 4, good: 7, in: second)
        try await count("a.example", 5, "third", in: third)
        #expect(try await take(export(second) + export(third, host: "mx3.example"), here) == [.stored, .stored])
        #expect(
            try await sums(here) == [
                "a.example": ["one 3/10 mx=5,third=5", "two 1/1 other=1"], "b.example": ["one 7/4 mx=4"],
                "c.example": ["one 1/0 "],
            ])
        #expect(try await here.openDays(before: noon.day) == [day])
        // What is exported from here is one's own.
        var own: [String] = []
        for try await results in here.results(of: day, ownOnly: true) { own.append(results.domain.ascii) }
        #expect(own == ["a.example", "c.example"])
    }

    @Test("pieces of a merged day are whole")
    func pieces() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        let count = PieceReader.maxDomains + 20
        for (store, step) in [(here, 2), (second, 3)] {
            let ledger = Ledger(store: store, clock: clock, logger: CapturedLog().logger)
            for number in 0..<count * 2 where number.isMultiple(of: step) {
                let domain = "d\(number).example"
                let policy = AppliedPolicy.reported(ReportedPolicy(.noPolicyFound, domain: domain))
                ledger.record([SessionCount(day: day, domain: try name(domain), policy: policy, isFailure: false)])
            }
            await ledger.flush()
        }
        #expect(try await take(export(second), here) == [.stored])
        let sums = try await sums(here)
        for number in 0..<count * 2 {
            let expected = (number.isMultiple(of: 2) ? 1 : 0) + (number.isMultiple(of: 3) ? 1 : 0)
            #expect(sums["d\(number).example"] == (expected > 0 ? [" \(expected)/0 "] : nil))
        }
    }

    @Test("the same file counts once; a later export of the day takes the place of the earlier")
    func again() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        try await count("a.example", 3, in: second)
        let early = try await export(second)
        #expect(try await take(early, here) == [.stored])
        #expect(try await take(early, here) == [.known])
        // The same counts, exported once more.
        #expect(try await take(export(second, at: noon + .seconds(60)), here) == [.known])
        try await count("a.example", 1, in: second)
        let late = try await export(second, at: noon + .seconds(120))
        #expect(try await take(late, here) == [.replaced])
        #expect(try await sums(here) == ["a.example": ["one 2/4 mx=4"]])
        #expect(try await take(early, here) == [.refused(.older)])
        // A clock that went back makes no later export an earlier one.
        try await count("a.example", 1, in: second)
        #expect(try await take(export(second, at: noon - .seconds(9)), here) == [.replaced])
        #expect(try await sums(here) == ["a.example": ["one 3/5 mx=5"]])
    }

    @Test("a day whose reports are begun takes nothing more, and says so")
    func reported() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        try await count("a.example", 3, in: second)
        let early = try await export(second)
        #expect(try await take(early, here) == [.stored])
        _ = try await here.begin(day, at: noon)
        #expect(try await take(early, here) == [.known])
        try await count("a.example", 1, in: second)
        #expect(try await take(export(second, at: noon + .seconds(9)), here) == [.refused(.reported)])
        #expect(try await sums(here) == ["a.example": ["one 1/3 mx=3"]])
        let idle = try Scratch().store()
        #expect(try await take(export(idle, host: "mx3.example"), here) == [.empty])
    }

    @Test("a day is either reported or exported, whichever was first")
    func either() async throws {
        let store = try Scratch().store()
        try await count("a.example", 1, in: store)
        _ = try await export(store)
        #expect(try await store.openDays(before: noon.day).isEmpty)
        await #expect(throws: DayElsewhere.exported(day)) { try await store.begin(day, at: noon) }
        #expect(try await store.takeBack(day))
        #expect(try await store.openDays(before: noon.day) == [day])
        _ = try await store.begin(day, at: noon)
        await #expect(throws: ExportRefusal.begun(day)) { try await export(store) }
        #expect(try await !store.takeBack(day))
    }

    @Test("counts of one's own, of a day that is not over, too old, or exported from here are refused")
    func refused() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        try await count("a.example", 1, in: second)
        #expect(try await take(export(second), second) == [.refused(.own)])
        let counts = try await export(second)
        #expect(try await take(counts, here, at: day.start) == [.refused(.notOver)])
        #expect(try await take(counts, here, at: noon + .seconds(100 * 86_400)) == [.stored])
        var work = try await CountsImport(try Scratch().store(), at: noon)
        for entry in counts { try await work.add(entry, entry.octets, at: noon) }
        #expect(try await work.finish(since: noon.day, at: noon).map(\.outcome) == [.refused(.past)])
        let third = try Scratch().store()
        _ = try await export(third, host: "mx3.example")
        #expect(try await take(counts, third) == [.refused(.exported)])
        #expect(try await sums(third).isEmpty)
    }

    @Test("an import that is not finished counts for nobody, and is removed by a later one")
    func unfinished() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        try await count("a.example", 3, in: second)
        let entries = try await export(second)
        var work = try await CountsImport(here, at: noon)
        for entry in entries { try await work.add(entry, entry.octets, at: noon) }
        #expect(try await sums(here).isEmpty)
        #expect(try await here.openDays(before: noon.day).isEmpty)
        func rows() async throws -> Int? {
            try await here.read {
                try Int.fetchOne(
                    $0,
                    sql: """
                        SELECT (SELECT count(*) FROM imported_day) + (SELECT count(*) FROM imported_tally)
                            + (SELECT count(*) FROM imported_failure)
                        """)
            }
        }
        #expect(try await rows() == 3)
        _ = try await CountsImport(here, at: noon + .seconds(3600))
        #expect(try await rows() == 3)
        _ = try await CountsImport(here, at: noon + CountsImport.waitLimit + .seconds(1))
        #expect(try await rows() == 0)
        var twice = try await CountsImport(here, at: noon)
        var isRefused = false
        do {
            for entry in [entries[0], entries[1], entries[1], entries[2]] {
                try await twice.add(entry, entry.octets, at: noon)
            }
        } catch is ImportError { isRefused = true }
        #expect(isRefused)
        try await twice.abandon()
        #expect(try await rows() == 0)
    }

    @Test("counts of a domain that wants no report go, and old days go with their policies")
    func gone() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        try await count("a.example", 3, in: second)
        try await count("b.example", 3, in: second)
        #expect(try await take(export(second), here) == [.stored])
        _ = try await here.begin(day, at: noon)
        try await here.settle([ReportDecision(day: day, domain: name("a.example"), outcome: .absent)], at: noon)
        #expect(try await sums(here).keys.sorted() == ["b.example"])
        try await here.prune(before: day)
        #expect(try await sums(here).keys.sorted() == ["b.example"])
        try await here.prune(before: noon.day)
        let left = try await here.read {
            try Int.fetchOne(
                $0, sql: "SELECT (SELECT count(*) FROM imported_day) + (SELECT count(*) FROM applied_policy)"
            )
        }
        #expect(left == 0)
    }

    @Test("a copy of a store is noticed, by its own machine or by who imports, and gets an identity of its own")
    func copies() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        let (one, other) = (String(repeating: "1", count: 16), String(repeating: "2", count: 16))
        #expect(try await !second.node(on: "").isElsewhere)
        let node = try await second.node(on: one).node
        #expect(try await second.node(on: one).node == node)
        #expect(try await !second.node(on: one).isElsewhere)
        #expect(try await second.node(on: other).isElsewhere)
        #expect(try await !second.node(on: "").isElsewhere)
        try await count("a.example", 3, in: second)
        #expect(try await take(export(second), here) == [.stored])
        // Both machines have one machine-id, as copies of an image do: their names tell them apart.
        let copy = try await export(second, host: "mx3.example", at: noon + .seconds(9))
        #expect(try await take(copy, here) == [.refused(.copied(host: "mx2.example"))])
        try await second.adopt(on: other, from: nil)
        #expect(try await second.node(on: other).node.id == node.id)
        #expect(try await take(export(second), here) == [.refused(.copied(host: "mx2.example"))])
        try await second.adopt(on: other, from: noon.day)
        let adopted = try await second.node(on: other)
        #expect(adopted.node.id != node.id && !adopted.isElsewhere)
        await #expect(throws: ExportRefusal.copied(day, first: noon.day)) { try await export(second) }
    }

    @Test("each store has an identity of its own")
    func identity() async throws {
        let ids = try await [Scratch().store().node(on: "").node.id, Scratch().store().node(on: "").node.id]
        #expect(ids[0] != ids[1] && ids.allSatisfy { $0.utf8.count == 32 })
    }

    @Test("a machine is known by what is made of its machine-id, and never by that itself")
    func machine() throws {
        let identity = MachineIdentity.read()
        #expect(identity == MachineIdentity.read())
        guard let known = try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8), known.utf8.count >= 32 else {
            #expect(identity.isEmpty)
            return
        }
        #expect(identity.utf8.count == 16 && !known.contains(identity))
        #expect(identity.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    }

    @Test("hosts whose counts are missing are named, and waited for until the time is up or work has begun")
    func missing() async throws {
        let (here, second) = (try Scratch().store(), try Scratch().store())
        let hosts = [try name("mx2.example"), try name("mx3.example")]
        #expect(try await here.missing(hosts, on: day) == hosts)
        #expect(try await take(export(second), here) == [.stored])
        #expect(try await here.missing(hosts, on: day) == [hosts[1]])
        #expect(try await here.missing([], on: day).isEmpty)
        let (before, end) = (day.advanced(by: 1).start, day.advanced(by: 1).start + .seconds(3600))
        func readiness(_ hosts: [DomainName], at time: UTCTime) async throws -> DayReadiness {
            try await here.readiness(of: day, importing: hosts, until: end, at: time)
        }
        #expect(try await readiness(hosts, at: before) == .waiting(["mx3.example"], until: end))
        #expect(try await readiness(hosts, at: end) == .overdue(["mx3.example"]))
        #expect(try await readiness([hosts[0]], at: before) == .complete)
        _ = try await here.begin(day, at: before)
        #expect(try await readiness(hosts, at: before) == .complete, "work on it has begun")
    }
}
