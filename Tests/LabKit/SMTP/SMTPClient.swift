// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOPosix

/// An SMTP client that does as it is told, one command at a time; every reply has a deadline.
package final class SMTPClient: Sendable {
    /// How long one reply may take: longer than a milter's share of any command.
    package let waitLimit: Duration
    private let channel: any Channel
    private let replies: NIOLoopBound<ReplyReader>

    /// Connects, and reads nothing yet: the greeting is the first ``reply()``.
    package init(address: String, port: Int = 25, waitLimit: Duration = .seconds(40)) async throws {
        self.waitLimit = waitLimit
        (channel, replies) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.nanoseconds(waitLimit.nanoseconds))
            .connect(host: address, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let reader = ReplyReader()
                    try channel.pipeline.syncOperations.addHandler(reader)
                    return (channel, NIOLoopBound(reader, eventLoop: channel.eventLoop))
                }
            }
    }

    /// Connects, takes the greeting and says EHLO. Throws ``LabError`` if either is refused.
    package static func session(
        address: String, port: Int = 25, helo: String = "client.lab", waitLimit: Duration = .seconds(40)
    ) async throws -> SMTPClient {
        let client = try await SMTPClient(address: address, port: port, waitLimit: waitLimit)
        for reply in [try await client.reply(), try await client.command("EHLO \(helo)")] where !reply.isPositive {
            throw LabError("\(address): \(reply)")
        }
        return client
    }

    /// Waits for the next reply.
    package func reply() async throws -> SMTPReply { try await send("") }

    /// Sends one command line (without line end) and waits for its reply.
    package func command(_ line: String) async throws -> SMTPReply { try await send(line + "\r\n") }

    /// Sends raw octets and waits for the next reply.
    package func send(_ text: String) async throws -> SMTPReply {
        let (channel, replies, waitLimit) = (channel, replies, waitLimit)
        return try await channel.eventLoop.flatSubmit {
            let promise = channel.eventLoop.makePromise(of: SMTPReply.self)
            replies.value.wait(promise)
            let timer = channel.eventLoop.scheduleTask(in: .nanoseconds(waitLimit.nanoseconds)) {
                promise.fail(LabError("no SMTP reply within \(waitLimit) to \(text)"))
            }
            promise.futureResult.whenComplete { _ in timer.cancel() }
            if !text.isEmpty { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
            return promise.futureResult
        }.get()
    }

    /// Hands over one message: MAIL, each RCPT in turn, and DATA if any recipient was accepted.
    ///
    /// `message` may have LF line ends; dots are stuffed here. `parameters` follow MAIL FROM, such as `BODY=8BITMIME`.
    package func deliver(
        from sender: String, to recipients: [String], message: String, parameters: String = ""
    ) async throws -> SMTPDialogue {
        let mail = try await command("MAIL FROM:<\(sender)>" + (parameters.isEmpty ? "" : " " + parameters))
        guard mail.isPositive else { return SMTPDialogue(mail: mail, recipients: [], data: nil) }
        var answers: [SMTPDialogue.Recipient] = []
        for recipient in recipients {
            answers.append(.init(address: recipient, reply: try await command("RCPT TO:<\(recipient)>")))
        }
        guard answers.contains(where: { $0.reply.isPositive }) else {
            return SMTPDialogue(mail: mail, recipients: answers, data: nil)
        }
        var data = try await command("DATA")
        if data.code == 354 { data = try await send(Self.stuffed(message)) }
        return SMTPDialogue(mail: mail, recipients: answers, data: data)
    }

    /// Says QUIT and closes, whatever the server says to it.
    package func quit() async {
        _ = try? await command("QUIT")
        stop()
    }

    /// Closes the connection at once.
    package func stop() { channel.close(promise: nil) }

    deinit { channel.close(promise: nil) }

    private static func stuffed(_ message: String) -> String {
        var lines = message.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines.map { ($0.hasPrefix(".") ? "." : "") + $0 + "\r\n" }.joined() + ".\r\n"
    }
}

/// Puts lines together to replies and gives them to whoever waits, first come first served.
private final class ReplyReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var input = ByteBuffer()
    private var lines: [String] = []
    private var received: [SMTPReply] = []
    private var waiting: [EventLoopPromise<SMTPReply>] = []
    private var closed = false

    func wait(_ promise: EventLoopPromise<SMTPReply>) {
        if !received.isEmpty {
            promise.succeed(received.removeFirst())
        } else if closed {
            promise.fail(LabError("the SMTP server closed the connection"))
        } else {
            waiting.append(promise)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        while let end = input.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let line = (input.readString(length: end - input.readerIndex + 1) ?? "").filter { !$0.isNewline }
            lines.append(String(line.dropFirst(4)))
            guard line.dropFirst(3).first != "-" else { continue }
            let reply = SMTPReply(code: Int(line.prefix(3)) ?? 0, lines: lines)
            lines = []
            if waiting.isEmpty { received.append(reply) } else { waiting.removeFirst().succeed(reply) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { fail(LabError("the SMTP server closed the connection")) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    private func fail(_ error: any Error) {
        closed = true
        for promise in waiting { promise.fail(error) }
        waiting = []
    }
}
