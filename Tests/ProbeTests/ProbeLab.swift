// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS
import LabKit
import SMTP
import TLS
import TLSRPT
import Testing
@testable import Probe

/// One MX host with its name in a name server, and a prober that finds it there.
struct ProbeLab {
    static let name = "mx.example.lab"

    let authority: CertificateAuthority
    let names: NameServer
    let host: MXServer
    let prober: SMTPProber
    let candidate: MXHost

    /// - Parameter port: 0 for any free port; on 465 the host begins with TLS.
    init(
        _ address: String, port: Int = 0, faults: Set<MXFault> = [],
        adjust: (inout ProbeSettings) -> Void = { _ in }
    ) throws {
        authority = try CertificateAuthority()
        var behaviour = MXBehaviour(
            hostName: Self.name, credential: try authority.issue(names: [Self.name]), faults: faults)
        behaviour.beginsWithTLS = port == 465
        host = try MXServer(address: address, port: port, behaviour: behaviour)
        names = try NameServer(address: address, port: 0)
        names.set(Self.name, .a(address))
        var dns = DNSSettings(forwarder: "\(address)@\(names.port)")
        dns.trustAnchor = .none
        var settings = ProbeSettings(heloName: "probe.lab")
        settings.allowsPrivateAddresses = true
        adjust(&settings)
        prober = SMTPProber(
            resolver: try DNSResolver(dns), tls: try TLSContext(caFile: authority.caFile), connector: try Connector(),
            settings: settings)
        candidate = MXHost(name: try DomainName(Self.name), preference: 10, port: UInt16(host.port))
    }

    func probe() async -> HostEvidence {
        await prober.probe(candidate, routeIsSecure: false, for: candidate.name, turn: { _ in }).evidence
            ?? .unreachable(Self.notTried)
    }

    /// Stands for no evidence at all.
    static let notTried = "not tried"
}

extension HostEvidence {
    var types: [ResultType] {
        if case .failing(let failures, _) = self { failures.map(\.type) } else { [] }
    }

    var first: Failure? {
        if case .failing(let failures, _) = self { failures.first } else { nil }
    }

    var facts: TLSFacts? {
        switch self {
        case .conforming(let facts): facts
        case .failing(_, let facts): facts
        case .unreachable, .turnedAway, .unresolved: nil
        }
    }

    var unreachableText: String? {
        switch self {
        case .unreachable(let text), .turnedAway(let text), .unresolved(let text): text
        case .conforming, .failing: nil
        }
    }
}
