// SPDX-License-Identifier: Apache-2.0
import Basics
import SQLite
import TLSRPT
import Testing
@testable import Store

@Suite("Reports of others are stored once, within bounds, and told by domain")
struct ReceivedReportTests {
    private let oldest = noon.day.advanced(by: -60)

    private func report(
        _ id: String, by organization: String? = "Sender Inc.", day: UTCDay = noon.day,
        _ results: [(domain: String, tally: Tally)]
    ) -> Report {
        Report(
            organizationName: organization, dateRange: .init(day), contactInfo: "tls@sender.example", reportID: id,
            policies: results.map { PolicyResult(ReportedPolicy(.sts, domain: $0.domain), $0.tally) })
    }

    private func expired(_ host: String, _ count: Int, ip: String? = nil) -> [FailureDetails: Int] {
        [FailureDetails(.certificateExpired, sendingMTAIP: ip, receivingMXHostname: host): count]
    }

    /// Reports of one sender, of which each but those that are marked is another.
    static let alike: [(what: String, reports: [(id: String, domain: String, day: Int64, successes: Int)], kept: Int)] =
        [
            ("one id for the reports of a day", [("1", "a.example", 0, 3), ("1", "b.example", 0, 3)], 2),
            ("one id for each day", [("1", "a.example", 0, 3), ("1", "a.example", -1, 3)], 2),
            ("the same, sent again", [("1", "a.example", 0, 3), ("1", "a.example", 0, 3)], 1),
            (
                "the same id with other numbers, as a forged one may have",
                [("1", "a.example", 0, 3), ("1", "a.example", 0, 4)], 2
            ),
            ("without an id, another day", [("", "a.example", 0, 3), ("", "a.example", -1, 3)], 2),
            ("without an id, another domain", [("", "a.example", 0, 3), ("", "b.example", 0, 3)], 2),
            ("without an id, other numbers", [("", "a.example", 0, 3), ("", "a.example", 0, 4)], 2),
            ("without an id, sent again", [("", "a.example", 0, 3), ("", "a.example", 0, 3)], 1),
            (
                "ids that differ at their end", [("\(prefix)1", "a.example", 0, 3), ("\(prefix)2", "a.example", 0, 3)],
                2
            ),
        ]
    private static let prefix = String(repeating: "i", count: 300)

    @Test(
        "reports are told apart by reporter, id, period and all that they say", arguments: alike)
    func identity(
        _ what: String, _ reports: [(id: String, domain: String, day: Int64, successes: Int)], kept: Int
    ) async throws {
        let store = try Scratch().store()
        var stored = 0
        for one in reports {
            let tally = Tally(successes: one.successes, failures: 1, details: expired("mx", 1))
            let report = report(one.id, day: noon.day.advanced(by: one.day), [(one.domain, tally)])
            if try await store.receive(report, at: noon, since: oldest) == .stored { stored += 1 }
        }
        #expect(stored == kept)
    }

