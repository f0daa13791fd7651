// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import TLS
import Testing
@testable import DNS
@testable import SMTP

/// An MX host with a connector and a context that trusts its authority.
struct StreamLab {
    let authority: CertificateAuthority
    let host: MXServer
    let connector: Connector
    let context: TLSContext
    let name: DomainName
    let address: IPAddress

    init(_ address: String, _ credential: (CertificateAuthority) throws -> Credential) throws {
        authority = try CertificateAuthority()
        host = try MXServer(address: address, port: 0, hostName: "mx.example.lab", credential: credential(authority))
        connector = try Connector()
        context = try TLSContext(caFile: authority.caFile)
        name = try DomainName("mx.example.lab")
        self.address = try #require(IPAddress(address))
    }

    var soon: ContinuousClock.Instant { .now + .seconds(10) }

    func connect(by deadline: ContinuousClock.Instant? = nil) async throws -> TCPStream {
        try await connector.connect(to: address, port: UInt16(host.port), by: deadline ?? soon)
    }

    /// Up to the answer to STARTTLS.
    func greet(_ stream: TCPStream) async throws {
        _ = try await stream.readLine(limit: 1000, by: soon)
        try await stream.write(Array("EHLO probe.lab\r\n".utf8), by: soon)
        while try await stream.readLine(limit: 1000, by: soon).dropFirst(3).first == UInt8(ascii: "-") {}
        try await stream.write(Array("STARTTLS\r\n".utf8), by: soon)
        _ = try await stream.readLine(limit: 1000, by: soon)
    }

    func session(tlsa: [TLSARecord] = [], nextHop: DomainName? = nil) async throws -> TLSSession {
        let stream = try await connect()
        try await greet(stream)
        var options = TLSOptions(serverName: name)
        options.tlsa = tlsa
        options.nextHop = nextHop
        let session = try await stream.startTLS(context, options, by: soon)
        try await stream.write(Array("NOOP\r\n".utf8), by: soon)
        #expect(String(decoding: try await stream.readLine(limit: 1000, by: soon), as: UTF8.self).hasPrefix("250"))
        await stream.close()
        return session
    }
}

@Suite("A stream ends each wait by its deadline")
struct StreamTests {
    @Test("Lines come in the clear and over TLS, and the host sees the name")
    func dialogue() async throws {
        let lab = try StreamLab("127.1.3.1") { try $0.issue(names: ["mx.example.lab", "*.example.lab"]) }
        let session = try await lab.session()
        #expect(session.version == "TLSv1.3")
        #expect(session.problems.isEmpty && session.nameMatches)
        #expect(session.certificate.names == ["mx.example.lab", "*.example.lab"])
        #expect(session.certificate.issuer == "/CN=sts lab root")
        #expect(session.dane == .notAsked)
        #expect(lab.host.serverNames == ["mx.example.lab"])
    }

