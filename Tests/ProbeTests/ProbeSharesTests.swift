// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import LabKit
import Testing
@testable import Probe

@Suite("One owner's silent hosts keep nobody else's from being looked at", .serialized)
struct ProbeSharesTests {
    /// Places for connections; of those one owner or block gets half while they are free, and no more.
    private static let places = 64

    /// Forty names with 32 hosts each, all of which hold back their greeting; each name asks for each of its hosts.
    private func attack(
        _ lab: ProbeLab, address: String, owner: (Int) -> String
    ) throws -> (host: MXServer, tasks: [Task<ProbeResult, Never>]) {
        let silent = try MXServer(
            address: address, port: lab.host.port,
            behaviour: MXBehaviour(hostName: "silent.lab", faults: [.stallGreeting]))
        var tasks: [Task<ProbeResult, Never>] = []
        for name in 0..<40 {
            let domain = try DomainName("t\(name).\(owner(name))")
            for host in 0..<32 {
                let candidate = MXHost(
                    name: try DomainName("h\(host).\(domain)"), preference: 10, port: lab.candidate.port)
                lab.names.set(candidate.name.ascii, .a(address))
                let prober = lab.prober
                tasks.append(
                    Task { await prober.probe(candidate, routeIsSecure: false, for: domain, turn: { _ in }) })
            }
        }
        return (silent, tasks)
    }

    /// The victim's host within the time that the silent ones are waited for.
    private func look(at lab: ProbeLab) async throws -> HostEvidence {
        let seen = Task { await lab.probe() }
        let done = Waiting(seen)
        defer { seen.cancel() }
        return try await Wait.value("the victim's host is looked at", within: .seconds(15)) { await done.value }
    }

    /// What a task came to, once it has.
    private actor Waiting {
        private(set) var value: HostEvidence?

        init(_ task: Task<HostEvidence, Never>) {
            Task { await self.keep(task.value) }
        }

        private func keep(_ value: HostEvidence) { self.value = value }
    }

    @Test("forty names of one domain with 32 silent hosts each")
    func oneOwner() async throws {
        let lab = try ProbeLab("127.2.10.1") {
            $0.maxConcurrent = Self.places
            $0.greetingTimeout = .seconds(120)
        }
        let (silent, tasks) = try attack(lab, address: "127.2.11.1") { _ in "hostile.lab" }
        try await Wait.until("the silent hosts hold what they may") { silent.connections == Self.places / 2 }
        guard case .conforming = try await look(at: lab) else { throw LabError("not conforming") }
        #expect(silent.connections == Self.places / 2)
        #expect(!lab.prober.isCrowded)
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.value }
        silent.stop()
    }

    @Test("forty owners whose hosts are all in one block, and who name other people's addresses first")
    func oneBlock() async throws {
        let lab = try ProbeLab("127.2.12.1") {
            $0.maxConcurrent = Self.places
            $0.greetingTimeout = .seconds(120)
        }
        let (silent, tasks) = try attack(lab, address: "127.2.13.1") { "owner\($0).lab" }
        try await Wait.until("the silent hosts hold what they may") { silent.connections == Self.places / 2 }
        var both: [Task<ProbeResult, Never>] = []
        for number in 0..<40 {
            let name = try DomainName("mx.both\(number).lab")
            lab.names.set(name.ascii, .a("127.2.12.1"), .a("127.2.13.1"))
            let candidate = MXHost(name: name, preference: 10, port: lab.candidate.port)
            let prober = lab.prober
            both.append(Task { await prober.probe(candidate, routeIsSecure: false, for: name, turn: { _ in }) })
        }
        guard case .conforming = try await look(at: lab) else { throw LabError("not conforming") }
        for task in tasks + both { task.cancel() }
        for task in tasks + both { _ = await task.value }
        silent.stop()
    }
}
