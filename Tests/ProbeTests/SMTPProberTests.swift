// SPDX-License-Identifier: Apache-2.0
import LabKit
import Synchronization
import TLSRPT
import Testing
@testable import Probe

@Suite("A host shows by its STARTTLS whether it conforms")
struct SMTPProberTests {
    @Test("A good host conforms, and no mail is begun")
    func good() async throws {
        let lab = try ProbeLab("127.2.1.1")
        let seen = await lab.probe()
        guard case .conforming(let facts) = seen else { throw LabError("\(seen)") }
        #expect(facts.authentication == .pkix)
        #expect(facts.version == "TLSv1.3")
        #expect(facts.names == [ProbeLab.name])
        #expect(facts.address.description == "127.2.1.1")
        #expect(lab.host.serverNames == [ProbeLab.name])
        try await Wait.until("QUIT arrives") { lab.host.commands.count == 3 }
        #expect(lab.host.commands == ["EHLO probe.lab", "STARTTLS", "QUIT"])
        try await Wait.until("the connection is closed") { lab.host.openConnections == 0 }
    }

    @Test("Each fault of a certificate has its type")
    func certificates() async throws {
        let lab = try ProbeLab("127.2.1.2")
        let names = [ProbeLab.name]
        let stranger = try CertificateAuthority(commonName: "stranger")
        typealias Case = (label: String, types: [ResultType], reason: String?, credential: Credential)
        let cases: [Case] = [
            ("wildcard", [], nil, try lab.authority.issue(names: ["*.example.lab"])),
            ("name", [.certificateHostMismatch], nil, try lab.authority.issue(names: ["other.lab"])),
            ("cn", [.certificateHostMismatch], nil, try lab.authority.issue(names: names, options: [.commonNameOnly])),
            ("old", [.certificateExpired], nil, try lab.authority.issue(names: names, validity: .expired)),
            (
                "new", [.certificateNotTrusted], "certificate_is_not_yet_valid",
                try lab.authority.issue(names: names, validity: .notYet)
            ),
            ("self", [.certificateNotTrusted], "self-signed_certificate", try lab.authority.selfSigned(names: names)),
            (
                "stranger", [.certificateNotTrusted], "unable_to_get_local_issuer_certificate",
                try stranger.issue(names: names)
            ),
            (
                "purpose", [.certificateNotTrusted], "unsuitable_certificate_purpose",
                try lab.authority.issue(names: names, options: [.clientAuthenticationOnly])
            ),
            (
                "all", [.certificateNotTrusted, .certificateHostMismatch, .certificateExpired],
                "unable_to_get_local_issuer_certificate", try stranger.issue(names: ["other.lab"], validity: .expired)
            ),
        ]
        for (label, types, reason, credential) in cases {
            lab.host.change { $0.credential = credential }
            let seen = await lab.probe()
            #expect(seen.types == types, "\(label): \(seen)")
            #expect(seen.first?.reasonCode == reason, "\(label): \(seen)")
            #expect(seen.facts != nil, "\(label)")
            #expect(seen.first?.helo == (types.isEmpty ? nil : ProbeLab.name), "\(label)")
        }
    }

    @Test("A host that will not or cannot do TLS fails")
    func withoutTLS() async throws {
        let lab = try ProbeLab("127.2.1.3") { $0.handshakeTimeout = .milliseconds(500) }
        let cases: [(MXFault, ResultType, String?)] = [
            (.refuseStartTLS(454), .starttlsNotSupported, nil), (.refuseStartTLS(501), .starttlsNotSupported, nil),
            (.noEHLO, .starttlsNotSupported, nil),
            (.garbageAfterStartTLS, .validationFailure, "tls-handshake-failure"),
            (.dropAfterStartTLS, .validationFailure, "tls-handshake-failure"),
            (.stallAfterStartTLS, .validationFailure, "tls-handshake-timeout"),
        ]
        for (fault, type, reason) in cases {
            lab.host.fail(fault)
            let seen = await lab.probe()
            #expect(seen.types == [type], "\(fault): \(seen)")
            #expect(seen.first?.reasonCode == reason, "\(fault): \(seen)")
            #expect(seen.first?.address?.description == "127.2.1.3")
        }
        lab.host.fail()
        lab.host.change { $0.offersStartTLS = false }
        #expect(await lab.probe().types == [.starttlsNotSupported])
        lab.host.change {
            $0.offersStartTLS = true
            $0.maximumTLSVersion = .tlsv11
        }
        #expect(await lab.probe().types == [.validationFailure])
    }

    @Test("A handshake that is never answered fails, however little time a dialogue has")
    func silentHandshake() async throws {
        let lab = try ProbeLab("127.2.1.33", faults: [.stallAfterStartTLS]) {
            $0.dialogueTimeout = .milliseconds(700)
            $0.handshakeTimeout = .seconds(2)
        }
        let seen = await lab.probe()
        #expect(seen.types == [.validationFailure], "\(seen)")
        #expect(seen.first?.reasonCode == "tls-handshake-timeout", "\(seen)")
    }

    @Test("Octets behind the answer to STARTTLS never conform")
    func injection() async throws {
        let lab = try ProbeLab("127.2.1.4", faults: [.injectAfterStartTLS])
        #expect(await lab.probe().types == [.validationFailure])
    }

    @Test("A host that spoke and did not come to TLS fails, in whatever way it went wrong")
    func spoke() async throws {
        let lab = try ProbeLab("127.2.1.31") {
            $0.greetingTimeout = .milliseconds(400)
            $0.commandTimeout = .milliseconds(400)
        }
        for fault in [MXFault.drip(everyMilliseconds: 5), .endlessGreeting, .stallEHLO] {
            lab.host.fail(fault)
            let seen = await lab.probe()
            #expect(seen.types == [.validationFailure], "\(fault): \(seen)")
            #expect(seen.first?.reasonCode == ProbeAttempt.dialogueFailureReason, "\(fault): \(seen)")
        }
    }

