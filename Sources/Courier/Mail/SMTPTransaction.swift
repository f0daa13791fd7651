// SPDX-License-Identifier: Apache-2.0
import Basics
import Mail
import Reporting
import SMTP
import TLS

/// One mail transaction on a connection of its own.
struct SMTPTransaction: Sendable {
    /// How far a transaction came.
    enum Step: Sendable {
        /// All but the final dot is sent.
        case held(HeldMessage)
        case ended(SendResult)
        /// The host cannot have the message: another address may be tried.
        case notSent(String)
        /// TLS failed: the same address may be tried without.
        case noTLS(String)
    }

    /// What ends a transaction before that.
    private struct Ending: Error {
        let step: Step
        init(_ step: Step) { self.step = step }
    }

    /// Time for one reply before the message is there.
    private static let commandTimeout = Duration.seconds(60)

    let submission: SMTPSubmission
    let address: IPAddress
    let usesTLS: Bool
    let deadline: ContinuousClock.Instant

    /// Sends all but the final dot, without which the host has no message.
    func prepare(_ outgoing: OutgoingMail) async -> Step {
        let stream: TCPStream
        do throws(StreamError) {
            stream = try await submission.connector.connect(
                to: address, port: submission.port, by: min(.now + submission.settings.connectTimeout, deadline))
        } catch { return .notSent("\(address): \(error)") }
        let connection = SMTPConnection(
            stream, heloName: submission.settings.heloName, commandTimeout: Self.commandTimeout, deadline: deadline)
        do throws(Ending) {
            let hello = try await open(connection)
            try await announce(outgoing, offersSize: hello.offers("SIZE"), connection)
            do throws(StreamError) { try await stream.write(Self.stuffed(outgoing.message), by: deadline) } catch {
                throw Ending(.notSent("\(address): DATA: \(error)"))
            }
            return .held(HeldMessage(connection: connection, address: address, deadline: deadline))
        } catch {
            await stream.close()
            return error.step
        }
    }

    /// From the greeting to the reply to EHLO that counts.
    private func open(_ connection: SMTPConnection) async throws(Ending) -> SMTPReply {
        let greeting = try await reply { () async throws(Unreachable) in try await connection.greeting() }
        guard greeting.code == 220 else { throw Ending(.notSent("\(address): greeting: \(greeting.text)")) }
        switch try await reply({ () async throws(Unreachable) in try await connection.hello() }) {
        case .extended(let hello): return try await secure(connection, hello)
        case .basic(let hello, ehlo: _): return hello
        case .refused(let ehlo, helo: _): throw Ending(.notSent("\(address): EHLO: \(ehlo.text)"))
        }
    }

    private func secure(_ connection: SMTPConnection, _ hello: SMTPReply) async throws(Ending) -> SMTPReply {
        guard usesTLS, hello.offers("STARTTLS"), let name = serverName(hello) else { return hello }
        do throws(StartTLSFailure) {
            _ = try await connection.startTLS(submission.tls, TLSOptions(serverName: name))
        } catch {
            switch error {
            case .refused(let reply): throw Ending(.noTLS("\(address): STARTTLS: \(reply.text)"))
            case .unanswered(let error): throw Ending(.notSent("\(address): \(error.text)"))
            case .failed(let error): throw Ending(.noTLS("\(address): \(error)"))
            }
        }
        let again = try await reply { () async throws(Unreachable) in try await connection.ehlo() }
        guard again.code == 250 else { throw Ending(.notSent("\(address): EHLO: \(again.text)")) }
        return again
    }

    /// The name to ask a certificate for: the host's, or for an address the one that it gives itself.
    private func serverName(_ hello: SMTPReply) -> DomainName? {
        switch submission.host {
        case .name(let name): name
        case .address: try? DomainName(hello.lines.first?.prefix { $0 != " " } ?? "")
        }
    }

    /// MAIL, RCPT and DATA.
    private func announce(
        _ outgoing: OutgoingMail, offersSize: Bool, _ connection: SMTPConnection
    ) async throws(Ending) {
        let size = offersSize ? " SIZE=\(outgoing.message.count)" : ""
        let mail = try await command("MAIL FROM:<\(outgoing.senderText)>\(size)", connection)
        // The sender is ours: what is wrong with it is no reason to give up a destination.
        guard mail.code == 250 else { throw Ending(.ended(.deferred("MAIL: \(mail.text)", after: nil))) }
        let recipient = try await command("RCPT TO:<\(outgoing.recipient)>", connection)
        guard (250...252).contains(recipient.code) else { throw Ending(.ended(Self.result("RCPT", recipient))) }
        let data = try await command("DATA", connection)
        guard data.code == 354 else { throw Ending(.ended(.deferred("DATA: \(data.text)", after: nil))) }
    }

    /// What a reply that is not positive means for the destination.
    ///
    /// A refusal for reasons of policy is the relay's, as "relay access denied": the administrator can mend it.
    /// - RFC 3463 §3.8: Security or Policy Status.
    static func result(_ step: String, _ reply: SMTPReply) -> SendResult {
        let text = "\(step): \(reply.text)"
        let isPolicy = reply.lines.first?.hasPrefix("5.7.") ?? false
        return (500..<600).contains(reply.code) && !isPolicy ? .refused(text) : .deferred(text, after: nil)
    }

    /// The message as DATA has it. - RFC 5321 §4.5.2: Transparency.
    static func stuffed(_ message: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(message.count + 100)
        var isLineStart = true
        for byte in message {
            if isLineStart, byte == UInt8(ascii: ".") { result.append(byte) }
            result.append(byte)
            isLineStart = byte == UInt8(ascii: "\n")
        }
        return result
    }

    private func command(_ line: String, _ connection: SMTPConnection) async throws(Ending) -> SMTPReply {
        try await reply { () async throws(Unreachable) in try await connection.command(line) }
    }

    private func reply<Answer>(_ read: () async throws(Unreachable) -> Answer) async throws(Ending) -> Answer {
        do throws(Unreachable) { return try await read() } catch { throw Ending(.notSent("\(address): \(error.text)")) }
    }
}

/// A message that its host has but for the final dot; its connection ends with it.
struct HeldMessage: HeldReport {
    let connection: SMTPConnection
    let address: IPAddress
    let deadline: ContinuousClock.Instant

    func finish() async -> SendResult {
        let result = await end()
        await connection.stream.close()
        return result
    }

    func withdraw() async { await connection.stream.close() }

    private func end() async -> SendResult {
        let stream = connection.stream
        // What comes too late to be answered is not sent.
        guard .now < deadline else {
            return .deferred("\(address): end of message: \(StreamError.timeout)", after: nil)
        }
        // What was written in part is no end.
        do throws(StreamError) { try await stream.write(Array(".\r\n".utf8), by: deadline) } catch {
            return .deferred("\(address): end of message: \(error)", after: nil)
        }
        let answer: SMTPReply
        do throws(Unreachable) { answer = try await stream.readReply("end of message", by: deadline) } catch {
            return .uncertain("message sent, but no answer: \(address): \(error.text)")
        }
        await connection.quit()
        return answer.code == 250 ? .accepted(answer.text) : SMTPTransaction.result("end of message", answer)
    }
}
