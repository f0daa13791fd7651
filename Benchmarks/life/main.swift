// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Core
import Foundation
import Logging
import MTASTS
import Store
import TestKit

// A day of load in minutes: `bench-life` moves the clock by hand and prints the memory of each simulated hour.
//
// Each hour mail asks for every domain that has a policy and for as many that nobody saw before; a tenth of the policies is
// published anew, some domains come and go, records are looked at, policies are renewed, and what is over is swept.

/// Domains with a policy that are in use all day.
let residents = 20_000
/// Domains that come each hour and have a policy for an hour.
let guests = 2000
/// Domains without a policy that are asked for once, each hour.
let strangers = 30_000
let hours = 24
/// Flat: the last hours hold no more than those after the first ones, by this part.
let allowedGrowth = 1.03
/// The month in which a policy stays that has ended is two hours here, so that a day sees many go.
let keptPastEnd = Duration.seconds(2 * 3600)

/// The network: who has a policy, by the name.
struct Network: PolicyDiscoverer {
    let clock: TestClock

    func record(for domain: DomainName) async -> RecordLookup {
        domain.ascii.hasPrefix("s")
            ? .found(.absent) : .found(STSRecord.select(from: ["v=STSv1; id=\(id(of: domain));"]))
    }

    /// Changes for a tenth of the domains each hour.
    private func id(of domain: DomainName) -> Int64 {
        var hash = FNV1a()
        hash.add(domain.ascii)
        return (clock.now.secondsSinceEpoch / 3600 + Int64(hash.value % 10)) / 10
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        let maxAge = domain.ascii.hasPrefix("g") ? 3600 : 86_400
        let text =
            "version: STSv1\nmode: enforce\nmx: *.hoster\(domain.ascii.utf8.count % 7).example\nmax_age: \(maxAge)\n"
        do { return try Policy.read(text.utf8) } catch { throw .notTried("\(error)") }
    }
}

func domain(_ kind: Character, _ number: Int) throws -> DomainName {
    try DomainName("\(kind)\(number).customers.example")
}

func live(_ path: String) async throws {
    let clock = TestClock(SystemClock().now)
    let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    let store = try Store(path: path, logger: logger)
    let table = PolicyTable(logger: logger)
    let cache = PolicyCache(
        memory: table, store: store, discoverer: Network(clock: clock), clock: clock, logger: logger,
        settings: PolicyCacheSettings())
    let refresher = PolicyRefresher(cache)
    var memory: [Double] = []
    for hour in 0..<hours {
        var asked = try (0..<residents).map { try domain("r", $0) }
        asked += try (0..<guests).map { try domain("g", hour * guests + $0) }
        asked += try (0..<strangers).map { try domain("s", hour * strangers + $0) }
        for minute in 0..<60 {
            for domain in asked[asked.count * minute / 60..<asked.count * (minute + 1) / 60] {
                cache.noteUse(of: domain, found: cache.cached(domain))
                _ = await cache.resolve(domain)
            }
            clock.advance(by: .seconds(60))
            cache.sweep()
            await refresher.refreshDue()
        }
        guard await cache.saveUnsaved() == 0 else { throw Failure("a policy was not written") }
        let past = clock.now - keptPastEnd
        let ended = table.removeExpired(at: past)
        try await cache.saveUses()
        try await store.removeExpired(before: past)
        let now = try ResidentMemory()
        memory.append(now.total)
        print("hour \(hour + 1): \(table.count) policies, \(ended) let go, RSS \(now)")
    }
    let mean = { (numbers: ArraySlice<Double>) in numbers.reduce(0, +) / Double(numbers.count) }
    let (early, late) = (mean(memory[5..<11]), mean(memory[(hours - 6)...]))
    let isFlat = late <= early * allowedGrowth
    print(
        "hours 6 to 11 \(rounded(early)) MB, last six \(rounded(late)) MB: \(isFlat ? "flat" : "it grows"), "
            + "at most \(rounded((allowedGrowth - 1) * 100)) % more is")
    guard isFlat else { throw Failure("memory grows") }
}

await bench("bench-life") {
    let directory = try TemporaryDirectory("sts-life")
    try await live(directory.path + "/life.sqlite")
}
