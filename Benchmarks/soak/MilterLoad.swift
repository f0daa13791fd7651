// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit

/// Connections of an MTA to the milter: one message after the other, to domains of all kinds in turn.
struct MilterLoad: Sendable {
    private static let connections = 16
    /// Between messages: some 1,500 a second together.
    private static let pause = useconds_t(10_000)
    private static let reconnect = useconds_t(50_000)

    let address: String
    let port: Int
    let situation: Situation
    let findings: Findings

    func start() {
        for number in 0..<Self.connections { Thread { run(number) }.start() }
    }

    private func run(_ number: Int) {
        let recipients = DomainKind.allCases.flatMap { kind in kind.domains.map { (kind, $0) } }
        var next = number
        while !situation.isStopping {
            let before = situation.now
            do {
                let client = try MilterClient(address: address, port: port)
                _ = try client.negotiate()
                while !situation.isStopping {
                    let (kind, domain) = recipients[next % recipients.count]
                    next += 1
                    try ask(client, kind, domain)
                    usleep(Self.pause)
                }
                try client.quit()
            } catch {
                if situation.now.excusesBreak(since: before) {
                    findings.count("milter connections ended by kill -9")
                } else {
                    findings.violation("milter, \(situation.now.fault?.rawValue ?? "no fault"): \(error)")
                }
                usleep(Self.reconnect)
            }
        }
    }

    private func ask(_ client: MilterClient, _ kind: DomainKind, _ domain: String) throws {
        let before = situation.now
        try client.mail("<sender@mta.lab>")
        let reply = try client.recipient(
            "<user@\(domain)>", macros: ["{rcpt_mailer}", "smtp", "{rcpt_host}", domain])
        let verdict = MilterVerdict(reply)
        let isInDoubt = before.isInDoubt || situation.now.isInDoubt
        findings.count("milter: \(kind), \(verdict)")
        if !kind.allows(verdict, inDoubt: isInDoubt) {
            findings.violation("milter, \(before.fault?.rawValue ?? "no fault"): \(domain) \(verdict): \(reply)")
        }
        if verdict == .accepted { _ = try client.end() } else { try client.abort() }
    }
}
