// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import TLSRPT
import Testing
@testable import Store

@Suite("A frozen report keeps the sums that its mail tells")
struct ReportTotalsTests {
    /// Freezes a report in a store of its own.
    private func freeze(_ totals: Tally?, in store: Store) async throws {
        let (domain, sender) = (try name("a.example"), try name("mta.example"))
        let fileName = try #require(
            ReportFileName(
                sender: sender, policyDomain: domain, range: .init(noon.day), uniqueID: "1", isCompressed: true))
        let report = CompressedReport(
            policyDomain: domain, submitter: sender, organizationName: "Example", contactInfo: "tlsrpt@mta.example",
            reportID: "1@mta.example", day: noon.day, fileName: fileName, body: [1, 2, 3], totals: totals)
        let destination = try ReportDestination("mailto:tls@a.example")
        let planned = [PlannedDelivery(to: destination, notBefore: noon)]
        _ = try await store.begin(noon.day, at: noon)
        try await store.settle(
            [ReportDecision(day: noon.day, domain: domain, outcome: .planned(report, planned))], at: noon)
    }

    private func kept(in store: Store) async throws -> CompressedReport {
        let owner = DeliveryOwner(name: "test", lease: .seconds(60))
        let claim = try await store.claim(DeliveryOrder(), for: owner, at: noon)
        let report = try await store.report(of: try #require(claim.deliveries.first))
        return try #require(report)
    }

    @Test("as it was made", arguments: [Tally(successes: 12, failures: 3), Tally(), Tally(failures: .max), nil])
    func kept(_ totals: Tally?) async throws {
        let store = try Scratch().store()
        try await freeze(totals, in: store)
        let report = try await kept(in: store)
        #expect(report.totals == totals && report.body == [1, 2, 3])
    }
}
