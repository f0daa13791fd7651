// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On the daemon's policy map: many at once")
struct MapLoadScenarios {
    @Test("fifty first questions for one domain at once cost one look at its record and one fetch")
    func oneFetch() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(44, MapLab.serving(44), before: MapLab.enforcing)
        try lab.network.domain("n-herd.lab")
        var answer = PolicyAnswer.policy(mode: "enforce", mx: ["mx.n-herd.lab"])
        answer.delay = .seconds(1)
        lab.network.policies.set("mta-sts.n-herd.lab", answer)
        let question = MapQuestion(address: daemon.address)
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { try await question.ask("n-herd.lab") } }
            for try await answer in group {
                #expect(answer == "OK secure match=mx.n-herd.lab servername=hostname")
            }
        }
        #expect(lab.network.policies.hits("mta-sts.n-herd.lab") == 1)
    }

    @Test("domains whose policy hosts are slow keep no other domain's question waiting")
    func slowDomains() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(
            45, MapLab.serving(45) + "[policy]\nmax_fetches = 4\n", before: MapLab.enforcing)
        let question = MapQuestion(address: daemon.address)
        try lab.network.domain("n-warm.lab")
        let warm = try await question.ask("n-warm.lab")
        #expect(warm.hasPrefix("OK secure match=mx.n-warm.lab"))
        // Twice as many as may be fetched at one time.
        let slow = (0..<8).map { "n-slow\($0).lab" }
        for domain in slow {
            try lab.network.domain(domain)
            lab.network.policies.set("mta-sts.\(domain)", .hang)
        }
        let asking = slow.map { domain in Task { try await question.ask(domain) } }
        try await Wait.until("the slow hosts are asked") {
            // All at one address, which gets half of the places that are not kept for renewals.
            slow.map { lab.network.policies.hits("mta-sts.\($0)") }.reduce(0, +) == 2
        }
        #expect(try await question.ask("n-warm.lab") == warm)
        #expect(try await question.ask("n-none.lab") == "NOTFOUND ")
        for task in asking { task.cancel() }
    }
}