    @Test(
        "a report is of the day of its middle",
        arguments: [
            ("2026-09-20T00:00:00+09:00", "2026-09-20T23:59:59+09:00", "2026-09-20"),
            ("2026-09-20T00:00:00-08:00", "2026-09-20T23:59:59-08:00", "2026-09-20"),
            ("2026-09-20T00:00:00Z", "2026-09-20T23:59:59Z", "2026-09-20"),
            ("2026-09-20T00:00:00Z", "2026-09-21T00:00:00Z", "2026-09-20"),
            // The end lies before the beginning.
            ("2026-09-20T00:00:00Z", "2026-09-01T00:00:00Z", "2026-09-20"),
        ])
    func days(_ start: String, _ end: String, _ day: String) async throws {
        let store = try Scratch().store()
        let range = try Report.DateRange(
            start: #require(UTCTime(dateTime: start)), end: #require(UTCTime(dateTime: end)))
        let one = Report(
            organizationName: "Sender Inc.", dateRange: range, contactInfo: nil, reportID: "1",
            policies: [PolicyResult(ReportedPolicy(.sts, domain: "a.example"), Tally(successes: 1))])
        #expect(try await store.receive(one, at: noon, since: oldest) == .stored)
        let found = try await store.received(from: oldest, through: noon.day.advanced(by: 1))
        #expect(found.first?.days.map(\.day.description) == [day])
    }

    @Test("sessions of which nobody says whose they are, are left out and told of")
    func nameless() async throws {
        let store = try Scratch().store()
        let one = report("1", [("a.example", Tally(successes: 3)), ("", Tally(successes: 4, failures: 2))])
        #expect(try await store.receive(one, at: noon, since: oldest) == .storedInPart(leftOut: 6))
        #expect(try await store.receive(one, at: noon, since: oldest) == .known)
        let found = try await store.received(from: noon.day, through: noon.day)
        #expect(found.map(\.successes) == [3])
    }

    @Test("a report counts once for each organisation and id")
    func once() async throws {
        let store = try Scratch().store()
        let one = report("1", [("a.example", Tally(successes: 3, failures: 1, details: expired("mx.a.example", 1)))])
        #expect(try await store.receive(one, at: noon, since: oldest) == .stored)
        #expect(try await store.receive(one, at: noon, since: oldest) == .known)
        let other = report("1", by: "Other", one.policies.map { ($0.policy.domain ?? "", $0.tally) })
        #expect(try await store.receive(other, at: noon, since: oldest) == .stored)
        let found = try await store.received(from: noon.day, through: noon.day)
        #expect(found.count == 1 && found[0].successes == 6 && found[0].failures == 2)
        #expect(found[0].reporters.map(\.name) == ["Other", "Sender Inc."])
    }

    @Test("reports and sessions of some days, in numbers")
    func counts() async throws {
        let store = try Scratch().store()
        let yesterday = noon.day.advanced(by: -1)
        #expect(try await store.receivedCounts(from: yesterday, through: noon.day) == ReceivedCounts())
        for (id, day, failures) in [("1", noon.day, 2), ("2", yesterday, 0), ("3", noon.day.advanced(by: -2), 5)] {
            let tally = Tally(successes: 10, failures: failures, details: expired("mx.a.example", failures))
            let one = report(id, day: day, [("a.example", tally), ("b.example", Tally(successes: 1))])
            #expect(try await store.receive(one, at: noon, since: oldest) == .stored)
        }
        let found = try await store.receivedCounts(from: yesterday, through: noon.day)
        #expect(found.reports == 2 && found.failing == 1 && found.successes == 22 && found.failures == 2)
        #expect(found.last == noon)
    }

    @Test("reports without a domain, of days long past or to come, are not stored")
    func refused() async throws {
        let store = try Scratch().store()
        func reception(_ day: Int64, _ domains: [String] = ["a.example"]) async throws -> Reception {
            let report = report("\(day)", day: noon.day.advanced(by: day), domains.map { ($0, Tally(successes: 1)) })
            return try await store.receive(report, at: noon, since: oldest)
        }
        #expect(try await reception(-61) == .untimely)
        #expect(try await reception(-60) == .stored)
        #expect(try await reception(1) == .stored)
        #expect(try await reception(2) == .untimely)
        #expect(try await reception(0, []) == .empty)
        #expect(try await reception(0, [""]) == .empty)
    }

    @Test("failures first, with hosts, days and who told of them")
    func trends() async throws {
        let store = try Scratch().store()
        let yesterday = noon.day.advanced(by: -1)
        let reports = [
            report(
                "1", day: yesterday,
                [
                    ("good.example", Tally(successes: 1000)),
                    (
                        "Bad.Example",
                        Tally(successes: 1, failures: 2, details: expired("mx1.bad.example", 2, ip: "192.0.2.1"))
                    ),
                ]),
            report(
                "2", by: "Other",
                [("bad.example", Tally(failures: 3, details: expired("MX1.bad.example", 3, ip: "192.0.2.2")))]),
            report("3", by: "Third", day: noon.day.advanced(by: -30), [("bad.example", Tally(failures: 9))]),
        ]
        for report in reports { #expect(try await store.receive(report, at: noon, since: oldest) == .stored) }
        let found = try await store.received(from: noon.day.advanced(by: -13), through: noon.day)
        #expect(found.map(\.domain) == ["bad.example", "good.example"])
        let bad = try #require(found.first)
        #expect(bad.failures == 5 && bad.successes == 1)
        #expect(bad.days.map(\.day) == [yesterday, noon.day] && bad.days.map(\.failures) == [2, 3])
        #expect(bad.reporters.map { "\($0.name) \($0.reports) \($0.failures)" } == ["Other 1 3", "Sender Inc. 1 2"])
        #expect(
            bad.kinds == [
                ReceivedDomain.Failure(
                    details: FailureDetails(.certificateExpired, receivingMXHostname: "mx1.bad.example"), sessions: 5,
                    firstDay: yesterday, lastDay: noon.day, reporters: ["Other", "Sender Inc."])
            ])
        let only = try await store.received(from: noon.day, through: noon.day, of: try name("good.example"))
        #expect(only.isEmpty)
    }

    @Test("a hostile report is cut: domains, kinds of failure, texts and numbers")
    func hostile() async throws {
        let store = try Scratch().store()
        var details: [FailureDetails: Int] = [:]
        for number in 0..<500 {
            details[FailureDetails(.validationFailure, reasonCode: "\(number)" + String(repeating: "x", count: 9000))] =
                .max
        }
        let many = (0..<200).map { (domain: "d\($0).example", tally: Tally(successes: .max, failures: .max)) }
        let evil = report(
            String(repeating: "i", count: 9000), by: String(repeating: "\u{1b}", count: 9000),
            [("a.example", Tally(failures: .max, details: details))] + many)
        #expect(try await store.receive(evil, at: noon, since: oldest) == .stored)
        #expect(try await store.receive(evil, at: noon, since: oldest) == .known)
        let found = try await store.received(from: noon.day, through: noon.day)
        #expect(found.count == ReceivedBounds.domains)
        let one = try #require(found.first { $0.domain == "a.example" })
        #expect(one.kinds.count == ReceivedBounds.kinds + 1 && one.failures > 0)
        #expect(one.kinds.allSatisfy { ($0.details.reasonCode ?? "").utf8.count <= ReceivedBounds.textOctets })
        let octets = try await store.read { db in
            try Int.fetchOne(db, sql: "SELECT sum(length(reason)) FROM received_failure") ?? 0
        }
        #expect(octets <= (ReceivedBounds.kinds + 1) * ReceivedBounds.textOctets)
    }

    /// Fills the table with reports of a day, each by `reporter` with its number behind `%`.
    private func fill(_ store: Store, _ count: Int, of day: UTCDay, by reporter: String) async throws {
        try await store.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                    INSERT INTO received_report
                    (reporter, report_id, first_second, last_second, content, day, received_at)
                    SELECT replace(?, '%', i), i, 0, 0, 0, ?, 0 FROM n
                    """, arguments: [count, reporter, day.daysSinceEpoch])
        }
    }

    @Test("whoever fills the table keeps nobody else's reports out")
    func crowded() async throws {
        let yesterday = noon.day.advanced(by: -1)
        let one = report("1", [("a.example", Tally(successes: 1))])
        // Many names on one day give way to another day's.
        var store = try Scratch().store()
        try await fill(store, ReceivedBounds.reports, of: yesterday, by: "forged %")
        #expect(try await store.receive(one, at: noon, since: oldest) == .stored)
        let all = try await store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM received_report") ?? -1 }
        #expect(all == ReceivedBounds.reports)
        // One name gives way to another on the same day, not to its own.
        store = try Scratch().store()
        try await fill(store, ReceivedBounds.reports - 1, of: noon.day, by: "forged")
        try await fill(store, 1, of: noon.day, by: "True")
        #expect(try await store.receive(one, at: noon, since: oldest) == .stored)
        let own = report("x", by: "forged", [("a.example", Tally(successes: 1))])
        #expect(try await store.receive(own, at: noon, since: oldest) == .full)
        let left = try await store.read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM received_report WHERE reporter != 'forged'") ?? -1
        }
        #expect(left == 2)
        // Nobody has more than another.
        store = try Scratch().store()
        try await fill(store, ReceivedBounds.reports, of: noon.day, by: "forged %")
        #expect(try await store.receive(one, at: noon, since: oldest) == .full)
    }

    @Test("what is older than is kept goes with its failures")
    func pruned() async throws {
        let store = try Scratch().store()
        let old = report(
            "1", day: noon.day.advanced(by: -20),
            [("a.example", Tally(failures: 1, details: expired("mx.a.example", 1)))])
        #expect(try await store.receive(old, at: noon, since: oldest) == .stored)
        #expect(
            try await store.receive(report("2", [("a.example", Tally(successes: 1))]), at: noon, since: oldest)
                == .stored)
        try await store.prune(before: noon.day.advanced(by: -10))
        let left = try await store.read { db in
            try ["received_report", "received_tally", "received_failure"].map {
                try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") ?? -1
            }
        }
        #expect(left == [1, 1, 0])
    }
}
