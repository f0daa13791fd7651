// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Core
import Foundation
import Logging
import MTASTS
import Store

// Memory and time of cached policies: `bench-policies` loads databases of several sizes; `bench-policies start`, in a
// network of its own (Tests/lab/netns), starts the real daemon on one. Built with -c release.

/// The targets for a million policies, all in use.
let rssLimitMB = 350.0
let loadLimitSeconds = 10.0
/// Looked up again and again: fits the table's memory of parsed policies.
let warmDomains = 10_000

func fill(_ path: String, _ count: Int) async throws {
    let store = try Store(path: path, logger: Logger(label: "bench"))
    // An importer that stops short would show as a wrong count below.
    try store.save(all: (0..<count).lazy.compactMap { try? StoredMix.policy($0) })
    for start in stride(from: 0, to: count, by: 50_000) {
        let domains = try (start..<min(count, start + 50_000)).map { try StoredMix.domain($0) }
        try await store.save(uses: Dictionary(uniqueKeysWithValues: domains.map { ($0, StoredMix.now) }))
    }
    try store.close()
}

func load(_ path: String, _ count: Int) throws {
    let logger = Logger(label: "bench")
    let clock = ContinuousClock()
    let table = PolicyTable(logger: logger)
    var loaded = 0
    let loadTime = try clock.measure {
        let store = try Store(path: path, createIfMissing: false, logger: logger)
        loaded = try store.load(into: table, at: StoredMix.now).loaded
    }
    guard loaded == count, table.count == count else { throw Failure("\(loaded) of \(count) policies loaded") }
    let rss = try residentMB()
    print("\(count) policies: load \(rounded(seconds(loadTime))) s, RSS \(rounded(rss)) MB")
    guard count > 0 else { return }
    try look(in: table, count)
    guard rss < rssLimitMB, seconds(loadTime) < loadLimitSeconds else {
        throw Failure("over the limit of \(rssLimitMB) MB or \(loadLimitSeconds) s")
    }
}

func look(in table: PolicyTable, _ count: Int) throws {
    let clock = ContinuousClock()
    let names = try (0..<warmDomains).map { try StoredMix.domain($0 * (count / warmDomains)) }
    let cold = clock.measure { for name in names { precondition(table.policy(for: name) != nil) } }
    let rounds = 50
    let warm = clock.measure {
        for _ in 0..<rounds { for name in names { precondition(table.policy(for: name) != nil) } }
    }
    let each = { (duration: Duration, looks: Int) in rounded(seconds(duration) / Double(looks) * 1e6) }
    print(
        "  look-up: first (parses) \(each(cold, warmDomains)) us, again \(each(warm, warmDomains * rounds)) us; "
            + "RSS \(rounded(try residentMB())) MB")
}

if Array(CommandLine.arguments.dropFirst()) == ["start"] {
    await bench("bench-policies") { try await DaemonStart.run() }
} else {
    await DatabaseBench("bench-policies", sizes: [0, 100_000, 1_000_000], fill: fill, measure: load).run()
}
