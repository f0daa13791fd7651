// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import SMTP
import Testing

@Suite("A client's steps to TLS: what a host answers is told apart")
struct SMTPConnectionTests {
    private struct Dialogue {
        let host: MXServer
        let connection: SMTPConnection
        let context: TLSContext
        private let connector: Connector

        init(_ address: String, _ faults: MXFault..., offersTLS: Bool = true, total: Duration = .seconds(20))
            async throws
        {
            let authority = try CertificateAuthority()
            var behaviour = MXBehaviour(
                hostName: "mx.steps.lab", credential: try authority.issue(names: ["mx.steps.lab"]),
                faults: Set(faults))
            behaviour.offersStartTLS = offersTLS
            host = try MXServer(address: address, port: 0, behaviour: behaviour)
            connector = try Connector()
            context = try TLSContext(caFile: authority.caFile)
            let stream = try await connector.connect(
                to: try #require(IPAddress(address)), port: UInt16(host.port), by: .now + .seconds(10))
            connection = SMTPConnection(
                stream, heloName: "client.lab", commandTimeout: .seconds(10), deadline: .now + total)
        }

        func startTLS() async throws(StartTLSFailure) -> TLSSession? {
            guard let name = try? DomainName("mx.steps.lab") else { return nil }
            return try await connection.startTLS(context, TLSOptions(serverName: name), within: .seconds(10))
        }
    }

    @Test("from the greeting to TLS, and EHLO once more")
    func whole() async throws {
        let dialogue = try await Dialogue("127.1.7.1")
        #expect(try await dialogue.connection.greeting().code == 220)
        guard case .extended(let hello) = try await dialogue.connection.hello() else { throw LabError("no EHLO") }
        #expect(hello.code == 250 && hello.offers("STARTTLS"))
        #expect(try await dialogue.startTLS()?.problems.isEmpty == true)
        #expect(try await dialogue.connection.ehlo().offers("STARTTLS") == false)
        await dialogue.connection.quit()
        await dialogue.connection.stream.close()
    }

    @Test("a host without EHLO is greeted by HELO")
    func basic() async throws {
        let dialogue = try await Dialogue("127.1.7.2", .noEHLO)
        _ = try await dialogue.connection.greeting()
        guard case .basic(let helo, let ehlo) = try await dialogue.connection.hello() else { throw LabError("no HELO") }
        #expect(helo.code == 250 && ehlo.code >= 500)
    }

    @Test("a refusal, a failed handshake and a broken connection are three things")
    func failures() async throws {
        let refused = try await Dialogue("127.1.7.3", .refuseStartTLS(454))
        _ = try await refused.connection.greeting()
        _ = try await refused.connection.hello()
        await #expect { try await refused.startTLS() } throws: {
            if case StartTLSFailure.refused(let reply) = $0 { reply.code == 454 } else { false }
        }
        // The dialogue can go on.
        #expect(try await refused.connection.command("NOOP").code == 250)
        let garbled = try await Dialogue("127.1.7.4", .garbageAfterStartTLS)
        _ = try await garbled.connection.greeting()
        _ = try await garbled.connection.hello()
        await #expect { try await garbled.startTLS() } throws: {
            if case StartTLSFailure.failed(.handshake) = $0 { true } else { false }
        }
        let closed = try await Dialogue("127.1.7.5")
        await closed.connection.stream.close()
        await #expect { try await closed.startTLS() } throws: {
            if case StartTLSFailure.unanswered(let error) = $0 { error.isOurs } else { false }
        }
    }

    @Test("a step ends with its own time or with that of the whole dialogue, whichever comes first")
    func deadlines() async throws {
        let dialogue = try await Dialogue("127.1.7.6", .stallGreeting, total: .milliseconds(200))
        await #expect { try await dialogue.connection.greeting() } throws: { ($0 as? Unreachable)?.isTimeout == true }
        #expect(dialogue.connection.stepDeadline <= .now)
    }
}
