// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Gzip
import Store
import TLSRPT
import TestKit
import Testing
@testable import Reporting

@Suite("A day's counts become one report a domain")
struct BuildingTests {
    @Test("a domain with a record gets its report, named and numbered as the RFC says")
    func planned() async throws {
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "a.example", failing: true)
        try await site.count(store, "a.example", "b.example")
        site.records.set("a.example", rua: "mailto:tls@a.example", "https://a.example/r")
        let summary = try await site.builder(store).build(site.day)
        #expect(summary == ReportBuilder.Summary(planned: 1, absent: 1))
        try await site.sender(store).send(DeliveryOrder())
        let carriages = site.carrier.carriages
        #expect(Set(carriages.map(\.destination)) == ["mailto:tls@a.example", "https://a.example/r"])
        #expect(Set(carriages.map(\.report)).count == 1)
        let packed = try #require(carriages.first?.report)
        let report = try Report(json: decompress(packed.body, limitBytes: 1 << 20))
        #expect(report.reportID == packed.reportID)
        #expect(report.reportID.hasPrefix("2026-11-23.") && report.reportID.hasSuffix(".a.example@mta.example"))
        #expect(report.dateRange == Report.DateRange(site.day))
        #expect(report.contactInfo == "tlsrpt@mta.example" && report.organizationName == "Example Org")
        #expect(report.policies.map(\.tally.successes) == [1] && report.policies.map(\.tally.failures) == [1])
        #expect(packed.totals == Tally(successes: 1, failures: 1))
        let name = try #require(ReportFileName(packed.fileName.description))
        #expect(name == packed.fileName && name.isCompressed && name.uniqueID != nil)
        #expect(packed.fileName.description.hasPrefix("mta.example!a.example!1795392000!1795478399!"))
    }

    @Test("the report of another machine with the same contact has another id and file name")
    func sources() throws {
        let results = DomainResults(domain: try DomainName("a.example"), policies: [])
        let day = try #require(UTCDay("2026-11-23"))
        let packed = try ["mx1.example", "mx2.example", "mx1.example"].map { source in
            try ReportMaker(Site.settings { $0.source = source }).pack(results, on: day)
        }
        #expect(packed[0] == packed[2])
        #expect(packed[0].reportID != packed[1].reportID)
        #expect(packed[0].fileName != packed[1].fileName)
    }

    @Test("counts of a domain without a record go with the day, all others stay")
    func absent() async throws {
        let site = try Site()
        let store = try site.store()
        let next = site.day.advanced(by: 1)
        try await site.count(store, "none.example", "a.example", "odd.example", failing: true)
        try await site.count(store, "none.example", on: next)
        site.records.set("a.example", rua: "mailto:tls@a.example")
        site.records.set(
            "odd.example", .texts(["v=TLSRPTv1; rua=mailto:x@x.example", "v=TLSRPTv1; rua=https://x.example"]))
        try await site.builder(store).build(site.day)
        #expect(try await domains(store, site.day) == ["a.example", "odd.example"])
        #expect(try await domains(store, next) == ["none.example"])
        #expect(try await site.states(store) == ["mailto:tls@a.example": "waiting", "odd.example": "invalid"])
        #expect(try await store.openDays(before: next).isEmpty)
    }

    private func domains(_ store: Store, _ day: UTCDay) async throws -> [String] {
        var names: [String] = []
        for try await results in store.results(of: day) { names.append(results.domain.ascii) }
        return names
    }

    static let odd: [(record: String, state: String, destinations: [String])] = [
        ("v=TLSRPTv1; rua=postmaster@x.example", "invalid", []),
        ("v=TLSRPTv1; rua=ftp://x.example", "invalid", []),
        ("v=TLSRPTv1; rua=", "invalid", []),
        ("v=TLSRPTv1", "absent", []),
        (
            "v=TLSRPTv1 ; ext=1; rua=MAILTO:a%2Bb@x.example?subject=x , https://x.example/?q", "waiting",
            ["https://x.example/?q", "mailto:a+b@x.example"]
        ),
        ("v=TLSRPTv1; rua=mailto:50%25off@x.example", "waiting", ["mailto:50%25off@x.example"]),
        ("v=TLSRPTv1; rua=mailto:a%3Fb@x.example", "waiting", ["mailto:a%3Fb@x.example"]),
        ("v=TLSRPTv1; rua=ftp://x.example,https://x.example:8443/", "waiting", ["https://x.example:8443/"]),
    ]

    @Test("an odd record holds up nobody", arguments: odd.indices)
    func oddRecord(_ index: Int) async throws {
        let (record, state, destinations) = Self.odd[index]
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "x.example", "y.example")
        site.records.set("x.example", .texts([record]))
        site.records.set("y.example", rua: "mailto:tls@y.example")
        try await site.builder(store).build(site.day)
        var expected = ["mailto:tls@y.example": "waiting"]
        for destination in destinations { expected[destination] = state }
        if destinations.isEmpty, state != "absent" { expected["x.example"] = state }
        #expect(try await site.states(store) == expected)
        try await site.sender(store).send(DeliveryOrder())
        #expect(site.carrier.destinations.sorted() == (destinations + ["mailto:tls@y.example"]).sorted())
    }

    @Test("a record that cannot be looked up is tried again for a day, and holds up nobody")
    func unavailable() async throws {
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "a.example", "b.example")
        site.records.set("a.example", .unavailable)
        site.records.set("b.example", rua: "mailto:tls@b.example")
        let builder = try site.builder(store)
        #expect(try await builder.build(site.day) == ReportBuilder.Summary(planned: 1, pending: 1))
        #expect(try await store.openDays(before: site.day.advanced(by: 1)) == [site.day])
        site.clock.advance(by: .seconds(3600))
        #expect(try await builder.build(site.day) == ReportBuilder.Summary(pending: 1))
        #expect(site.records.looks(at: "b.example") == 1)
        site.records.set("a.example", rua: "mailto:tls@a.example")
        #expect(try await site.builder(site.store()).build(site.day) == ReportBuilder.Summary(planned: 1))
        #expect(try await store.openDays(before: site.day.advanced(by: 1)).isEmpty)
        #expect(try await site.states(store).count == 2)
    }

    @Test("after a day of trying it is given up, and named")
    func givenUp() async throws {
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "a.example")
        site.records.set("a.example", .unavailable)
        try await site.builder(store).build(site.day)
        site.clock.advance(by: .seconds(24 * 3600 + 1))
        #expect(try await site.builder(store).build(site.day) == ReportBuilder.Summary(withoutReport: 1))
        #expect(try await site.states(store) == ["a.example": "unavailable"])
        #expect(try await store.openDays(before: site.day.advanced(by: 2)).isEmpty)
        #expect(site.log.lines.contains { $0.contains("could not be looked up") && $0.contains("a.example") })
    }

    @Test("names that are slow to look up do not hold up a hundred others", .timeLimit(.minutes(1)))
    func slowNames() async throws {
        let site = try Site()
        let store = try site.store()
        let gate = Gate()
        // They come first.
        for number in 0..<100 {
            try await site.count(store, "a\(number).example")
            site.records.set("a\(number).example", .hanging(gate))
        }
        let last = ReportBuilder.batchCount + 100
        for number in 0..<last {
            try await site.count(store, "b\(number).example")
            site.records.set("b\(number).example", rua: "mailto:tls@b\(number).example")
        }
        async let summary = try site.builder(store).build(site.day)
        #expect(try await eventually { try await site.states(store).count >= ReportBuilder.batchCount })
        gate.open()
        #expect(try await summary == ReportBuilder.Summary(planned: last, absent: 100))
    }

    @Test("only failures, where the operator wants it so")
    func onlyFailures() async throws {
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "good.example")
        try await site.count(store, "bad.example", failing: true)
        for name in ["good", "bad"] { site.records.set("\(name).example", rua: "mailto:tls@\(name).example") }
        try await site.builder(store, Site.settings { $0.onlyFailures = true }).build(site.day)
        #expect(try await site.states(store) == ["good.example": "no-failures", "mailto:tls@bad.example": "waiting"])
        #expect(site.records.looks(at: "good.example") == 0)
    }

    @Test("domains and destinations that the operator does not want")
    func never() async throws {
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "never.example", "sub.never.example", "a.example", "b.example")
        for name in ["never", "sub.never"] { site.records.set("\(name).example", rua: "mailto:tls@x.example") }
        site.records.set(
            "a.example", rua: "mailto:tls@spam.example", "https://in.spam.example/", "mailto:bad@x.example",
            "mailto:good@x.example", "https://x.example/no", "https://x.example/yes")
        site.records.set("b.example", rua: "mailto:bad@x.example")
        let settings = try Site.settings { settings in
            for entry in ["never.example", "spam.example", "bad@x.example", "https://x.example/no"] {
                let isTaken = settings.never.add(entry)
                #expect(isTaken, "\(entry)")
            }
            for entry in ["", "a b", "@x.example", "http://x.example/", "*.x.example"] {
                let isTaken = settings.never.add(entry)
                #expect(!isTaken, "\(entry)")
            }
        }
        try await site.builder(store, settings).build(site.day)
        #expect(
            try await site.states(store) == [
                "never.example": "never", "sub.never.example": "never", "b.example": "never",
                "mailto:good@x.example": "waiting", "https://x.example/yes": "waiting",
            ])
    }

    @Test("several days are each reported as the day they were")
    func severalDays() async throws {
        let site = try Site()
        let store = try site.store()
        let days = (-3...1).map { site.day.advanced(by: $0) }
        for day in days { try await site.count(store, "a.example", on: day) }
        site.records.set("a.example", rua: "mailto:tls@a.example")
        let open = try await store.openDays(before: site.clock.now.day)
        #expect(open == Array(days.dropLast()))
        for day in open { try await site.builder(store).build(day) }
        try await site.sender(store).send(DeliveryOrder())
        #expect(site.carrier.carriages.map(\.report.day).sorted() == open)
        for carriage in site.carrier.carriages {
            let report = try Report(json: decompress(carriage.report.body, limitBytes: 1 << 20))
            #expect(report.dateRange == Report.DateRange(carriage.report.day))
        }
        #expect(try await store.openDays(before: site.clock.now.day).isEmpty)
    }

    @Test("two processes that build the same day make each report once")
    func twoBuilders() async throws {
        let site = try Site()
        let store = try site.store()
        let names = (0..<300).map { "d\($0).example" }
        for name in names {
            try await site.count(store, name)
            site.records.set(name, rua: "mailto:tls@\(name)")
        }
        let other = try site.store()
        async let first = try site.builder(store).build(site.day)
        async let second = try site.builder(other).build(site.day)
        _ = try await (first, second)
        let lines = try await store.reportLines(of: site.day, failuresOnly: false)
        #expect(lines.count == names.count && Set(lines.map(\.domain)).count == names.count)
    }

    @Test("counts that come late change nothing that is frozen")
    func frozen() async throws {
        let site = try Site()
        let store = try site.store()
        try await site.count(store, "a.example")
        site.records.set("a.example", rua: "mailto:tls@a.example")
        try await site.builder(store).build(site.day)
        try await site.count(store, "a.example")
        try await site.builder(store, Site.settings { $0.organizationName = "Other" }).build(site.day)
        try await site.sender(store).send(DeliveryOrder())
        let packed = try #require(site.carrier.carriages.first?.report)
        let report = try Report(json: decompress(packed.body, limitBytes: 1 << 20))
        #expect(site.carrier.carriages.count == 1)
        #expect(report.policies.map(\.tally.successes) == [1] && report.organizationName == "Example Org")
    }

    @Test("deliveries are spread evenly, and a restart does not shuffle them")
    func spread() async throws {
        let hours = Duration.seconds(4 * 3600)
        let site = try Site()
        let store = try site.store()
        for number in 0..<400 {
            try await site.count(store, "d\(number).example")
            site.records.set("d\(number).example", rua: "mailto:tls@d\(number).example")
        }
        let began = site.clock.now
        // A process that began and went away does not shift the rest.
        _ = try await store.begin(site.day, at: began)
        site.clock.advance(by: .seconds(600))
        try await site.builder(store, Site.settings { $0.spread = hours }).build(site.day)
        let times = try await store.reportLines(of: site.day, failuresOnly: false).compactMap(\.nextTry)
        #expect(times.allSatisfy { $0 >= began && $0 < began + hours })
        for quarter in 0..<4 {
            let start = began + .seconds(3600 * quarter)
            let count = times.count { $0 >= start && $0 < start + .seconds(3600) }
            #expect((60...140).contains(count))
        }
        let again = try Site()
        let other = try again.store()
        try await again.count(other, "d7.example")
        again.records.set("d7.example", rua: "mailto:tls@d7.example")
        try await again.builder(other, Site.settings { $0.spread = hours }).build(again.day)
        let line = try #require(try await other.reportLines(of: nil, failuresOnly: false).first)
        let same = try #require(
            try await store.reportLines(of: nil, for: DomainName("d7.example"), failuresOnly: false).first)
        #expect(line.nextTry == same.nextTry)
    }
}
