// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import LabKit
import TLS
import Testing

// Serialized: every test runs servers of its own.
@Suite("The host proves its name, as MX hosts do - RFC 8461 §3.3", .serialized)
struct CertificateTests {
    static let unproven = CertificateCase.refused(for: HTTPLab.name)

    @Test("one that does not is asked nothing", arguments: unproven)
    func refused(_ bad: CertificateCase) async throws {
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
            let text = problem.text(for: try DomainName(HTTPLab.name))
            #expect(text.contains(bad.text), "\(text)")
        }
        #expect(lab.host.requests.isEmpty)
    }

    static let proven = CertificateCase.taken(for: HTTPLab.name)

    @Test("one that does is asked", arguments: proven)
    func taken(_ good: CertificateCase) async throws {
        let authority = try CertificateAuthority()
        let lab = try HTTPLab(credential: try good.credential(authority))
        let request = HTTPRequest(
            host: try DomainName(HTTPLab.name), address: try #require(IPAddress(lab.host.address)), path: "/x?y=z",
            trust: try TLSContext(caFile: authority.caFile), deadline: .now + .seconds(20))
        #expect(try await lab.client.response(to: request).head.status == 200)
    }
}
