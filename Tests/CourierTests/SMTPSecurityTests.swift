// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Reporting
import TLSRPT
import Testing
@testable import Courier

/// On an address that is not loopback: the address 198.51.100.25 of a dummy interface, for this namespace alone.
@Suite("Report mail by SMTP beyond loopback: TLS when it is there, without it when it fails", .serialized)
struct SMTPSecurityTests {
    private static let address = "198.51.100.25"

    private func carry(_ faults: MXFault..., offersTLS: Bool = true) async throws -> (SendResult, MXServer) {
        try Command.check(["ip", "address", "replace", Self.address + "/32", "dev", "lo"])
        // With an IPv4 address beyond loopback, and none of IPv6, the system's resolver takes ::1 for unreachable.
        defer { _ = try? Command.run(["ip", "address", "del", Self.address + "/32", "dev", "lo"]) }
        let lab = try CourierLab()
        let credential = try CertificateAuthority().issue(names: ["elsewhere.lab"])
        var behaviour = MXBehaviour(hostName: "relay.lab", credential: credential, faults: Set(faults))
        behaviour.offersStartTLS = offersTLS
        let host = try MXServer(address: Self.address, port: 0, behaviour: behaviour)
        let submission = try Submission("smtp:\(Self.address):\(host.port)")
        let courier = try lab.courier { $0.submission = submission }
        let result = await courier.carry(try .sample(), to: try .sample("mailto:reports@two.lab")) { true }
        return (result, host)
    }

    @Test("whatever the certificate")
    func opportunistic() async throws {
        let (result, host) = try await carry()
        #expect(result == .accepted("250 2.0.0 kept as 1"))
        #expect(host.messages.first?.overTLS == true)
        #expect(host.serverNames == ["relay.lab"])
    }

    @Test(
        "a failure of TLS does not keep the report back",
        arguments: [
            MXFault.refuseStartTLS(454), .garbageAfterStartTLS, .dropAfterStartTLS, .injectAfterStartTLS,
        ])
    func fallback(_ fault: MXFault) async throws {
        let (result, host) = try await carry(fault)
        #expect(result == .accepted("250 2.0.0 kept as 1"))
        #expect(host.messages.map(\.overTLS) == [false])
    }

    @Test("no TLS is none missed")
    func plain() async throws {
        let (result, host) = try await carry(offersTLS: false)
        #expect(result == .accepted("250 2.0.0 kept as 1"))
        #expect(host.connections == 1)
    }
}
