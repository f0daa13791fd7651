// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import SMTP
import TLS
import TLSRPT

/// One connection to one address of a host.
///
/// An MTA that only prefers TLS hands over its mail in the clear to whatever greets it and does not come to TLS. So a
/// host that has spoken is either seen to conform or failing, however it went wrong: otherwise an attacker on the way
/// could choose to be taken for an outage.
struct ProbeAttempt: Sendable {
    /// The reason code of a dialogue that ended before TLS was tried. - RFC 8460 §4.3.1: validation-failure.
    static let dialogueFailureReason = "smtp-dialogue-failed"
    /// Greetings by which a host turns all mail away, to whichever client. - RFC 5321 §3.1: Session Initiation;
    /// RFC 7504 §3: The 521 Reply Code.
    static let refusals: Set<Int> = [421, 521, 554]

    let prober: SMTPProber
    let candidate: MXHost
    /// Whose mail asks.
    let policyDomain: DomainName
    let host: HostLookup
    let address: IPAddress
    /// For the whole host; each step has one of its own within.
    let deadline: ContinuousClock.Instant

    private var settings: ProbeSettings { prober.settings }

    func run() async -> AddressEvidence {
        let stream: TCPStream
        do {
            stream = try await prober.connector.connect(
                to: address, port: candidate.port, by: within(settings.connectTimeout))
        } catch { return Self.unconnected(error, at: address) }
        let seen = candidate.port == NextHop.smtpsPort ? await converseInTLS(stream) : await converse(stream)
        await stream.close()
        return seen
    }

    /// What a connection that was not made says. Only what this machine said by itself is ours: the network's own
    /// refusals can be made up by anybody on the way.
    static func unconnected(_ error: StreamError, at address: IPAddress) -> AddressEvidence {
        let text = "\(address): \(error)"
        if case .system(let error) = error, error.isNoRoute { return .noRoute(text) }
        return error.isOurs ? .localFailure(text) : .seen(.unreachable(text))
    }

    private func converse(_ stream: TCPStream) async -> AddressEvidence {
        let greeting: SMTPReply
        let end = within(settings.greetingTimeout)
        do { greeting = try await self.greeting(of: stream, by: end) } catch {
            // What was cut short for others might have come to an end: it is not known to be bad.
            let isOpen = await stream.receivedBytes == 0 || (error.isTimeout && .now < end)
            return isOpen && !error.isOurs ? .seen(.turnedAway("\(address): \(error.text)")) : broken(error, nil)
        }
        guard !Self.refusals.contains(greeting.code) else {
            return .seen(.turnedAway("\(address): greeting: \(greeting.text)"))
        }
        guard greeting.code == 220 else { return broken(Unreachable(text: "greeting: \(greeting.text)"), nil) }
        let connection = SMTPConnection(
            stream, heloName: settings.heloName, commandTimeout: settings.commandTimeout,
            deadline: within(settings.dialogueTimeout))
        return await introduced(connection)
    }

    /// Where TLS comes before the greeting no mail goes in the clear, so a host that sends nothing says nothing either.
    private func converseInTLS(_ stream: TCPStream) async -> AddressEvidence {
        let session: TLSSession
        do throws(TLSFailure) {
            session = try await stream.startTLS(prober.tls, tlsOptions, by: within(settings.handshakeTimeout))
        } catch {
            guard await stream.receivedBytes == 0, case .stream(let end) = error, !end.isOurs else {
                return failing(error, helo: nil)
            }
            return .seen(.turnedAway("\(address): \(error)"))
        }
        let seen = evidence(of: session, helo: nil)
        guard case .seen(.conforming) = seen else { return seen }
        let greeting: SMTPReply
        do { greeting = try await self.greeting(of: stream, by: within(settings.greetingTimeout)) } catch {
            return error.isOurs ? broken(error, nil) : .seen(.turnedAway("\(address): \(error.text)"))
        }
        guard greeting.code == 220 else { return .seen(.turnedAway("\(address): greeting: \(greeting.text)")) }
        let connection = SMTPConnection(
            stream, heloName: settings.heloName, commandTimeout: settings.commandTimeout,
            deadline: within(settings.dialogueTimeout))
        await connection.quit()
        return seen
    }

