// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import LabKit
import TLS
import Testing

// Serialized: every test runs servers of its own.
@Suite("The host proves its name, as MX hosts do - RFC 8461 §3.3", .serialized)
struct CertificateTests {
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

    static let name = HTTPLab.name
    static let untrusted = "not issued by a trusted authority for this use"

    static let bad: [Case] = [
        Case("expired", "expired on 20") { try $0.issue(names: [name], validity: .expired) },
        Case("expired, for another name", "expired on 20") { try $0.issue(names: ["x.lab"], validity: .expired) },
        Case("not yet valid", "not valid before 20") { try $0.issue(names: [name], validity: .notYet) },
        Case("unknown authority", untrusted) { _ in try CertificateAuthority().issue(names: [name]) },
        Case("own issuer", untrusted) { try $0.selfSigned(names: [name]) },
        Case("intermediate not sent", untrusted) {
            try $0.intermediate().issue(names: [name], options: [.withoutIntermediate])
        },
        Case("expired intermediate", "intermediate expired on 20") {
            try $0.intermediate(validity: .expired).issue(names: [name])
        },
        Case("for clients only", untrusted) { try $0.issue(names: [name], options: [.clientAuthenticationOnly]) },
        Case("another name", "does not name host.lab") { try $0.issue(names: ["other.lab"]) },
        Case("name as common name beside others", "a common name does not count") {
            try $0.issue(names: ["other.lab"], commonName: name)
        },
        Case("common name only", "a common name does not count") {
            try $0.issue(names: [name], options: [.commonNameOnly])
        },
        Case("wildcard too far up", "does not name host.lab") { try $0.issue(names: ["*.lab"]) },
        Case("wildcard within a label", "does not name host.lab") { try $0.issue(names: ["ho*.lab"]) },
    ]

    @Test("one that does not is asked nothing", arguments: bad)
    func refused(_ bad: Case) async throws {
        let authority = try CertificateAuthority()
        let lab = try HTTPLab(credential: try bad.credential(authority))
        var request = try lab.request()
        request = HTTPRequest(
            host: request.host, address: request.address, path: request.path,
            trust: try TLSContext(caFile: authority.caFile), deadline: request.deadline)
        do {
            _ = try await lab.client.response(to: request)
            Issue.record("taken")
        } catch {
            guard case .certificate(let problem) = error else { throw error }
            let text = problem.text(for: try DomainName(Self.name))
            #expect(text.contains(bad.text), "\(text)")
        }
        #expect(lab.host.requests.isEmpty)
    }

    static let good: [Case] = [
        Case("one of several names", "") { try $0.issue(names: ["www.lab", name], commonName: "x") },
        Case("upper case", "") { try $0.issue(names: [name.uppercased()]) },
        Case("intermediate", "") { try $0.intermediate().issue(names: [name]) },
    ]

    @Test("one that does is asked", arguments: good)
    func taken(_ good: Case) async throws {
        let authority = try CertificateAuthority()
        let lab = try HTTPLab(credential: try good.credential(authority))
        let request = HTTPRequest(
            host: try DomainName(Self.name), address: try #require(IPAddress(lab.host.address)), path: "/x?y=z",
            trust: try TLSContext(caFile: authority.caFile), deadline: .now + .seconds(20))
        #expect(try await lab.client.response(to: request).head.status == 200)
    }
}
