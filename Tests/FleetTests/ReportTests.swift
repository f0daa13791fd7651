// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Gzip
import LabKit
import PostgreSQL
import Reporting
import Store
import TLSRPT
import TestKit
import Testing
@testable import Fleet

/// They share one server, whose connections are few.
@Suite("A fleet makes and sends one report a domain and day", .serialized)
enum ReportTests {
    @Suite("A day is one machine's at a time")
    struct BookTests {
        private let site: FleetSite
        private let a: Machine
        private let b: Machine

        init() async throws {
            site = try await FleetSite()
            a = try Machine(site, "a")
            b = try Machine(site, "b")
        }

        private func close() {
            a.close()
            b.close()
        }

        /// As if the machine that has the day stood still for longer than its lease.
        private func endLease() async throws {
            try await site.lab.run("UPDATE sts.day SET until = now() - interval '1 s'")
        }

        @Test("machines that begin at once make one report of what all have counted, and each destination gets it once")
        func twoBuilders() async throws {
            defer { close() }
            for index in 0..<40 { site.records.set("d\(index).example", rua: "mailto:t@d\(index).example") }
            for node in ["a", "b", "c"] {
                for _ in 0..<3 {
                    try await site.ship(
                        Dictionary(uniqueKeysWithValues: (0..<40).map { ("d\($0).example", (2, 1)) }), from: node)
                }
            }
            try await site.ship(["absent.example": (1, 0)])
            async let first = try? a.build()
            async let second = try? b.build()
            let summaries = [await first, await second].compactMap { $0 }
            #expect(summaries.count == 1 && summaries.first?.planned == 40 && summaries.first?.absent == 1)
            #expect(try await site.number("SELECT count(*) FROM sts.day WHERE ended IS NOT NULL") == 1)
            async let one: Void = a.send()
            async let other: Void = b.send()
            _ = try await (one, other)
            #expect(site.carrier.sent.count == 40 && Set(site.carrier.sent).count == 40)
            #expect(site.carrier.reports.allSatisfy { $0.totals == Tally(successes: 18, failures: 9) })
            let ids = Set(site.carrier.reports.map { $0.reportID.split(separator: ".")[1] })
            #expect(ids == [Substring(try await a.counts.token())], "\(ids)")
            #expect(try await a.counts.openDays(before: site.day) == [])
        }

        @Test("a machine whose lease another has taken writes nothing more")
        func fence() async throws {
            defer { close() }
            site.records.set("d.example", rua: "mailto:t@d.example")
            try await site.ship(["d.example": (1, 0)])
            // The machine stands still while it looks the record up, and another has done all when it goes on.
            let (lab, b) = (site.lab, b)
            let isFirst = Locked(true)
            site.records.onLook { _ in
                guard
                    isFirst.withLock({ was in
                        defer { was = false }; return was
                    })
                else { return }
                _ = try? await lab.run("UPDATE sts.day SET until = now() - interval '1 s'")
                _ = try? await b.counts.begin(UTCDay(daysSinceEpoch: lab.yesterday), at: SystemClock().now)
            }
            await #expect(throws: FleetDayError.lost(site.day)) { try await a.build() }
            #expect(try await site.number("SELECT count(*) FROM sts.report") == 0)
            #expect(try await site.number("SELECT count(*) FROM sts.delivery") == 0)
            #expect(try await site.number("SELECT fence FROM sts.day") == 2)
            await #expect(throws: FleetDayError.notOurs(site.day)) { try await a.build() }
            #expect(try await b.build().planned == 1)
            await #expect(throws: FleetDayError.lost(site.day)) {
                try await a.counts.end(site.day, at: SystemClock().now)
            }
        }

        @Test("the lease of a machine that is gone ends, and another goes on with what is not settled")
        func takeover() async throws {
            defer { close() }
            for name in ["d", "e"] { site.records.set("\(name).example", rua: "mailto:t@\(name).example") }
            try await site.ship(["d.example": (1, 0), "e.example": (1, 0)])
            _ = try await a.builder.build(site.day, only: DomainName("d.example"))
            #expect(try await b.counts.openDays(before: site.day) == [])
            try await endLease()
            #expect(try await b.counts.openDays(before: site.day) == [site.day])
            #expect(try await b.build().planned == 1)
            #expect(try await site.states() == ["mailto:t@d.example": "waiting", "mailto:t@e.example": "waiting"])
        }

        @Test("a day waits for machines that have not sent all they counted, and then goes on without them, named")
        func waiting() async throws {
            defer { close() }
            let patient = try Machine(site, "c", wait: .seconds(3 * 86_400))
            defer { patient.close() }
            try await site.ship(["d.example": (1, 0)])
            for machine in [a, b, patient] { _ = try await machine.counts.token() }
            let day = site.day.daysSinceEpoch
            try await site.lab.run("UPDATE sts.node SET closed_through = \(day) WHERE node <> 'b'")
            guard case .waiting(["b.example"], let end) = try await patient.readiness() else {
                throw LabError("it does not wait")
            }
            let left = end - patient.clock.now
            #expect(left > .seconds(2 * 86_400) && left <= .seconds(3 * 86_400))
            #expect(try await a.readiness() == .overdue(["b.example"]))
            // Gone for days, or all is there.
            try await site.lab.run("UPDATE sts.node SET seen = now() - interval '49 hours' WHERE node = 'b'")
            #expect(try await patient.readiness() == .complete)
            try await site.lab.run("UPDATE sts.node SET seen = now(), closed_through = \(day) WHERE node = 'b'")
            #expect(try await patient.readiness() == .complete)
        }

