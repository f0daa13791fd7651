// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import LabKit
import Logging
import Reporting
@testable import Settings
import Store
import TestKit
import TLSRPT
import Testing
@testable import Daemon

@Suite("The daemon reports each day when it is over")
struct ReportSchedulerTests {
    /// A scheduler whose clock stands at noon, with counts of the days before.
    private final class Site: WallClock, ReportRecordSource, ReportCarrier {
        let directory: TemporaryDirectory
        let store: Store
        private let time: Locked<UTCTime>
        private let records = Locked<ReportRecordLookup>(.unavailable("SERVFAIL"))
        private let carried = Locked<[String]>([])

        init(at time: UTCTime) throws {
            self.time = Locked(time)
            directory = try TemporaryDirectory("sts-lab-scheduler")
            store = try Store(path: directory.path + "/test.sqlite", logger: Logger(label: "test"))
        }

        var now: UTCTime { time.withLock { $0 } }
        func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
        func answer(_ texts: String...) { records.withLock { $0 = .found(TLSRPTRecord.select(from: texts)) } }
        var deliveries: [String] { carried.withLock { $0 } }

        func record(for domain: DomainName) async -> ReportRecordLookup { records.withLock { $0 } }
        func prepare(
            _ report: CompressedReport, for destination: ReportDestination
        ) async -> ReportPreparation {
            .held(Held(site: self, line: "\(report.day) \(report.policyDomain) \(destination)"))
        }

        private struct Held: HeldReport {
            let site: Site
            let line: String

            func finish() -> SendResult {
                site.carried.withLock { $0.append(line) }
                return .accepted("201")
            }

            func withdraw() {}
        }

        func count(_ domain: String, _ day: UTCDay) async throws {
            let ledger = Ledger(store: store, clock: self, logger: Logger(label: "test"))
            let policy = AppliedPolicy.reported(ReportedPolicy(.noPolicyFound, domain: domain))
            ledger.record([SessionCount(day: day, domain: try DomainName(domain), policy: policy, isFailure: false)])
            guard await ledger.flush() else { throw LabError("not counted") }
        }

        func scheduler(
            _ settings: String = "", host: String = "mta.lab", isInFleet: Bool = false,
            logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) throws -> ReportScheduler {
            let file = try SettingsFile(text: "network.helo_name = \"\(host)\"\n[report]\n" + settings, name: "test")
            return ReportScheduler(
                settings: try Settings(file).reports, isInFleet: isInFleet, store: store, records: self, carrier: self,
                clock: self,
                logger: logger)
        }
    }

    private func site() async throws -> (Site, UTCDay) {
        guard let day = UTCDay("2026-11-23") else { throw LabError("no day") }
        let site = try Site(at: day.start + .seconds(43_200))
        for before: Int64 in [-61, -2, -1, 0] { try await site.count("a.lab", day.advanced(by: before)) }
        return (site, day)
    }

