// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Core
import Foundation
import Logging
import MTASTS
import Store

// Memory and time of cached policies: run with no arguments, built with -c release.

/// The targets for a million policies.
let rssLimitMB = 600.0
let loadLimitSeconds = 10.0
/// Looked up again and again: fits the table's memory of parsed policies.
let warmDomains = 10_000

func domain(_ number: Int) throws -> DomainName { try DomainName("customer-\(number).example.org") }

func policy(_ number: Int) throws -> CachedPolicy {
    let body = """
        version: STSv1\r
        mode: enforce\r
        mx: mx1.customer-\(number).example.org\r
        mx: mx2.customer-\(number).example.org\r
        mx: *.mail.example.net\r
        max_age: 604800\r

        """
    return CachedPolicy(
        domain: try domain(number), id: String(20_260_101_000_000 + number), policy: try Policy.read(body.utf8).policy,
        fetchedAt: UTCTime(secondsSinceEpoch: 1_767_225_600))
}

/// Resident memory in MB of 1,000,000 octets.
func rss() throws -> Double {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return (Double(fields[1]) ?? 0) * Double(sysconf(Int32(_SC_PAGESIZE))) / 1e6
}

func fill(_ path: String, _ count: Int) throws {
    let store = try Store(path: path, logger: Logger(label: "bench"))
    // An importer that stops short would show as a wrong count below.
    try store.save(all: (0..<count).lazy.compactMap { try? policy($0) })
}

func load(_ path: String, _ count: Int) throws {
    let logger = Logger(label: "bench")
    let clock = ContinuousClock()
    let table = PolicyTable(logger: logger)
    var loaded = 0
    let loadTime = try clock.measure {
        let store = try Store(path: path, createIfMissing: false, logger: logger)
        loaded = try store.load(into: table, at: UTCTime(secondsSinceEpoch: 1_767_225_700)).loaded
    }
    guard loaded == count, table.count == count else { throw Failure("\(loaded) of \(count) policies loaded") }
    let rss = try rss()
    print("\(count) policies: load \(rounded(seconds(loadTime))) s, RSS \(rounded(rss)) MB")
    guard count > 0 else { return }
    try look(in: table, count)
    guard rss < rssLimitMB, seconds(loadTime) < loadLimitSeconds else {
        throw Failure("over the limit of \(rssLimitMB) MB or \(loadLimitSeconds) s")
    }
}

func look(in table: PolicyTable, _ count: Int) throws {
    let clock = ContinuousClock()
    let names = try (0..<warmDomains).map { try domain($0 * (count / warmDomains)) }
    let cold = clock.measure { for name in names { precondition(table.policy(for: name) != nil) } }
    let rounds = 50
    let warm = clock.measure {
        for _ in 0..<rounds { for name in names { precondition(table.policy(for: name) != nil) } }
    }
    let each = { (duration: Duration, looks: Int) in rounded(seconds(duration) / Double(looks) * 1e6) }
    print(
        "  look-up: first (parses) \(each(cold, warmDomains)) us, again \(each(warm, warmDomains * rounds)) us; "
            + "RSS \(rounded(try rss())) MB")
}

await DatabaseBench("bench-policies", sizes: [0, 100_000, 1_000_000], fill: fill, measure: load).run()