    @Test("A host with which there was no octet, or that turns all mail away, is unreachable, not in violation")
    func unreachable() async throws {
        let lab = try ProbeLab("127.2.1.5") {
            $0.greetingTimeout = .milliseconds(400)
            $0.commandTimeout = .milliseconds(400)
        }
        for fault in [MXFault.greet421, .stallGreeting, .dropGreeting] {
            lab.host.fail(fault)
            #expect(await lab.probe().unreachableText != nil, "\(fault)")
        }
        lab.host.stop()
        #expect(await lab.probe().unreachableText?.contains("Connection refused") == true)
    }

    @Test("A name without addresses, or without an answer, is unreachable")
    func addresses() async throws {
        let lab = try ProbeLab("127.2.1.6") { $0.dnsTimeout = .milliseconds(500) }
        lab.names.fail(ProbeLab.name, nil, .nodata)
        #expect(await lab.probe() == .unreachable("no address"))
        lab.names.fail(ProbeLab.name, nil, .servfail)
        #expect(await lab.probe().unreachableText?.hasPrefix("address lookup") == true)
        #expect(lab.host.connections == 0)
    }

    @Test("A resolver that is gone is a failure of our own, and says nothing of the host")
    func resolverGone() async throws {
        let lab = try ProbeLab("127.2.1.32") { $0.dnsTimeout = .milliseconds(500) }
        lab.names.stop()
        let result = await lab.prober.probe(
            lab.candidate, routeIsSecure: false, for: lab.candidate.name, turn: { _ in })
        guard case .notTried(let text) = result else { throw LabError("\(result)") }
        #expect(text.hasPrefix("address lookup: the resolver answers nothing"))
    }

    @Test("Each address that the DNS tells is looked at; a host with more than are read is not seen to conform")
    func manyAddresses() async throws {
        let lab = try ProbeLab("127.2.2.1")
        let good = try lab.authority.issue(names: [ProbeLab.name])
        let hosts = try (2...12).map { number in
            try MXServer(
                address: "127.2.2.\(number)", port: lab.host.port, hostName: ProbeLab.name,
                credential: number == 12 ? nil : good)
        }
        defer { for host in hosts { host.stop() } }
        func set(_ numbers: ClosedRange<Int>) {
            lab.names.set(ProbeLab.name, numbers.map { .a("127.2.2.\($0)") })
        }
        set(1...11)
        #expect(await lab.probe().facts != nil)
        #expect(hosts.dropLast().allSatisfy { $0.connections == 1 })
        set(1...12)
        let seen = await lab.probe()
        #expect(seen.types == [.starttlsNotSupported], "the twelfth offers no STARTTLS: \(seen)")
        // Nobody listens at most of these, which alone would not keep the host from conforming.
        set(1...11)
        lab.names.set(ProbeLab.name, (1...11).map { .a("127.2.2.\($0)") } + (1...30).map { .a("127.2.3.\($0)") })
        #expect(await lab.probe().unreachableText == "not all of its addresses could be looked at")
    }

    @Test("Private addresses are not dialled unless allowed")
    func privateAddresses() async throws {
        let lab = try ProbeLab("127.2.1.7") { $0.allowsPrivateAddresses = false }
        #expect(await lab.probe() == .unreachable("no public address: 127.2.1.7"))
        #expect(lab.host.connections == 0)
    }

    @Test("One bad address among good ones fails the host, a dead one does not")
    func severalAddresses() async throws {
        let lab = try ProbeLab("127.2.1.8")
        let port = lab.host.port
        lab.names.set(ProbeLab.name, .a("127.2.1.8"), .a("127.2.1.9"), .aaaa("::1"))
        #expect(await lab.probe().facts?.address.description == "127.2.1.8")
        let expired = try lab.authority.issue(names: [ProbeLab.name], validity: .expired)
        let other = try MXServer(address: "127.2.1.9", port: port, hostName: ProbeLab.name, credential: expired)
        let seen = await lab.probe()
        #expect(seen.types == [.certificateExpired])
        #expect(seen.first?.address?.description == "127.2.1.9")
        other.stop()
    }

    @Test("A silent host costs its deadlines only")
    func silent() async throws {
        let lab = try ProbeLab("127.2.1.10", faults: [.stallGreeting]) { $0.greetingTimeout = .milliseconds(300) }
        #expect(await lab.probe().unreachableText?.contains("timed out") == true)
    }

    @Test("Hosts beyond the limit wait for their turn, a set number of them")
    func limit() async throws {
        let lab = try ProbeLab("127.2.1.11", faults: [.stallGreeting]) {
            $0.maxConcurrent = 2
            $0.maxWaiting = 3
        }
        let refused = Count()
        let probes = (0..<8).map { _ in
            Task {
                if await lab.probe().unreachableText == ProbeLab.notTried { refused.value.add(1, ordering: .relaxed) }
            }
        }
        // One is looked at, three wait; of the two places one is kept for others.
        try await Wait.until("the others are refused") { refused.value.load(ordering: .relaxed) == 4 }
        try await Wait.until("one is looked at") { lab.host.connections == 1 }
        // Cancelling would give the place of the one looked at to one that waits and is not cancelled yet.
        lab.host.stop()
        for probe in probes { await probe.value }
        #expect(refused.value.load(ordering: .relaxed) == 4 && lab.host.connections == 1)
    }

    private final class Count: Sendable {
        let value = Atomic(0)
    }
}