        @Test("late counts open a day again: domains without a report get one, and no report changes")
        func late() async throws {
            defer { close() }
            for name in ["d", "e", "f"] { site.records.set("\(name).example", rua: "mailto:t@\(name).example") }
            try await site.ship(["d.example": (1, 0), "e.example": (1, 0)])
            try await a.build()
            let before = try await site.lab.run("SELECT * FROM sts.report ORDER BY domain")
            #expect(before.count == 2)
            try await site.ship(["d.example": (5, 5), "f.example": (2, 0)], from: "b")
            #expect(try await b.counts.openDays(before: site.day) == [site.day])
            #expect(try await b.build().planned == 1)
            let after = try await site.lab.run("SELECT * FROM sts.report ORDER BY domain")
            #expect(after.count == 3 && Array(after.prefix(2)) == before)
            #expect(try await a.counts.openDays(before: site.day) == [])
        }

        @Test("a machine that is late with every batch has the day added up a few times, not with each batch")
        func alwaysLate() async throws {
            defer { close() }
            for name in ["d", "e", "f"] { site.records.set("\(name).example", rua: "mailto:t@\(name).example") }
            try await site.ship(["d.example": (1, 0)])
            try await a.build()
            let (site, late) = (site, try await CountingMachine(in: site.lab, SystemClock()))
            @Sendable func ship(_ domain: String) async throws {
                try await late.count(domain, 1, on: site.day)
                try await late.store.seal(at: SystemClock().now, isThorough: true)
                try await late.shipper.ship()
            }
            func rest() async throws -> Int64 {
                try await site.number("SELECT round(extract(epoch FROM rests_until - now()) / 60)::bigint FROM sts.day")
            }
            try await ship("e.example")
            #expect(try await site.number("SELECT count(*) FROM sts.day WHERE ended IS NULL") == 1)
            #expect(try await b.counts.openDays(before: site.day) == [], "what comes late is waited for")
            #expect(try await rest() == 60)
            #expect(try await FleetSurvey.read(site.lab.owner).days.first?.restSeconds ?? 0 > 3500)
            // It changes nothing that more comes.
            try await ship("f.example")
            #expect(try await rest() == 60)
            try await site.lab.run("UPDATE sts.day SET rests_until = rests_until - interval '1 hour'")
            #expect(try await b.counts.openDays(before: site.day) == [site.day])
            // While it is added up, too.
            let isFirst = Locked(true)
            site.records.onLook { _ in
                guard
                    isFirst.withLock({ was in
                        defer { was = false }; return was
                    })
                else { return }
                try? await ship("g.example")
            }
            await #expect(throws: FleetDayError.moreCounts(site.day)) { try await b.build() }
            #expect(try await site.number("SELECT count(*) FROM sts.report") == 3, "both that were late")
            #expect(try await a.counts.openDays(before: site.day) == [])
            #expect(try await rest() == 120)
            // An operator who asks for it does not wait.
            _ = try await FleetReportList(site.lab.owner).reopen(site.day, nil)
            #expect(try await a.counts.openDays(before: site.day) == [site.day])
            // With each time it takes longer.
            var rests: [Int64] = []
            for number in 0..<6 {
                try await a.build()
                try await ship("h\(number).example")
                rests.append(try await rest())
            }
            #expect(rests == [4, 8, 16, 32, 64, 64].map { $0 * 60 })
        }

        @Test("a batch that comes between the last read and the end of the day is not lost")
        func slippedIn() async throws {
            defer { close() }
            for name in ["d", "e"] { site.records.set("\(name).example", rua: "mailto:t@\(name).example") }
            try await site.ship(["d.example": (1, 0)])
            let isFirst = Locked(true)
            site.records.onLook { [site] _ in
                guard
                    isFirst.withLock({ was in
                        defer { was = false }; return was
                    })
                else { return }
                try? await site.ship(["e.example": (3, 0)], from: "b")
            }
            await #expect(throws: FleetDayError.moreCounts(site.day)) { try await a.build() }
            #expect(try await site.number("SELECT count(*) FROM sts.day WHERE ended IS NOT NULL") == 0)
            #expect(try await a.build().planned == 1)
            #expect(try await site.number("SELECT count(*) FROM sts.report") == 2)
            #expect(try await site.number("SELECT count(*) FROM sts.day WHERE ended IS NOT NULL") == 1)
        }

