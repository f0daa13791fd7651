// SPDX-License-Identifier: Apache-2.0
import Basics
import Mail
import Reporting
import SMTP
import TLS

/// One mail transaction on a connection of its own.
struct SMTPTransaction: Sendable {
    /// What ends a transaction, early or late.
    enum Ending: Error, Sendable {
        case ended(SendResult)
        /// The host cannot have the message: another address may be tried.
        case notSent(String)
        /// TLS failed: the same address may be tried without.
        case noTLS(String)
    }

    /// Time for one reply before the message is there.
    private static let commandTimeout = Duration.seconds(60)

    let submission: SMTPSubmission
    let address: IPAddress
    let usesTLS: Bool
    let deadline: ContinuousClock.Instant

    func run(_ letter: OutgoingMail, commit: @Sendable () async -> Bool) async -> Ending {
        let stream: TCPStream
        do throws(StreamError) {
            stream = try await submission.connector.connect(
                to: address, port: submission.port, by: min(.now + submission.settings.connectTimeout, deadline))
        } catch { return .notSent("\(address): \(error)") }
        let ending: Ending
        do throws(Ending) {
            let hello = try await open(stream)
            try await announce(letter, offersSize: hello.offers("SIZE"), stream)
            ending = .ended(try await send(letter.message, stream, commit: commit))
        } catch { ending = error }
        await stream.close()
        return ending
    }

    /// From the greeting to the reply to EHLO that counts.
    private func open(_ stream: TCPStream) async throws(Ending) -> SMTPReply {
        let greeting = try await reply { () async throws(Unreachable) in
            try await stream.readReply("greeting", by: soon)
        }
        guard greeting.code == 220 else { throw .notSent("\(address): greeting: \(greeting.text)") }
        let hello = try await command("EHLO \(submission.settings.heloName)", stream)
        if hello.code == 250 { return try await secure(stream, hello) }
        // A host without EHLO has no extensions either.
        let old = try await command("HELO \(submission.settings.heloName)", stream)
        guard old.code == 250 else { throw .notSent("\(address): EHLO: \(hello.text)") }
        return old
    }

    private func secure(_ stream: TCPStream, _ hello: SMTPReply) async throws(Ending) -> SMTPReply {
        guard usesTLS, hello.offers("STARTTLS"), let name = serverName(hello) else { return hello }
        let answer = try await command("STARTTLS", stream)
        guard answer.code == 220 else { throw .noTLS("\(address): STARTTLS: \(answer.text)") }
        do throws(TLSFailure) {
            _ = try await stream.startTLS(submission.tls, TLSOptions(serverName: name), by: soon)
        } catch { throw .noTLS("\(address): \(error)") }
        let again = try await command("EHLO \(submission.settings.heloName)", stream)
        guard again.code == 250 else { throw .notSent("\(address): EHLO: \(again.text)") }
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
    private func announce(_ letter: OutgoingMail, offersSize: Bool, _ stream: TCPStream) async throws(Ending) {
        let size = offersSize ? " SIZE=\(letter.message.count)" : ""
        let mail = try await command("MAIL FROM:<\(letter.senderText)>\(size)", stream)
        // The sender is ours: what is wrong with it is no reason to give up a destination.
        guard mail.code == 250 else { throw .ended(.deferred("MAIL: \(mail.text)", after: nil)) }
        let recipient = try await command("RCPT TO:<\(letter.recipient)>", stream)
        guard (250...252).contains(recipient.code) else { throw .ended(Self.result("RCPT", recipient)) }
        let data = try await command("DATA", stream)
        guard data.code == 354 else { throw .ended(.deferred("DATA: \(data.text)", after: nil)) }
    }

    private func send(
        _ message: [UInt8], _ stream: TCPStream, commit: @Sendable () async -> Bool
    ) async throws(Ending) -> SendResult {
        do throws(StreamError) { try await stream.write(Self.stuffed(message), by: deadline) } catch {
            throw .notSent("\(address): DATA: \(error)")
        }
        // Without the final dot the host has no message.
        guard await commit() else { return .withdrawn }
        do throws(StreamError) { try await stream.write(Array(".\r\n".utf8), by: deadline) } catch {
            return .uncertain("message sent, but no answer: \(address): \(error)")
        }
        let answer: SMTPReply
        do throws(Unreachable) { answer = try await stream.readReply("end of message", by: deadline) } catch {
            return .uncertain("message sent, but no answer: \(address): \(error.text)")
        }
        try? await stream.write(Array("QUIT\r\n".utf8), by: .now + .seconds(1))
        return answer.code == 250 ? .accepted(answer.text) : Self.result("end of message", answer)
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

    private func command(_ line: String, _ stream: TCPStream) async throws(Ending) -> SMTPReply {
        try await reply { () async throws(Unreachable) in try await stream.command(line, by: soon) }
    }

    private func reply(_ read: () async throws(Unreachable) -> SMTPReply) async throws(Ending) -> SMTPReply {
        do throws(Unreachable) { return try await read() } catch { throw .notSent("\(address): \(error.text)") }
    }

    private var soon: ContinuousClock.Instant { min(.now + Self.commandTimeout, deadline) }
}
