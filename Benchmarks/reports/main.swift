// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Core
import Foundation
import Gzip
import Logging
import Reporting
import Store
import TLSRPT

// Time and memory of building a day's reports: run with no arguments, built with -c release.

/// The target for ``timedDomains``.
let buildLimitSeconds = 3.0
let timedDomains = 10_000
/// The target for ``manyDomains``: memory does not grow with the number of domains.
let rssLimitMB = 300.0
let manyDomains = 100_000
/// Sessions of a domain, five of which fail in three ways.
let sessions = 20

let day = UTCDay(daysSinceEpoch: 20_779)

/// Noon behind the day.
struct BenchClock: WallClock {
    var now: UTCTime { day.advanced(by: 1).start + .seconds(43_200) }
}

/// Everybody wants reports, and the DNS takes no time.
struct EverybodyAsks: ReportRecordSource {
    func record(for domain: DomainName) async -> ReportRecordLookup {
        .found(TLSRPTRecord.select(from: ["v=TLSRPTv1; rua=mailto:tlsrpt@\(domain)"]))
    }
}

func name(_ number: Int) throws -> DomainName { try DomainName("customer-\(number).example") }

func settings() throws -> ReportingSettings {
    guard let contact = Mailbox("tlsrpt@mta.example.net") else { throw Failure("contact") }
    return ReportingSettings(organizationName: "Bench", contact: contact, source: "mta.example.net")
}

func counts(_ number: Int) throws -> [SessionCount] {
    let domain = try name(number)
    let hosts = ["mx1.\(domain)", "*.mail.example.net"]
    let lines = ["version: STSv1", "mode: enforce"] + hosts.map { "mx: \($0)" } + ["max_age: 604800"]
    let policy = AppliedPolicy.reported(ReportedPolicy(.sts, domain: domain.ascii, strings: lines, mxHosts: hosts))
    let kinds: [ResultType] = [.certificateExpired, .starttlsNotSupported, .validationFailure]
    return (0..<sessions).map { session in
        guard session < 5 else { return SessionCount(day: day, domain: domain, policy: policy, isFailure: false) }
        let details = FailureDetails(
            kinds[session % kinds.count], sendingMTAIP: "192.0.2.1", receivingMXHostname: "mx1.\(domain)",
            receivingIP: "198.51.100.\(number % 250)", reasonCode: "certificate has expired")
        return SessionCount(day: day, domain: domain, policy: policy, isFailure: true, details: [details])
    }
}

func fill(_ path: String, _ count: Int) async throws {
    let logger = Logger(label: "bench")
    let ledger = Ledger(store: try Store(path: path, logger: logger), clock: BenchClock(), logger: logger)
    for number in 0..<count {
        ledger.record(try counts(number))
        if number % 10_000 == 9_999, await !ledger.flush() { throw Failure("counts not written") }
    }
    guard await ledger.flush() else { throw Failure("counts not written") }
}

func build(_ path: String, _ count: Int) async throws {
    let logger = Logger(label: "bench")
    let store = try Store(path: path, createIfMissing: false, logger: logger)
    let builder = ReportBuilder(
        counts: store, records: EverybodyAsks(), settings: try settings(), clock: BenchClock(), logger: logger)
    let began = ContinuousClock.now
    let summary = try await builder.build(day)
    let taken = seconds(ContinuousClock.now - began)
    let worked = processorSeconds()
    guard summary.planned == count else { throw Failure("\(summary) of \(count) domains") }
    let rss = try peakRSS()
    print(
        "\(count) domains x \(sessions) sessions: built and stored in \(rounded(taken)) s "
            + "(\(rounded(worked)) s of processor time), peak RSS \(rounded(rss)) MB")
    if count == timedDomains {
        let bare = try await bareLoop(store, count)
        print("  a bare loop of JSON and gzip, one thread: \(rounded(bare)) s; ratio \(rounded(taken / bare))")
        // Said, not failed on: the machine's other work counts as well.
        if taken >= buildLimitSeconds { print("  over the target of \(buildLimitSeconds) s") }
    }
    guard rss < rssLimitMB else { throw Failure("over the limit of \(rssLimitMB) MB") }
}

/// What any program has to do that makes these reports, with the counts in memory already.
func bareLoop(_ store: Store, _ count: Int) async throws -> Double {
    let maker = ReportMaker(try settings())
    var reports: [Report] = []
    for try await results in store.results(of: day) { reports.append(maker.report(of: results, on: day)) }
    guard reports.count == count else { throw Failure("\(reports.count) of \(count) reports") }
    var bytes = 0
    let taken = try ContinuousClock().measure { for report in reports { bytes += try compress(report.json()).count } }
    guard bytes > count else { throw Failure("no reports") }
    return seconds(taken)
}

/// Most resident memory so far, in MB of 1,000,000 octets.
func peakRSS() throws -> Double {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (Double(line.filter(\.isNumber)) ?? 0) * 1024 / 1e6
}

/// What the process has worked so far, whatever else the machine is doing.
func processorSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

await DatabaseBench("bench-reports", sizes: [timedDomains, manyDomains], fill: fill, measure: build).run()
