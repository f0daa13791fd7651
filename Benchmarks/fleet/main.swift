// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Fleet
import Foundation
import LabKit
import PostgreSQL
import Reporting
import TLSRPT

// What the database of a large fleet has to do: some minutes of what the machines send, as they send it, and a day by that.
// bench-fleet [MINUTES]; in a network namespace, with the package postgresql.

/// The size that docs/fleet.md speaks of.
let machines = 200
let sessionsADay = 100_000_000
/// Domains that mail goes to, each half as often as the one of half its rank.
let domains = 200_000
/// Each failing session in so many.
let failing = 50
/// Connections of the bench; the machines have one each.
let connections = 8

let minutes = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 3
let day = UTCDay(daysSinceEpoch: 20_779)

struct BenchClock: WallClock { let now = day.start + .seconds(43_200) }

/// Ranks by the law of Zipf: the share of all above each.
let shares: [Double] = {
    var sum = 0.0
    var sums: [Double] = []
    for rank in 1...domains {
        sum += 1 / Double(rank)
        sums.append(sum)
    }
    return sums.map { $0 / sum }
}()

func someDomain() -> Int {
    let point = Double.random(in: 0..<1)
    var (low, high) = (0, domains - 1)
    while low < high {
        let middle = (low + high) / 2
        if shares[middle] < point { low = middle + 1 } else { high = middle }
    }
    return low
}

/// What one machine has counted in a minute.
func lines(_ sessions: Int) throws -> [CountsLine] {
    var tallies: [Int: Tally] = [:]
    for _ in 0..<sessions {
        let domain = someDomain()
        let isFailure = Int.random(in: 0..<failing) == 0
        tallies[domain, default: Tally()].successes += isFailure ? 0 : 1
        guard isFailure else { continue }
        tallies[domain, default: Tally()].failures += 1
        let details = FailureDetails(
            .certificateExpired, receivingMXHostname: "mx1.customer-\(domain).example",
            reasonCode: "certificate has expired")
        tallies[domain, default: Tally()].details[details, default: 0] += 1
    }
    return try tallies.map { number, tally in
        let domain = try DomainName("customer-\(number).example")
        // Most domains have no policy; who has one has such lines.
        let policy =
            number % 10 == 0
            ? ReportedPolicy(
                .sts, domain: domain.ascii,
                strings: ["version: STSv1", "mode: enforce", "mx: mx1.\(domain)", "max_age: 604800"],
                mxHosts: ["mx1.\(domain)"])
            : ReportedPolicy(.noPolicyFound, domain: domain.ascii)
        return CountsLine(domain: domain, result: PolicyResult(policy, tally))
    }
}

/// Batches that wait, of one machine.
actor Batches: CountBatches {
    private let node: String
    private var left: [CountBatch]

    init(of node: String, _ batches: [CountBatch]) {
        self.node = node
        left = batches
    }

    func seal(at time: UTCTime, isThorough: Bool) -> Int { 0 }
    // A minute's batch goes by itself, as a machine sends it.
    func waiting(limitOctets: Int) -> (node: String, batches: [CountBatch]) { (node, Array(left.prefix(1))) }
    func noteShipped(_ numbers: [Int64], at time: UTCTime) { left.removeAll { numbers.contains($0.number) } }
    func shipped() -> (kept: [Int64], newest: Int64) { ([], 1 << 40) }
    func noteLacking(_ numbers: [Int64]) {}
    func dropShipped(before time: UTCTime) {}
    func backlog() -> CountBacklog { CountBacklog(batches: left.count, oldest: day) }
}

let postgres = try PostgresServer(address: "127.8.2.50")
defer { postgres.stop() }
let server = try FleetServer(postgres.settingsConnection())
_ = try await FleetSchema.migrate(server, role: nil)

let sessions = sessionsADay / 86_400 * 60 / machines
let count = machines * minutes / connections
let begun = ContinuousClock.now
var made: [[CountBatch]] = []
var lineCount = 0
for _ in 0..<connections {
    made.append(
        try (0..<count).map { number in
            let lines = try lines(sessions)
            lineCount += lines.count
            return CountBatch(
                number: Int64(number + 1), day: day, lines: lines.count, sessions: sessions,
                body: try CountBatch.body(of: lines))
        })
}
let making = seconds(ContinuousClock.now - begun)
let batches = connections * count
let octets = made.joined().reduce(0) { $0 + $1.body.count }
print("batches: \(batches), each of \(sessions) sessions, \(lineCount / batches) lines, \(octets / batches) octets")
print("making one: \(rounded(making / Double(batches) * 1000)) ms of one core, each minute on each machine")

let start = ContinuousClock.now
try await withThrowingTaskGroup(of: Void.self) { group in
    for (number, batches) in made.enumerated() {
        group.addTask {
            let member = FleetMember(node: "node\(number)", machine: "", host: "mx\(number).example", program: "bench")
            let database = try FleetDatabase(server, as: member, clock: BenchClock())
            defer { database.close() }
            try await CountShipper(Batches(of: member.node, batches), to: database, as: member, clock: BenchClock())
                .ship()
        }
    }
    try await group.waitForAll()
}
let shipping = seconds(ContinuousClock.now - start)
let needed = Double(machines) / 60
print(
    "taken by the database: \(rounded(Double(batches) / shipping)) batches a second; needed \(rounded(needed)): "
        + "\(rounded(Double(batches) / shipping / needed)) times")
// BEGIN, that the machine lives, the day's row and its lock, the batch, what came of the day, COMMIT.
print(
    "statements of the fleet: \(rounded(needed * 7)) a second for batches, \(rounded(Double(machines) / 15 * 4)) for words"
)

let size = Int(try postgres.query("SELECT pg_total_relation_size('sts.batch')")) ?? 0
let daily = Double(machines * 24 * 60) / Double(batches)
print(
    "a day: \(Int(Double(batches) * daily)) rows, \(rounded(Double(size) * daily / 1e9)) GB; "
        + "kept for a week: \(rounded(Double(size) * daily * 7 / 1e9)) GB")

let reading = ContinuousClock.now
var read = 0
for batch in made.joined().prefix(100) { read += try CountBatch.lines(in: batch.body).count }
let perLine = seconds(ContinuousClock.now - reading) / Double(read)
print(
    "reading: \(rounded(perLine * 1e6)) us a line; a day's \(Int(Double(lineCount) * daily / 1e6)) million lines: "
        + "\(rounded(perLine * Double(lineCount) * daily / 60)) minutes of one core")
