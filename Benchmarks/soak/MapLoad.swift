// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit

/// Connections of an MTA to the policy map.
struct MapLoad: Sendable {
    /// Five thousand questions a second together, of which it is known what is right.
    private static let known = (connections: 10, depth: 10, pause: useconds_t(20_000))
    /// All cold domains at a time, again and again.
    private static let cold = (connections: 40, depth: 25, pause: useconds_t(1_000_000))
    private static let reconnect = useconds_t(50_000)

    let address: String
    let port: Int
    let network: TestNetwork
    let situation: Situation
    let findings: Findings

    func start() {
        let known = DomainKind.allCases.flatMap { kind in kind.domains.map { (Optional(kind), $0) } }
        for number in 0..<Self.known.connections {
            Thread { run(known, from: number, Self.known.depth, Self.known.pause) { _ in } }.start()
        }
        let depth = Self.cold.depth
        for number in 0..<Self.cold.connections {
            let cold = World.cold[(number * depth)..<((number + 1) * depth)].map { (DomainKind?.none, $0) }
            Thread { run(cold, from: 0, depth, Self.cold.pause, then: announceAnew) }.start()
        }
    }

    /// A new id, so that the policy is fetched again.
    private func announceAnew(_ round: Int) {
        guard round > 0 else { return }
        for domain in World.cold.shuffled().prefix(Self.cold.depth) { network.announce(domain, id: "\(round + 1)") }
    }

    private func run(
        _ domains: [(DomainKind?, String)], from first: Int, _ depth: Int, _ pause: useconds_t,
        then: (_ round: Int) -> Void
    ) {
        var next = first
        var round = 0
        while !situation.isStopping {
            let before = situation.now
            do {
                let connection = try MapConnection(address: address, port: port)
                while !situation.isStopping {
                    let batch = (0..<depth).map { domains[(next + $0) % domains.count] }
                    next += depth
                    try ask(connection, batch)
                    then(round)
                    round += 1
                    usleep(pause)
                }
            } catch {
                if situation.now.excusesBreak(since: before) {
                    findings.count("map connections ended by kill -9")
                } else {
                    findings.violation("map, \(situation.now.fault?.rawValue ?? "no fault"): \(error)")
                }
                usleep(Self.reconnect)
            }
        }
    }

    private func ask(_ connection: MapConnection, _ batch: [(DomainKind?, String)]) throws {
        let before = situation.now
        try connection.send(batch.map { "postfix \($0.1)" })
        for (kind, domain) in batch {
            let text = try connection.receive()
            let answer = MapVerdict(text)
            findings.count("map: \(kind?.rawValue ?? "cold"), \(answer)")
            let isInDoubt = before.isInDoubt || situation.now.isInDoubt
            // Of a cold domain any answer is right, but one it must be.
            if kind.map({ !$0.allows(answer, inDoubt: isInDoubt) }) ?? (answer == .other) {
                findings.violation("map, \(before.fault?.rawValue ?? "no fault"): \(domain) \(answer): \(text)")
            }
        }
    }
}