        @Test("nor one whose transaction is open while the day is ended")
        func openTransaction() async throws {
            defer { close() }
            site.records.set("d.example", rua: "mailto:t@d.example")
            try await site.ship(["d.example": (1, 0)])
            _ = try await a.counts.begin(site.day, at: SystemClock().now)
            let shipper = try PostgresConnection(site.lab.owner.text)
            defer { shipper.close() }
            let day = site.day.daysSinceEpoch
            let shipping = Task {
                try await shipper.transaction(within: FleetLab.limit) { session throws(PostgresError) in
                    try session.run("SELECT day FROM sts.day WHERE day = \(day) FOR SHARE")
                    try session.run(
                        "INSERT INTO sts.batch (node, number, day, lines, sessions, body) VALUES ('b', 1, \(day), 0, 0, '')"
                    )
                    try session.run("SELECT pg_sleep(0.5)")
                }
            }
            try await Wait.until("the batch is written") {
                try await site.number("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(0.5)'") == 1
            }
            await #expect(throws: FleetDayError.moreCounts(site.day)) {
                try await a.counts.end(site.day, at: SystemClock().now)
            }
            try await shipping.value
            #expect(try await site.number("SELECT count(*) FROM sts.day WHERE ended IS NOT NULL") == 0)
        }

        @Test("sums keep to the bounds that one machine's counts have")
        func bounds() async throws {
            defer { close() }
            site.records.set("d.example", rua: "mailto:t@d.example")
            for node in 0..<3 {
                var tally = Tally(successes: 0, failures: 150)
                for kind in 0..<150 {
                    var details = FailureDetails(type: Registered("certificate-expired"))
                    details.receivingMXHostname = "mx\(node * 100 + kind).example"
                    tally.details[details] = 1
                }
                let line = CountsLine(
                    domain: try DomainName("d.example"),
                    result: PolicyResult(ReportedPolicy(.noPolicyFound, domain: "d.example"), tally))
                try await site.ship(FleetSite.body([line]), lines: 1, from: "n\(node)")
            }
            try await a.build()
            try await a.send()
            let report = try #require(site.carrier.reports.first)
            #expect(report.totals == Tally(successes: 0, failures: 450))
            let text = String(decoding: try decompress(report.body, limitBytes: 1 << 20), as: UTF8.self)
            // 350 kinds: those of a domain's share, and the sum of the others.
            #expect(text.components(separatedBy: "certificate-expired").count - 1 == Ledger.maxDetails + 1)
            #expect(text.contains("mx99.example"))
        }

        @Test("a batch that cannot be read stops the day, and is named in the day's row")
        func unreadable() async throws {
            defer { close() }
            site.records.set("d.example", rua: "mailto:t@d.example")
            let line = #"{"details":[],"domain":"d.example","failures":0,"policy":{"#
            let table: [(body: [UInt8], lines: Int)] = [
                (Array("no gzip".utf8), 1), (try compress(Array("{}\n".utf8)), 1), (try compress(Array(line.utf8)), 1),
                (try compress([]), 1), (try compress(Array("{\"end\":0}\n".utf8)), 0),
                (Array(try compress(Array("x\n".utf8)).dropLast(9)), 1),
            ]
            for row in table {
                try await site.ship(["d.example": (1, 0)])
                try await site.ship(row.body, lines: row.lines, from: "z")
                let error = await #expect(throws: FleetDayError.self) { try await a.build() }
                guard case .unreadable(site.day, "z", _, _)? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                let trouble = try await site.lab.run("SELECT trouble FROM sts.day").first?[0] ?? ""
                #expect(trouble.contains("of node z cannot be read"))
                #expect(try await site.number("SELECT count(*) FROM sts.report") == 0)
                // Another machine may have it at once, and what is said of the day stays until it was read.
                try await a.counts.giveBack(site.day)
                await #expect(throws: FleetDayError.self) { try await b.build() }
                try await b.counts.giveBack(site.day)
                #expect(try await site.lab.run("SELECT trouble FROM sts.day").first?[0] != "")
                try await site.lab.run("UPDATE sts.batch SET skipped = true WHERE node = 'z'")
            }
            #expect(try await a.build().planned == 1)
            #expect(try await site.lab.run("SELECT trouble FROM sts.day").first?[0] == "")
        }

        @Test("what is older than the retention goes, and batches a week after their day has ended")
        func pruning() async throws {
            defer { close() }
            site.records.set("d.example", rua: "mailto:t@d.example")
            try await site.ship(["d.example": (1, 0)])
            try await a.build()
            try await b.counts.prune(keeping: 60)
            #expect(try await site.number("SELECT count(*) FROM sts.batch") == 1)
            try await site.lab.run("UPDATE sts.batch SET received = now() - interval '8 days'")
            try await b.counts.prune(keeping: 60)
            #expect(try await site.number("SELECT count(*) FROM sts.batch") == 0)
            #expect(try await site.number("SELECT count(*) FROM sts.report") == 1)
            try await b.counts.prune(keeping: 0)
            for table in ["day", "report", "delivery", "report_share"] {
                #expect(try await site.number("SELECT count(*) FROM sts.\(table)") == 0, "\(table)")
            }
        }
    }
}

extension FleetLab {
    /// By the clock of this machine, on which the server runs.
    var yesterday: Int64 { SystemClock().now.day.daysSinceEpoch - 1 }
}
