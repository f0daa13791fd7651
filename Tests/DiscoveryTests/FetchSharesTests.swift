// SPDX-License-Identifier: Apache-2.0
import Basics
import Discovery
import LabKit
import Testing

@Suite("One owner's slow policy hosts keep nobody else's policy away", .serialized)
struct FetchSharesTests {
    @Test("two hundred names of one dripping host, and still a stranger's policy and a renewal come")
    func shares() async throws {
        let world = try World()
        let stranger = try world.publish(.good, for: "stranger.lab")
        let cached = try world.publish(.good, for: "cached.lab")
        // Three common places, one for renewals.
        let discoverer = try world.discoverer {
            $0.maxFetches = 4
            $0.fetchDeadline = .seconds(120)
        }
        let drip = PolicyAnswer.body(.drip(String(repeating: "version: STSv1\n", count: 1000), everyMilliseconds: 50))
        let hostile = try slow((0..<200).map { "n\($0).hostile.lab" }, drip, at: "127.3.255.1", in: world)
        let many = hostile.domains.map { domain in Task { await discoverer.error(for: domain) } }
        try await Wait.until("the slow host has what it may") { hostile.host.connections == 2 }
        let known = try await finish("a stranger's policy") { await discoverer.error(for: stranger) == nil }
        #expect(known)
        #expect(hostile.host.connections == 2)

        // Another slow host in the last common place: now newcomers wait, but not renewals.
        let other = try slow(["slow.lab"], drip, at: "127.3.254.1", in: world)
        let one = Task { await discoverer.error(for: other.domains[0]) }
        try await Wait.until("the last place is taken") { other.host.connections == 1 }
        let newcomer = Task { await discoverer.error(for: stranger) }
        let renewed = try await finish("a renewal") {
            await (try? discoverer.fetch(for: cached, isRenewal: true)) != nil
        }
        #expect(renewed)
        let tasks = many + [one, newcomer]
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.value }
        #expect(world.host.hits("mta-sts.stranger.lab") == 1)
    }

    /// A policy host of its own that gives all these names the same answer.
    private func slow(
        _ names: [String], _ answer: PolicyAnswer, at address: String, in world: World
    ) throws -> (host: PolicyHost, domains: [DomainName]) {
        let hosts = names.map { "mta-sts.\($0)" }
        let credential = try world.authority.issue(names: hosts)
        let host = try PolicyHost(address: address, credential: credential)
        for name in hosts {
            world.names.set(name, .a(address))
            host.set(name, answer, credential: credential)
        }
        return (host, try names.map { try DomainName($0) })
    }

    /// What the work comes to before the slow hosts are given up.
    private func finish(_ what: String, _ work: @escaping @Sendable () async -> Bool) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { await work() }
            group.addTask {
                try await Task.sleep(for: .seconds(20))
                throw LabError("too late: \(what)")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}
