// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import Daemon

@Suite("An impact is shown with the gravest first, and the exit code says it")
struct ImpactTextTests {
    private func domain(
        _ name: String, _ deliveries: Int, _ outcome: Impact.Outcome, mode: String? = "enforce",
        reasons: [Impact.Reason] = []
    ) -> Impact.Domain {
        Impact.Domain(
            domain: name, deliveries: deliveries, held: outcome == .held ? deliveries : 0, mode: mode, outcome: outcome,
            verdict: nil, reasons: reasons)
    }

    private func impact(_ domains: [Impact.Domain]) -> Impact {
        Impact(
            source: .mailLog, firstDay: "2026-11-01", lastDay: "2026-11-02",
            deliveries: domains.reduce(7) { $0 + $1.deliveries }, domains: domains.sorted(by: Impact.Domain.precedes),
            leftOut: [Impact.LeftOut(why: "of no domain that is known", deliveries: 7)], remarks: ["a remark"])
    }

    @Test("the table, and domains without a policy only on request")
    func table() {
        let hosts = (1...6).map { "mx\($0).bad.example" }
        let impact = impact([
            domain("free.example", 900, .delivered, mode: nil), domain("good.example", 50, .delivered),
            domain(
                "bad.example", 12, .held,
                reasons: [
                    Impact.Reason(text: "host does not offer STARTTLS", hosts: hosts, sessions: nil),
                    Impact.Reason(text: "MX host is not in the policy", hosts: ["mx9.bad.example"], sessions: nil),
                ]),
            domain("far.example", 3, .unclear),
        ])
        #expect(
            ImpactText(all: false).render(impact) == """
                972 deliveries from 2026-11-01 to 2026-11-02, 965 of them looked at: 12 would have been held back, to 1 domain; of 3, to 1 domain, it could not be told

                domain        deliveries  held  mode     mail would be  why
                bad.example           12    12  enforce  held           mx1.bad.example, mx2.bad.example, mx3.bad.example, mx4.bad.example and 2 more: host does not offer STARTTLS
                                                                        mx9.bad.example: MX host is not in the policy
                far.example            3     0  enforce  unclear
                good.example          50     0  enforce  delivered

                1 more domain without a policy, 900 deliveries: they pass
                7 deliveries not looked at, of no domain that is known
                a remark

                """)
        #expect(ImpactText(all: true).render(impact).contains("\nfree.example         900     0  -        delivered\n"))
    }

    @Test("counts without a session tell nothing")
    func none() {
        let impact = Impact(
            source: .ledger, firstDay: "2026-11-01", lastDay: "2026-11-14", deliveries: 0, domains: [], leftOut: [],
            remarks: ["why"])
        #expect(impact.exitCode == 2)
        #expect(ImpactText(all: false).render(impact) == "no session was counted: nothing can be told\n\nwhy\n")
    }

    @Test("a log without a delivery tells nothing")
    func empty() {
        let impact = Impact(
            source: .mailLog, firstDay: nil, lastDay: nil, deliveries: 0, domains: [], leftOut: [], remarks: ["why"])
        #expect(impact.exitCode == 2)
        #expect(
            ImpactText(all: false).render(impact)
                == "no delivery was found in the log: nothing can be told\n\nwhy\n")
    }

    @Test("held is 1, else unclear is 2, else 0")
    func exitCodes() {
        let rows: [(outcomes: [Impact.Outcome], code: Int32)] = [
            ([], 0), ([.delivered], 0), ([.delivered, .unclear], 2), ([.unclear, .held], 1),
        ]
        for row in rows {
            #expect(impact(row.outcomes.map { domain("a.example", 1, $0) }).exitCode == row.code, "\(row)")
        }
    }
}
