// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Foundation
import Logging
import Reporting
import Store
import TLSRPT

/// TLSRPT records from a table: what is not in it is absent.
final class Records: ReportRecordSource {
    enum Entry: Sendable {
        case texts([String])
        case unavailable
        /// Never answers until the test lets it.
        case hanging(Gate)
    }

    private let table = Locked<[String: Entry]>([:])
    private let asked = Locked<[String: Int]>([:])

    func set(_ domain: String, _ entry: Entry) { table.withLock { $0[domain] = entry } }
    func set(_ domain: String, rua: String...) {
        set(domain, .texts(["v=TLSRPTv1; rua=" + rua.joined(separator: ",")]))
    }
    func looks(at domain: String) -> Int { asked.withLock { $0[domain] ?? 0 } }

    func record(for domain: DomainName) async -> ReportRecordLookup {
        asked.withLock { $0[domain.ascii, default: 0] += 1 }
        switch table.withLock({ $0[domain.ascii] }) {
        case .texts(let texts): return .found(TLSRPTRecord.select(from: texts))
        case .unavailable: return .unavailable("SERVFAIL")
        case .hanging(let gate):
            await gate.wait()
            return .found(.absent)
        case nil: return .found(.absent)
        }
    }
}

/// Something to wait for that the test opens.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// A carrier that does what the test says, and remembers what it was given.
final class Carrier: ReportCarrier {
    struct Carriage: Sendable, Hashable {
        let destination: String
        let report: CompressedReport
    }

    typealias Answer = @Sendable (CompressedReport, ReportDestination) async -> SendResult

    private struct Held: HeldReport {
        let answer: @Sendable () async -> SendResult
        func finish() async -> SendResult { await answer() }
        func withdraw() {}
    }

    private let answer: Locked<Answer>
    private let seen = Locked<[Carriage]>([])

    /// What follows the point of no return is `result`.
    init(_ result: SendResult = .accepted("201")) {
        answer = Locked { _, _ in result }
    }

    func set(_ new: @escaping Answer) { answer.withLock { $0 = new } }
    func set(_ result: SendResult) { set { _, _ in result } }

    /// What was carried, in the order of the beginnings.
    var carriages: [Carriage] { seen.withLock { $0 } }
    var destinations: [String] { carriages.map(\.destination) }

    func prepare(_ report: CompressedReport, for destination: ReportDestination) async -> ReportPreparation {
        seen.withLock { $0.append(Carriage(destination: destination.description, report: report)) }
        let answer = answer.withLock { $0 }
        return .held(Held { await answer(report, destination) })
    }
}

/// A site of its own: a store, its records, a carrier, and a clock at half past midnight behind ``day``.
final class Site: Sendable {
    let directory: TemporaryDirectory
    let day: UTCDay
    let clock: TestClock
    let records = Records()
    let carrier = Carrier()
    let log = CapturedLog()

    init() throws {
        directory = try TemporaryDirectory()
        guard let day = UTCDay("2026-11-23") else { throw SiteError() }
        self.day = day
        clock = TestClock(day.advanced(by: 1).start + .seconds(1800))
    }

    struct SiteError: Error {}

    func file(_ name: String) -> URL { URL(fileURLWithPath: directory.path + "/" + name) }

    func store() throws -> Store {
        try Store(path: directory.path + "/test.sqlite", logger: log.logger)
    }

    static func settings(_ change: (inout ReportingSettings) -> Void = { _ in }) throws -> ReportingSettings {
        guard let contact = Mailbox("tlsrpt@mta.example") else { throw SiteError() }
        var settings = ReportingSettings(organizationName: "Example Org", contact: contact, source: "mta.example")
        settings.spread = .zero
        change(&settings)
        return settings
    }

    func builder(_ store: Store, _ settings: ReportingSettings? = nil) throws -> ReportBuilder {
        ReportBuilder(
            counts: store, records: records, settings: try settings ?? Self.settings(), clock: clock, logger: log.logger
        )
    }

    func sender(_ store: Store, owner: String = "one") -> ReportSender {
        ReportSender(outbox: store, carrier: carrier, clock: clock, logger: log.logger, owner: owner)
    }

    /// Counts one session of each domain.
    func count(_ store: Store, _ domains: String..., on day: UTCDay? = nil, failing: Bool = false) async throws {
        let ledger = Ledger(store: store, clock: clock, logger: log.logger)
        for domain in domains {
            let details: [FailureDetails] =
                failing ? [FailureDetails(.certificateExpired, receivingMXHostname: "mx.\(domain)")] : []
            ledger.record([
                SessionCount(
                    day: day ?? self.day, domain: try DomainName(domain),
                    policy: .reported(ReportedPolicy(.sts, domain: domain, strings: ["version: STSv1"])),
                    isFailure: failing, details: details)
            ])
        }
        guard await ledger.flush() else { throw SiteError() }
    }

    /// States of all lines, by destination or, where there is no report, by domain.
    func states(_ store: Store) async throws -> [String: String] {
        let lines = try await store.reportLines(of: nil, failuresOnly: false)
        return Dictionary(lines.map { ($0.destination ?? $0.domain, $0.state) }) { first, second in "\(first) \(second)"
        }
    }
}
