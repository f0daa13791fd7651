// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import LabKit
import Synchronization
import TLS

/// A test's own https host, below 127.7, and a client for it.
struct HTTPLab: Sendable {
    static let name = "host.lab"
    private static let used = Atomic(0)
    /// Files only, which tests add to but never change.
    private static let sharedAuthority = Result { try CertificateAuthority() }

    let authority: CertificateAuthority
    let host: PolicyHost
    let client: HTTPClient
    private let trust: TLSContext
    private let network: Int

    init(_ answer: PolicyAnswer = .body(.text("hello")), credential: Credential? = nil) throws {
        network = Self.used.add(1, ordering: .relaxed).newValue
        authority = try Self.sharedAuthority.get()
        host = try PolicyHost(
            address: "127.7.\(network).1", credential: try credential ?? authority.issue(names: [Self.name]))
        host.set(path: "/x?y=z", answer)
        client = try HTTPClient()
        trust = try TLSContext(caFile: authority.caFile)
    }

    func address(_ last: Int) -> String { "127.7.\(network).\(last)" }

    /// A request for what the host answers, with certificates that count unless told otherwise.
    func request(
        at address: String? = nil, trusting: Bool = true, path: String = "/x?y=z", within time: Duration = .seconds(20)
    ) throws -> HTTPRequest {
        guard let address = IPAddress(address ?? host.address) else { throw LabError("no address") }
        var request = HTTPRequest(
            host: try DomainName(Self.name), address: address, path: path, trust: trusting ? trust : nil,
            deadline: .now + time)
        request.userAgent = "sts-milter/0.test"
        return request
    }

    /// What comes of a request.
    func outcome(_ change: (inout HTTPRequest) -> Void = { _ in }) async throws -> Result<HTTPResponse, HTTPFailure> {
        var request = try request()
        change(&request)
        do throws(HTTPFailure) {
            return .success(try await client.response(to: request))
        } catch {
            return .failure(error)
        }
    }

    /// The body as text; the failure in its place, if there is one.
    func text(_ change: (inout HTTPRequest) -> Void = { _ in }) async throws -> String {
        switch try await outcome(change) {
        case .success(let response): String(decoding: response.body, as: UTF8.self)
        case .failure(let failure): "\(failure)"
        }
    }

    func failure(_ change: (inout HTTPRequest) -> Void = { _ in }) async throws -> HTTPFailure? {
        if case .failure(let failure) = try await outcome(change) { failure } else { nil }
    }
}

extension PolicyAnswer {
    /// A body as it goes over the wire, in some content coding.
    static func coded(_ octets: [UInt8], _ coding: String) -> PolicyAnswer {
        var answer = PolicyAnswer.body(.octets(octets))
        answer.headers = [("Content-Encoding", coding)]
        return answer
    }

    /// These octets in place of a response.
    static func raw(_ text: String) -> PolicyAnswer { .attack(.octets(Array(text.utf8))) }
}