    @Test("of a machine in a fleet only those days that it has begun before, whatever its logs tell of days of before")
    func fleet() async throws {
        let site = try Site(at: UTCTime(secondsSinceEpoch: 1_790_000_000))
        let today = UTCTime(secondsSinceEpoch: 1_790_000_000).day
        for days in [1, 3] as [Int64] { try await site.count("a.lab", today.advanced(by: -days)) }
        _ = try await site.store.begin(today.advanced(by: -3), at: UTCTime(secondsSinceEpoch: 1_790_000_000))
        site.answer("v=TLSRPTv1; rua=mailto:t@a.lab")
        let scheduler = try site.scheduler("spread = \"0s\"", isInFleet: true)
        site.advance(by: .seconds(3600))
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries == ["\(today.advanced(by: -3)) a.lab mailto:t@a.lab"])
    }

    @Test("days that nobody reported, as the days they were, and today not before it is over")
    func days() async throws {
        let (site, day) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        let scheduler = try site.scheduler("spread = \"0s\"")
        await scheduler.buildDue()
        await scheduler.sendDue()
        // Logs of the time before the start may still be read.
        #expect(site.deliveries.isEmpty)
        site.advance(by: ReportSchedule.startingTime)
        await scheduler.buildDue()
        await scheduler.sendDue()
        let reported = [day.advanced(by: -2), day.advanced(by: -1)]
        // Sent side by side, in no order.
        #expect(site.deliveries.sorted() == reported.map { "\($0) a.lab https://a.lab/" })
        site.advance(by: .seconds(43_200))
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries.last == "\(day) a.lab https://a.lab/" && site.deliveries.count == 3)
        await scheduler.prune()
        #expect(try await site.store.days().first == day.advanced(by: -2))
    }

    @Test("what is counted for a day that was done is reported too, where no report has gone out")
    func late() async throws {
        let (site, day) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        let scheduler = try site.scheduler("spread = \"0s\"")
        site.advance(by: ReportSchedule.startingTime)
        await scheduler.buildDue()
        await scheduler.sendDue()
        let before = site.deliveries
        for domain in ["a.lab", "b.lab"] { try await site.count(domain, day.advanced(by: -1)) }
        site.advance(by: ReportSchedule.retryPause)
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries == before + ["\(day.advanced(by: -1)) b.lab https://a.lab/"])
    }

    @Test("a report that was sent has one copy, however many destinations it has")
    func copies() async throws {
        let (site, day) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/,https://b.lab/")
        let scheduler = try site.scheduler("spread = \"0s\"\ncopy_to = \"archive@mta.lab\"")
        site.advance(by: ReportSchedule.startingTime)
        await scheduler.buildDue()
        await scheduler.sendDue()
        let expected = [Int64(-2), -1].flatMap { before in
            ["https://a.lab/", "https://b.lab/", "mailto:archive@mta.lab"].map {
                "\(day.advanced(by: before)) a.lab \($0)"
            }
        }
        #expect(site.deliveries.sorted() == expected)
    }

    @Test("a copy that fails neither holds up nor repeats the report")
    func failingCopy() async throws {
        let (site, day) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        let scheduler = try site.scheduler("spread = \"0s\"\ncopy_to = \"/proc/none/sent\"")
        site.advance(by: ReportSchedule.startingTime)
        await scheduler.buildDue()
        for _ in 0..<2 {
            await scheduler.sendDue()
            #expect(site.deliveries.sorted() == [Int64(-2), -1].map { "\(day.advanced(by: $0)) a.lab https://a.lab/" })
        }
        let lines = try await site.store.reportLines(of: nil, for: nil, failuresOnly: false)
        #expect(lines.count == 2 && lines.allSatisfy { $0.state == Delivery.State.accepted.rawValue })
    }

    @Test("a record that cannot be looked up is tried again an hour later")
    func retry() async throws {
        let (site, _) = try await site()
        let scheduler = try site.scheduler("spread = \"0s\"")
        site.advance(by: ReportSchedule.startingTime)
        await scheduler.buildDue()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        site.advance(by: .seconds(3000))
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries.isEmpty)
        site.advance(by: .seconds(600))
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries.count == 2)
    }

    @Test("off is off, until a reload says otherwise")
    func off() async throws {
        let (site, _) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        let scheduler = try site.scheduler("schedule = \"off\"")
        site.advance(by: ReportSchedule.startingTime)
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries.isEmpty)
        let daily = try SettingsFile(text: "network.helo_name = \"mta.lab\"\nreport.spread = \"0s\"", name: "test")
        scheduler.apply(try Settings(daily).reports)
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries.count == 2)
    }

    @Test("a host without a domain makes no reports that nobody could answer")
    func noDomain() async throws {
        let (site, _) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        site.advance(by: .zero - ReportSchedule.startingTime)
        let bare = try site.scheduler("spread = \"0s\"", host: "mta")
        let named = try site.scheduler("spread = \"0s\"\ncontact_info = \"tls@a.lab\"", host: "mta")
        site.advance(by: ReportSchedule.startingTime)
        for (scheduler, count) in [(bare, 0), (named, 2)] {
            await scheduler.buildDue()
            await scheduler.sendDue()
            #expect(site.deliveries.count == count)
        }
    }

    @Test("a day waits for the counts of other machines, but not for ever, and says so")
    func imports() async throws {
        let (site, day) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        let log = CapturedLog()
        let scheduler = try site.scheduler(
            "spread = \"0s\"\nimport_from = [\"mx2.lab\", \"mx3.lab\"]\nimport_wait = \"18h\"", logger: log.logger)
        site.advance(by: ReportSchedule.startingTime)
        // Of the day before yesterday it has waited for long enough.
        for _ in 0..<2 {
            await scheduler.buildDue()
            await scheduler.sendDue()
            #expect(site.deliveries == ["\(day.advanced(by: -2)) a.lab https://a.lab/"])
        }
        let waits = log.lines.filter { $0.contains("wait for the counts of other machines") }
        #expect(waits.count == 1 && waits.first?.contains("mx2.lab mx3.lab") == true, "\(log.lines)")
        for (host, number) in [("mx2.lab", 1), ("mx3.lab", 2)] {
            var work = try await CountsImport(site.store, at: site.now)
            let head = CountsHead(
                day: day.advanced(by: -1), node: String(repeating: "\(number)", count: 32), machine: "",
                host: try DomainName(host), number: 1)
            for entry in [CountsEntry.head(head), .end(lines: 0)] { try await work.add(entry, [], at: site.now) }
            _ = try await work.finish(since: day.advanced(by: -9), at: site.now)
            await scheduler.buildDue()
            await scheduler.sendDue()
            #expect(site.deliveries.count == number)
        }
        #expect(log.lines.filter { $0.contains("are made without the counts of some machines") }.count == 1)
    }

    @Test("whose counts another machine reports makes none, and sends what it had made before")
    func exported() async throws {
        let (site, day) = try await site()
        site.answer("v=TLSRPTv1; rua=https://a.lab/")
        let scheduler = try site.scheduler("spread = \"0s\"")
        _ = try await site.store.handOver(day.advanced(by: -2), of: DomainName("mta.lab"), at: site.now)
        site.advance(by: ReportSchedule.startingTime)
        await scheduler.buildDue()
        let export = try SettingsFile(
            text: "network.helo_name = \"mta.lab\"\nreport.schedule = \"export\"", name: "test")
        scheduler.apply(try Settings(export).reports)
        await scheduler.sendDue()
        #expect(site.deliveries == ["\(day.advanced(by: -1)) a.lab https://a.lab/"])
        site.advance(by: .seconds(86_400))
        await scheduler.buildDue()
        await scheduler.sendDue()
        #expect(site.deliveries.count == 1)
    }

    @Test("it ends when its task does", .timeLimit(.minutes(1)))
    func stop() async throws {
        let (site, _) = try await site()
        let scheduler = try site.scheduler()
        let task = Task { await scheduler.run() }
        task.cancel()
        await task.value
    }
}
