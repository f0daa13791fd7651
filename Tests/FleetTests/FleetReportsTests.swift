// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import Logging
import PostgreSQL
import Reporting
import Store
import TestKit
import Testing
@testable import Daemon
@testable import Fleet
@testable import Settings

extension ReportTests {
    @Suite("The daemon makes and sends the fleet's reports, and says what they wait for")
    struct DaemonTests {
        private let site: FleetSite
        private let log = CapturedLog()
        private let noted = Noted()

        private final class Noted: Sendable {
            private let all = Locked<[Set<String>]>([])
            var last: Set<String>? { all.withLock { $0.last } }
            func append(_ addresses: Set<String>) { all.withLock { $0.append(addresses) } }
        }

        init() async throws {
            site = try await FleetSite()
            site.records.set("d.example", rua: "mailto:t@d.example")
            try await site.ship(["d.example": (1, 0)])
        }

        private func reports(_ database: FleetDatabase, wait: Duration) throws -> FleetReports {
            var fleet = FleetSettings(server: try site.lab.owner)
            fleet.wait = wait
            let file = try SettingsFile(
                text: "network.helo_name = \"mta.lab\"\n[report]\nspread = \"0s\"", name: "test")
            return FleetReports(
                fleet, try Settings(file).reports, host: try DomainName("mta.lab"), database: database,
                store: try Store(path: site.directory.path + "/own.sqlite", logger: log.logger), records: site.records,
                carrier: site.carrier, clock: TestClock(site.day.advanced(by: 1).start + .seconds(43_200)),
                logger: log.logger, steadiness: .zero,
                noteAddresses: { [noted] in noted.append($0) })
        }

        private func count(_ text: String) -> Int { log.lines.count { $0.contains(text) } }

        @Test("a day waits for a machine, named once, and is then reported without it")
        func waiting() async throws {
            let database = try site.lab.member("a")
            defer { database.close() }
            let slow = try Machine(site, "slow")
            defer { slow.close() }
            _ = try await slow.counts.token()
            try await database.perform { session throws(PostgresError) in _ = try session.run("SELECT 1") }
            let patient = try reports(database, wait: .seconds(3 * 86_400))
            try await site.lab.run("UPDATE sts.node SET closed_through = 1000000 WHERE node <> 'slow'")
            for _ in 0..<2 {
                await patient.buildDue()
                await patient.sendDue()
            }
            #expect(count("notice the fleet's reports of a day wait for the counts of machines") == 1)
            #expect(count("machines=slow.example until=") == 1)
            #expect(site.carrier.sent.isEmpty)
            let hasty = try reports(database, wait: .zero)
            await hasty.buildDue()
            await hasty.sendDue()
            #expect(count("warning the fleet's reports of a day are made without the counts of some machines") == 1)
            #expect(site.carrier.sent == ["mailto:t@d.example"])
            #expect(count("notice the fleet's reports made") == 1)
            // Whoever did not make them knows as well that their mails are no mail to report on.
            #expect(noted.last == ["t@d.example"])
            await patient.sendDue()
            #expect(noted.last == ["t@d.example"])
        }

        @Test("while the database is away nothing is made and nothing sent, which is said once, as is its return")
        func databaseAway() async throws {
            let relay = try TCPRelay(
                address: "127.8.2.9", port: 5450, to: (site.lab.postgres.address, site.lab.postgres.port))
            defer { relay.stop() }
            relay.set(.refuse)
            let database = try site.lab.member("a", by: [relay])
            defer { database.close() }
            let reports = try reports(database, wait: .zero)
            for _ in 0..<3 { await reports.buildDue() }
            for _ in 0..<3 { await reports.sendDue() }
            #expect(count("warning the fleet's reports wait, its database cannot be used") == 2, "to make, and to send")
            #expect(site.carrier.sent.isEmpty)
            relay.set(.pass)
            for _ in 0..<2 {
                await reports.buildDue()
                await reports.sendDue()
            }
            #expect(count("notice the fleet's database can be used again, its reports go on") == 2)
            #expect(site.carrier.sent == ["mailto:t@d.example"])
        }
    }
}
