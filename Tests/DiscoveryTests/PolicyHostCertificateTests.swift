// SPDX-License-Identifier: Apache-2.0
import Discovery
import LabKit
import TestKit
import TLS
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("RFC 8461 §3.3: the policy host proves its name", .serialized)
struct PolicyHostCertificateTests {
    static let name = "mta-sts.example.lab"

    static let refused = CertificateCase.refused(for: name)

    @Test(arguments: refused)
    func aHostThatDoesNotIsAskedNothing(_ bad: CertificateCase) async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab", credential: try bad.credential(world.authority))
        let failure = try #require(try await world.failure(for: domain))
        #expect(failure.type == .stsWebPKIInvalid)
        #expect(
            failure.text.hasPrefix("certificate of \(Self.name): ") && failure.text.contains(bad.text),
            "\(failure.text)")
        #expect(world.host.requests.isEmpty)
        try await Wait.until("no connection is left") { try world.openConnections == 0 }
    }

    static let taken = CertificateCase.taken(for: name)

    @Test(arguments: taken)
    func aHostThatDoesIsAsked(_ good: CertificateCase) async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab", credential: try good.credential(world.authority))
        #expect(try await world.failure(for: domain) == nil)
    }

    @Test func theSystemsAuthoritiesAreTrustedUnlessAFileIsGiven() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        let failure = await (try world.discoverer(systemTrust: true)).failure(for: domain)
        #expect(failure?.type == .stsWebPKIInvalid)
    }

    @Test func aFileWithoutAuthoritiesIsRefusedAtTheStart() throws {
        let directory = try TemporaryDirectory("sts-discovery")
        let empty = try directory.write("empty.pem", "")
        #expect(throws: TLSSetupError.self) { try TLSContext(caFile: empty) }
        #expect(throws: TLSSetupError.self) { try TLSContext(caFile: directory.path + "/none.pem") }
    }
}
