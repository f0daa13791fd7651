// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import Store
import TLSRPT
import Testing

extension Store {
    /// Has a report wait for its destination.
    func plan(_ destination: String, for domain: String, on day: UTCDay) async throws {
        let results = DomainResults(
            domain: try DomainName(domain),
            policies: [PolicyResult(ReportedPolicy(.noPolicyFound, domain: domain), Tally(successes: 1))])
        let contact = try #require(Mailbox("tlsrpt@mta.lab"))
        let settings = ReportingSettings(organizationName: "Lab", contact: contact, source: "mta.lab")
        let delivery = PlannedDelivery(to: try ReportDestination(destination), notBefore: day.start)
        let outcome = ReportDecision.Outcome.planned(try ReportMaker(settings).pack(results, on: day), [delivery])
        try await settle([ReportDecision(day: day, domain: results.domain, outcome: outcome)], at: day.start)
    }
}
