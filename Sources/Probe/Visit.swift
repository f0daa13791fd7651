// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import TLSRPT
import Wire

/// One connection to one address of a host.
struct Visit: Sendable {
    let prober: SMTPProber
    let candidate: Candidate
    let host: HostLookup
    let address: IPAddress
    /// For the whole host; each step has one of its own within.
    let deadline: ContinuousClock.Instant

    private var settings: ProbeSettings { prober.settings }

    func run() async -> HostEvidence {
        let stream: TCPStream
        do {
            stream = try await prober.connector.connect(
                to: address, port: candidate.port, by: within(settings.connectTimeout))
        } catch { return .unreachable("\(address): \(error)") }
        let seen: HostEvidence
        do { seen = try await converse(stream) } catch { seen = .unreachable("\(address): \(error.text)") }
        await stream.close()
        return seen
    }

    private func converse(_ stream: TCPStream) async throws(Unreachable) -> HostEvidence {
        let greeting = try await stream.readReply("greeting", by: within(settings.greetingTimeout))
        guard greeting.code == 220 else { throw Unreachable(text: "greeting: \(greeting.text)") }
        guard let hello = try await introduce(stream) else {
            return failing(.starttlsNotSupported, "host knows no EHLO, so it offers no STARTTLS", helo: nil)
        }
        let helo = hello.lines.first.map { printable($0, limit: 100) }
        guard hello.offers("STARTTLS") else {
            await quit(stream)
            return failing(.starttlsNotSupported, "host does not offer STARTTLS", helo: helo)
        }
        let answer = try await stream.command("STARTTLS", by: within(settings.commandTimeout))
        guard answer.code == 220 else {
            // 421 is goodbye, whatever it answers.
            guard answer.code != 421 else { throw Unreachable(text: "STARTTLS: \(answer.text)") }
            await quit(stream)
            return failing(.starttlsNotSupported, "host refuses STARTTLS: \(answer.text)", helo: helo)
        }
        return try await secure(stream, helo: helo)
    }

    /// The reply to EHLO; nil if the host knows HELO only.
    private func introduce(_ stream: TCPStream) async throws(Unreachable) -> SMTPReply? {
        let hello = try await stream.command("EHLO \(settings.heloName)", by: within(settings.commandTimeout))
        if hello.code == 250 { return hello }
        guard (500..<600).contains(hello.code) else { throw Unreachable(text: "EHLO: \(hello.text)") }
        let old = try await stream.command("HELO \(settings.heloName)", by: within(settings.commandTimeout))
        guard old.code == 250 else { throw Unreachable(text: "EHLO: \(hello.text)") }
        await quit(stream)
        return nil
    }

    private func secure(_ stream: TCPStream, helo: String?) async throws(Unreachable) -> HostEvidence {
        var options = TLSOptions(serverName: candidate.name)
        options.tlsa = host.tlsa
        options.tlsaBase = host.tlsaBase
        options.moreDANENames = [candidate.name]
        let session: TLSSession
        do {
            session = try await stream.startTLS(prober.tls, options, by: within(settings.handshakeTimeout))
        } catch {
            return try failing(error, helo: helo)
        }
        await quit(stream)
        let facts = TLSFacts(session, address: address)
        let failures = session.failures(for: candidate.name, address: address, helo: helo)
        return failures.isEmpty ? .conforming(facts) : .failing(failures, facts)
    }

    /// An MTA that only prefers TLS goes on in the clear when the handshake fails: that is no mere outage.
    private func failing(_ error: TLSFailure, helo: String?) throws(Unreachable) -> HostEvidence {
        let reason: String
        switch error {
        case .stream(.cancelled), .stream(.closed), .setup: throw Unreachable(text: "\(error)")
        case .stream(.timeout) where deadline <= .now: throw Unreachable(text: "\(error)")
        case .plaintextAfterSTARTTLS: reason = "plaintext-after-starttls"
        case .stream(.timeout): reason = "tls-handshake-timeout"
        case .handshake, .stream: reason = handshakeFailureReason
        }
        return failing(.validationFailure, reason: reason, "\(error)", helo: helo)
    }

    private func failing(_ type: ResultType, reason: String? = nil, _ text: String, helo: String?) -> HostEvidence {
        .failing([Failure(type, reasonCode: reason, text: text, address: address, helo: helo)], nil)
    }

    /// Leaves in order, without waiting for the answer.
    private func quit(_ stream: TCPStream) async {
        try? await stream.write(Array("QUIT\r\n".utf8), by: within(.seconds(1)))
    }

    private func within(_ timeout: Duration) -> ContinuousClock.Instant { min(.now + timeout, deadline) }
}
