// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore
import NIOHTTP1

/// An HTTPS server for the policies of many domains, each with a certificate and an answer that may change while it
/// runs. - RFC 8461 §3.2: MTA-STS Policies.
package final class PolicyHost: Sendable {
    /// Where policies live.
    package static let path = "/.well-known/mta-sts.txt"

    /// One request as it came in.
    package struct Request: Sendable {
        /// The Host header without port, lower case.
        package let host: String
        package let method: String
        package let path: String
        /// Header fields in order, names in lower case.
        package let headers: [(name: String, value: String)]
        /// The body as it came.
        package let octets: [UInt8]

        package var body: String { String(decoding: octets, as: UTF8.self) }
    }

    /// What happens to a connection before any request.
    package enum ConnectionFault: Sendable {
        case none
        /// Accepted, and no octet is ever sent.
        case silent
        /// Closed at once.
        case closed
        /// Speaks something that is no TLS.
        case garbage
    }

    private struct State {
        var credential: Credential?
        var credentials: [String: Credential] = [:]
        var answers: [String: PolicyAnswer] = [:]
        var paths: [String: PolicyAnswer] = [:]
        var requests: [Request] = []
        var serverNames: [String?] = []
        var connectionFault = ConnectionFault.none
        var maximumTLSVersion = TLSVersion.tlsv13
        var answersEarly = false
    }

    package let address: String
    private let state: Locked<State>
    private let listener: Locked<Listener?>

    /// Listens at once. `credential` serves every name that has none of its own; port 0 takes any free port.
    package init(address: String, port: Int = 443, credential: Credential? = nil) throws {
        self.address = address
        state = Locked(State(credential: credential))
        listener = Locked(nil)
        let bound = try Listener(address: address, port: port) { [weak self] channel in
            guard let self else { return channel.close() }
            return channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
        }
        listener.withLock { $0 = bound }
    }

    package var port: Int { listener.withLock { $0?.port ?? 0 } }

    /// Answers the policy path of `host` (such as `mta-sts.example.lab`) so from the next request on.
    ///
    /// `credential` becomes the certificate for clients that name the host; nil leaves what there is.
    package func set(_ host: String, _ answer: PolicyAnswer, credential: Credential? = nil) {
        state.withLock {
            $0.answers[host.lowercased()] = answer
            if let credential { $0.credentials[host.lowercased()] = credential }
        }
    }

    /// Answers another path, whatever the host: for redirect targets and report uploads.
    package func set(path: String, _ answer: PolicyAnswer) { state.withLock { $0.paths[path] = answer } }

    /// Answers 404 for `host` again.
    package func remove(_ host: String) { _ = state.withLock { $0.answers.removeValue(forKey: host.lowercased()) } }

    /// The certificate for clients that name `host`.
    package func setCredential(_ host: String, _ credential: Credential) {
        state.withLock { $0.credentials[host.lowercased()] = credential }
    }

    package var connectionFault: ConnectionFault {
        get { state.withLock { $0.connectionFault } }
        set { state.withLock { $0.connectionFault = newValue } }
    }

    package var maximumTLSVersion: TLSVersion {
        get { state.withLock { $0.maximumTLSVersion } }
        set { state.withLock { $0.maximumTLSVersion = newValue } }
    }

    /// Whether a request is answered as soon as its head is there, whatever comes behind.
    package var answersEarly: Bool {
        get { state.withLock { $0.answersEarly } }
        set { state.withLock { $0.answersEarly = newValue } }
    }

    /// Requests for the policy path of `host` so far, answered or not.
    package func hits(_ host: String) -> Int {
        let host = host.lowercased()
        return state.withLock { $0.requests.count { $0.host == host && $0.path == Self.path } }
    }

    /// Every request so far, oldest first.
    package var requests: [Request] { state.withLock { $0.requests } }

    /// The host name of each TLS handshake, nil for one without.
    package var serverNames: [String?] { state.withLock { $0.serverNames } }

    package var connections: Int { listener.withLock { $0?.connections ?? 0 } }

    /// Connections open now.
    package var openConnections: Int { listener.withLock { $0?.openConnections ?? 0 } }

    /// Refuses connections until ``start()``, and closes those there are.
    package func stop() { listener.withLock { $0 }?.stop() }

    /// Listens again after ``stop()``.
    package func start() throws { try listener.withLock { $0 }?.start() }

    /// Notes the request and says what to answer.
    func answer(_ request: Request) -> PolicyAnswer {
        state.withLock { state in
            state.requests.append(request)
            if request.path == Self.path, let answer = state.answers[request.host] { return answer }
            return state.paths[request.path] ?? .status(404)
        }
    }

    private func prepare(_ channel: any Channel) throws {
        switch connectionFault {
        case .none: break
        case .silent: return
        case .closed: return channel.close(promise: nil)
        case .garbage: return channel.writeAndFlush(ByteBuffer(string: "220 this is no TLS\r\n"), promise: nil)
        }
        try channel.pipeline.syncOperations.addHandler(try TLSServerHandler(try tlsSettings()))
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
        try channel.pipeline.syncOperations.addHandler(PolicySession(host: self))
    }

    private func tlsSettings() throws -> TLSServerSettings {
        let (fallback, credentials, maximum) = state.withLock { ($0.credential, $0.credentials, $0.maximumTLSVersion) }
        guard let first = fallback ?? credentials.values.first else { throw LabError("no credential") }
        var settings = TLSServerSettings(credential: first)
        settings.maximumVersion = maximum
        settings.protocols = ["http/1.1"]
        settings.choose = { [weak self] name in
            self?.state.withLock { $0.serverNames.append(name) }
            return name.flatMap { credentials[$0.lowercased()] }
        }
        return settings
    }
}
