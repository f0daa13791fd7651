// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import Testing

/// What all scenarios share: one network and one real Postfix. Each scenario has a daemon and domains of its own.
final class Lab: Sendable {
    /// Daemons that scenarios may have, each behind an smtpd of its own.
    static let gates = Array(1...64) + [67, 84, 87] + Array(90...96) + [99] + Array(105...113) + [115]

    let network: TestNetwork
    let postfix: Postfix
    /// A signed zone full of TLSA records.
    let dane: DANEWorld
    /// A daemon lives as long as the lab: a scenario need not hold it to keep it running.
    private let daemons = Locked<[DaemonProcess]>([])

    private static let shared = Task { try Lab() }

    static func open() async throws -> Lab { try await shared.value }

    private init() throws {
        var dane: Credential?
        var mismatch: Credential?
        var world: DANEWorld?
        network = try TestNetwork(
            prefix: "127.20",
            signed: { authority in
                let good = try authority.selfSigned(names: ["anything.seclab"])
                let other = try authority.issue(names: ["mx.danebad.seclab"], options: [.ownKey])
                dane = good
                mismatch = other
                return SignedZone(
                    "seclab", records: Self.zone(good.tlsa311),
                    bogus: [(owner: "bogusmx", type: "MX"), (owner: "_25._tcp.mx.bogustlsa", type: "TLSA")])
            },
            more: { authority, policies in
                let made = try DANEWorld(authority)
                world = made
                return [try made.signedZone(policies: policies, unsigned: "127.20.0.54")]
            })
        self.dane = try world ?? DANEWorld(network.authority)
        var options = Postfix.Options()
        options.caFile = network.authority.caFile
        options.virtualAliases = ["alias@virtual.lab user@aliastarget.lab"]
        options.transports = [
            "fixed.lab smtp:[mx.smarthost.lab]", "literal.lab smtp:[127.20.4.4]", "local.lab discard:",
            "fixedgood.lab smtp:[mx.goodsmarthost.lab]",
        ]
        options.settings = ["virtual_alias_domains = virtual.lab", "smtpd_peername_lookup = no"]
        options.services = Self.gates.map { gate in
            "127.20.8.\(gate):25 inet n - n - - smtpd -o smtpd_milters=inet:127.20.9.\(gate):8890"
        }
        postfix = try Postfix(address: "127.20.0.25", options: options)
        try network.mailHost("mx.dane.seclab", at: "127.20.3.1", credential: dane)
        try network.mailHost("mx.danebad.seclab", at: "127.20.3.2", credential: mismatch)
        for domain in ["dane.seclab", "danebad.seclab", "bogusmx.seclab", "bogustlsa.seclab"] {
            try network.publish(domain, mode: "enforce", mx: ["mx.\(domain)"])
        }
    }

    private static func zone(_ key: String) -> String {
        let domains = [
            "dane": "127.20.3.1", "danebad": "127.20.3.2", "bogusmx": "127.20.3.1", "bogustlsa": "127.20.3.1",
        ]
        return domains.map { name, address in
            """
            \(name) IN MX 10 mx.\(name)
            mx.\(name) IN A \(address)
            _25._tcp.mx.\(name) IN TLSA 3 1 1 \(key)
            mta-sts.\(name) IN A 127.20.0.80
            _mta-sts.\(name) IN TXT "v=STSv1; id=1;"
            _smtp._tls.\(name) IN TXT "v=TLSRPTv1; rua=mailto:reports@\(name).seclab"
            """
        }.joined(separator: "\n")
    }

    /// Starts the daemon of a gate.
    @discardableResult
    func daemon(_ gate: Int, _ more: String = "", before: String = "") async throws -> DaemonProcess {
        let daemon = try DaemonProcess(address: "127.20.9.\(gate)", settings: before + network.settings + more)
        try await daemon.start()
        daemons.withLock { $0.append(daemon) }
        return daemon
    }

    /// Sends one message through the smtpd of a gate.
    func send(
        through gate: Int, from sender: String = "sender@client.lab", to recipients: String...,
        message: String = "Subject: test\n\nhello\n"
    ) async throws -> SMTPDialogue {
        let client = try await SMTPClient.session(address: "127.20.8.\(gate)")
        let dialogue = try await client.deliver(from: sender, to: recipients, message: message)
        await client.quit()
        return dialogue
    }
}

extension SMTPDialogue {
    /// The only recipient's reply.
    var reply: SMTPReply { get throws { try #require(recipients.first?.reply) } }
}
