// SPDX-License-Identifier: Apache-2.0
import Discovery
import LabKit
import TestKit
import TLS
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("RFC 8461 §3.3: the policy host proves its name", .serialized)
struct PolicyHostCertificateTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let text: String
        let credential: @Sendable (CertificateAuthority) throws -> Credential

        var testDescription: String { what }

        init(
            _ what: String, _ text: String,
            _ credential: @escaping @Sendable (CertificateAuthority) throws -> Credential
        ) {
            self.what = what
            self.text = text
            self.credential = credential
        }
    }

    static let name = "mta-sts.example.lab"

    static let bad: [Case] = [
        Case("expired", "certificate of mta-sts.example.lab: expired on 20") {
            try $0.issue(names: [name], validity: .expired)
        },
        Case("not yet valid", "certificate of mta-sts.example.lab: not valid before 20") {
            try $0.issue(names: [name], validity: .notYet)
        },
        Case("unknown authority", "not issued by a trusted authority") { _ in
            try CertificateAuthority(commonName: "nobody's root").issue(names: [name])
        },
        Case("own issuer", "not issued by a trusted authority") { try $0.selfSigned(names: [name]) },
        Case("intermediate not sent", "not issued by a trusted authority") {
            try $0.intermediate().issue(names: [name], options: [.withoutIntermediate])
        },
        Case("expired intermediate", "intermediate expired on 20") {
            try $0.intermediate(validity: .expired).issue(names: [name])
        },
        Case("for clients only", "not issued by a trusted authority for this use") {
            try $0.issue(names: [name], options: [.clientAuthenticationOnly])
        },
        Case("another name", "does not name mta-sts.example.lab") { try $0.issue(names: ["example.lab"]) },
        Case("name as common name beside others", "does not name mta-sts.example.lab") {
            try $0.issue(names: ["example.lab"], commonName: name)
        },
        Case("common name only", "a common name does not count") {
            try $0.issue(names: [name], options: [.commonNameOnly])
        },
        Case("wildcard too far up", "does not name mta-sts.example.lab") { try $0.issue(names: ["*.lab"]) },
        Case("wildcard within a label", "does not name mta-sts.example.lab") {
            try $0.issue(names: ["mta-*.example.lab"])
        },
    ]

    @Test(arguments: bad)
    func aHostThatDoesNotIsAskedNothing(_ bad: Case) async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab", credential: try bad.credential(world.authority))
        let failure = try #require(try await world.failure(for: domain))
        #expect(failure.type == .stsWebPKIInvalid)
        #expect(failure.text.contains(bad.text), "\(failure.text)")
        #expect(world.host.requests.isEmpty)
        try await Wait.until("no connection is left") { try world.openConnections == 0 }
    }

    static let good: [Case] = [
        Case("one of several names", "") { try $0.issue(names: ["www.example.lab", name], commonName: "x") },
        Case("upper case", "") { try $0.issue(names: [name.uppercased()]) },
        Case("wildcard", "") { try $0.issue(names: ["*.example.lab"]) },
        Case("intermediate", "") { try $0.intermediate().issue(names: [name]) },
        Case("key on P-521", "") { try $0.issue(names: [name], options: [.p521Key]) },
    ]

    @Test(arguments: good)
    func aHostThatDoesIsAsked(_ good: Case) async throws {
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
