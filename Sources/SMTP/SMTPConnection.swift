// SPDX-License-Identifier: Apache-2.0

/// A connection to an SMTP server, and the client's steps on it up to TLS.
///
/// Which steps to take, and what an answer means, is the caller's: a probe ends with the handshake, a submission goes on
/// to the message.
package struct SMTPConnection: Sendable {
    /// How long a server may keep us from saying QUIT.
    private static let quitTimeout = Duration.seconds(1)

    package let stream: TCPStream
    private let heloName: String
    private let commandTimeout: Duration
    private let deadline: ContinuousClock.Instant

    /// - Parameters:
    ///   - heloName: our name in EHLO.
    ///   - commandTimeout: time for the reply to one command.
    ///   - deadline: for all commands together.
    package init(
        _ stream: TCPStream, heloName: String, commandTimeout: Duration, deadline: ContinuousClock.Instant
    ) {
        self.stream = stream
        self.heloName = heloName
        self.commandTimeout = commandTimeout
        self.deadline = deadline
    }

    /// The end of a step that begins now.
    package var stepDeadline: ContinuousClock.Instant { min(.now + commandTimeout, deadline) }

    package func greeting() async throws(Unreachable) -> SMTPReply {
        try await stream.readReply("greeting", by: stepDeadline)
    }

    /// Sends one command and reads its reply, whatever it is.
    package func command(_ line: String) async throws(Unreachable) -> SMTPReply {
        try await stream.command(line, by: stepDeadline)
    }

    package func ehlo() async throws(Unreachable) -> SMTPReply { try await command("EHLO \(heloName)") }

    /// Says EHLO, and HELO to a host that refuses it, as MTAs do. - RFC 5321 §4.1.1.1: EHLO or HELO.
    package func hello() async throws(Unreachable) -> Hello {
        let reply = try await ehlo()
        guard reply.code != 250 else { return .extended(reply) }
        let old = try await command("HELO \(heloName)")
        return old.code == 250 ? .basic(old, ehlo: reply) : .refused(ehlo: reply, helo: old)
    }

    /// Asks for TLS and changes to it, whatever the certificate: the session says what is wrong with it.
    /// - Parameter handshakeTimeout: time for the handshake, from the reply on; nil stands for that of one command.
    package func startTLS(
        _ context: TLSContext, _ options: TLSOptions, within handshakeTimeout: Duration? = nil
    ) async throws(StartTLSFailure) -> TLSSession {
        let reply: SMTPReply
        do throws(Unreachable) { reply = try await command("STARTTLS") } catch { throw .unanswered(error) }
        guard reply.code == 220 else { throw .refused(reply) }
        let end = handshakeTimeout.map { .now + $0 } ?? stepDeadline
        do throws(TLSFailure) { return try await stream.startTLS(context, options, by: end) } catch {
            throw .failed(error)
        }
    }

    /// Takes leave in order, without waiting for the answer.
    package func quit() async { try? await stream.write(Array("QUIT\r\n".utf8), by: .now + Self.quitTimeout) }
}

/// How a server answers our name.
package enum Hello: Sendable, Equatable {
    /// The reply to EHLO, which offers the extensions.
    case extended(SMTPReply)
    /// The reply to HELO, of a host that refused EHLO: it has no extensions either.
    case basic(SMTPReply, ehlo: SMTPReply)
    case refused(ehlo: SMTPReply, helo: SMTPReply)
}

/// Why a server that offers STARTTLS does not come to TLS.
package enum StartTLSFailure: Error, Sendable, Equatable {
    /// It says no: the dialogue may go on in the clear.
    case refused(SMTPReply)
    /// There was no reply: the connection is of no more use.
    case unanswered(Unreachable)
    /// The handshake failed: the connection is of no more use.
    case failed(TLSFailure)
}