    /// Waits as long as an MTA would, but a host that makes others wait for their turn gives up its place sooner.
    private func greeting(
        of stream: TCPStream, by end: ContinuousClock.Instant
    ) async throws(Unreachable) -> SMTPReply {
        while true {
            do throws(Unreachable) {
                return try await stream.readReply("greeting", by: min(end, .now + settings.crowdedGreetingTimeout))
            } catch {
                guard error.isTimeout, .now < end, !prober.isCrowded else { throw error }
            }
        }
    }

    private func introduced(_ connection: SMTPConnection) async -> AddressEvidence {
        let hello: SMTPReply
        do throws(Unreachable) {
            switch try await connection.hello() {
            case .extended(let reply): hello = reply
            case .basic(_, let ehlo):
                // MTAs go on with such a host, without TLS.
                await connection.quit()
                return failing(
                    .starttlsNotSupported, "host knows no EHLO, so it offers no STARTTLS: \(ehlo.text)", helo: nil)
            case .refused(let ehlo, let helo):
                await connection.quit()
                throw Unreachable(text: "EHLO: \(ehlo.text), HELO: \(helo.text)")
            }
        } catch { return broken(error, nil) }
        let helo = hello.lines.first.map { printable($0, limit: 100) }
        guard hello.offers("STARTTLS") else {
            await connection.quit()
            return failing(.starttlsNotSupported, "host does not offer STARTTLS", helo: helo)
        }
        return await secure(connection, helo: helo)
    }

    private func secure(_ connection: SMTPConnection, helo: String?) async -> AddressEvidence {
        let session: TLSSession
        do throws(StartTLSFailure) {
            session = try await connection.startTLS(prober.tls, tlsOptions, within: settings.handshakeTimeout)
        } catch {
            switch error {
            case .refused(let reply):
                await connection.quit()
                return failing(.starttlsNotSupported, "host refuses STARTTLS: \(reply.text)", helo: helo)
            case .unanswered(let error): return broken(error, helo)
            case .failed(let error): return failing(error, helo: helo)
            }
        }
        await connection.quit()
        return evidence(of: session, helo: helo)
    }

    private var tlsOptions: TLSOptions {
        var options = TLSOptions(serverName: candidate.name)
        options.tlsa = host.tlsa
        options.tlsaBase = host.tlsaBase
        options.moreDANENames = [candidate.name]
        options.securityLevel = settings.securityLevel
        options.nextHop = policyDomain
        return options
    }

    private func evidence(of session: TLSSession, helo: String?) -> AddressEvidence {
        let facts = TLSFacts(session, address: address)
        let failures = session.failures(
            for: candidate.name, address: address, helo: helo, securityLevel: settings.securityLevel)
        return .seen(failures.isEmpty ? .conforming(facts) : .failing(failures, facts))
    }

    /// An MTA that only prefers TLS goes on in the clear when the handshake fails: that is no mere outage.
    private func failing(_ error: TLSFailure, helo: String?) -> AddressEvidence {
        let reason: String
        switch error {
        case .setup: return .localFailure("\(address): \(error)")
        case .stream(let stream) where stream.isOurs: return .localFailure("\(address): \(error)")
        case .plaintextAfterSTARTTLS: reason = "plaintext-after-starttls"
        case .stream(.timeout): reason = "tls-handshake-timeout"
        case .handshake, .stream: reason = handshakeFailureReason
        }
        return failing(.validationFailure, reason: reason, "\(error)", helo: helo)
    }

    /// A host that spoke, and with which we did not come as far as TLS.
    private func broken(_ error: Unreachable, _ helo: String?) -> AddressEvidence {
        if error.isOurs { return .localFailure("\(address): \(error.text)") }
        return failing(
            .validationFailure, reason: Self.dialogueFailureReason, "host does not come to STARTTLS: \(error.text)",
            helo: helo)
    }

    private func failing(
        _ type: ResultType, reason: String? = nil, _ text: String, helo: String?
    ) -> AddressEvidence {
        .seen(.failing([Failure(type, reasonCode: reason, text: text, address: address, helo: helo)], nil))
    }

    private func within(_ timeout: Duration) -> ContinuousClock.Instant { min(.now + timeout, deadline) }
}