    @Test("A host that is silent costs the deadline and no more")
    func silence() async throws {
        let lab = try StreamLab("127.1.3.2") { try $0.issue(names: ["mx.example.lab"]) }
        lab.host.fail(.stallGreeting)
        let stream = try await lab.connect()
        let error = await #expect(throws: StreamError.self) {
            try await stream.readLine(limit: 1000, by: .now + .milliseconds(100))
        }
        #expect(error == .timeout)
    }

    @Test("A host that drips or floods meets a limit")
    func tarpit() async throws {
        let lab = try StreamLab("127.1.3.3") { try $0.issue(names: ["mx.example.lab"]) }
        lab.host.fail(.drip(everyMilliseconds: 5))
        let dripping = try await lab.connect()
        await #expect(throws: StreamError.timeout) {
            try await dripping.readLine(limit: 1000, by: .now + .milliseconds(200))
        }
        let short = try await lab.connect()
        await #expect(throws: StreamError.lineTooLong) { try await short.readLine(limit: 10, by: lab.soon) }
    }

    @Test("A refused connection is an error at once, a closed one as well")
    func refused() async throws {
        let lab = try StreamLab("127.1.3.4") { try $0.issue(names: ["mx.example.lab"]) }
        let stream = try await lab.connect()
        _ = try await stream.readLine(limit: 1000, by: lab.soon)
        await stream.close()
        await stream.close()
        await #expect(throws: StreamError.closed) { try await stream.write([1], by: lab.soon) }
        lab.host.fail(.dropGreeting)
        let dropped = try await lab.connect()
        await #expect(throws: StreamError.closedByPeer) { try await dropped.readLine(limit: 1000, by: lab.soon) }
        lab.host.stop()
        await #expect(throws: StreamError.self) { try await lab.connect() }
    }

    @Test("A cancelled task stops waiting at once, and so does everyone at shutdown")
    func cancellation() async throws {
        let lab = try StreamLab("127.1.3.5") { try $0.issue(names: ["mx.example.lab"]) }
        lab.host.fail(.stallGreeting)
        let waiting = Task {
            let stream = try await lab.connect()
            return try await stream.readLine(limit: 1000, by: .now + .seconds(60))
        }
        try await Wait.until("connected") { lab.host.connections == 1 }
        waiting.cancel()
        await #expect(throws: StreamError.cancelled) { try await waiting.value }
        try await Wait.until("closed") { lab.host.openConnections == 0 }
        let other = Task { try await lab.connect().readLine(limit: 1000, by: .now + .seconds(60)) }
        try await Wait.until("connected") { lab.host.openConnections == 1 }
        lab.connector.shutdown()
        await #expect(throws: StreamError.closed) { try await other.value }
    }

    @Test("Hundreds of streams wait at once")
    func many() async throws {
        let lab = try StreamLab("127.1.3.6") { try $0.issue(names: ["mx.example.lab"]) }
        lab.host.fail(.stallGreeting)
        let timeouts = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<300 {
                group.addTask {
                    do {
                        let stream = try await lab.connect(by: .now + .seconds(20))
                        _ = try await stream.readLine(limit: 1000, by: .now + .seconds(2))
                        return false
                    } catch { return error as? StreamError == .timeout }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(timeouts == 300)
    }
}

@Suite("A handshake that fails says why")
struct HandshakeTests {
    private func failure(_ address: String, timeout: Duration = .seconds(10), _ fault: MXFault) async throws
        -> TLSFailure?
    {
        let lab = try StreamLab(address) { try $0.issue(names: ["mx.example.lab"]) }
        lab.host.fail(fault)
        let stream = try await lab.connect()
        try await lab.greet(stream)
        return await #expect(throws: TLSFailure.self) {
            try await stream.startTLS(lab.context, TLSOptions(serverName: lab.name), by: .now + timeout)
        }
    }

    @Test("Octets injected behind the answer to STARTTLS end it")
    func injection() async throws {
        let failure = try await failure("127.1.4.1", .injectAfterStartTLS)
        // The reply may come in a segment of its own: then it is what TLS cannot read.
        switch failure {
        case .plaintextAfterSTARTTLS, .handshake: break
        case .stream, .setup, nil: Issue.record("\(String(describing: failure))")
        }
    }

    @Test("What is no TLS is named so")
    func garbage() async throws {
        #expect(try await failure("127.1.4.2", .garbageAfterStartTLS) == .handshake("wrong version number"))
    }

    @Test("A host that hangs up or falls silent breaks the stream")
    func broken() async throws {
        // A close that finds our first record unread becomes a reset.
        switch try await failure("127.1.4.3", .dropAfterStartTLS) {
        case .stream(.closedByPeer), .stream(.system): break
        case let other: Issue.record("\(String(describing: other))")
        }
        #expect(try await failure("127.1.4.4", timeout: .milliseconds(200), .stallAfterStartTLS) == .stream(.timeout))
    }

    @Test("TLS 1.1 is too old")
    func oldVersion() async throws {
        let lab = try StreamLab("127.1.4.5") { try $0.issue(names: ["mx.example.lab"]) }
        lab.host.change { $0.maximumTLSVersion = .tlsv11 }
        let stream = try await lab.connect()
        try await lab.greet(stream)
        let failure = await #expect(throws: TLSFailure.self) {
            try await stream.startTLS(lab.context, TLSOptions(serverName: lab.name), by: lab.soon)
        }
        let isHandshake = if case .handshake = failure { true } else { false }
        #expect(isHandshake, "\(String(describing: failure))")
    }
}
