// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import Sockets

/// Why no daemon could be asked by the control socket.
package enum ControlError: Error, Sendable, CustomStringConvertible {
    case notRunning(String, cause: String)
    case notPermitted(String)
    case noAnswer(String)
    case noSocket

    package var description: String {
        switch self {
        case .notRunning(let path, let cause):
            "no sts-milter answers at \(path) (\(cause)): it is not running, see: systemctl status sts-milter; journalctl -u sts-milter -n 50"
        case .notPermitted(let path): "\(path): only root and the daemon's user may ask; run it as one of them"
        case .noAnswer(let path):
            "the sts-milter at \(path) runs but gave no answer in time: systemctl restart sts-milter"
        case .noSocket: "control.socket is empty, so that no command reaches a daemon"
        }
    }
}

/// Serves commands on a Unix socket that only the daemon's own user may reach.
package final class ControlServer: Sendable {
    /// Bytes of one request.
    static let requestLimitBytes = 64 << 10
    /// Nobody but the daemon's own user.
    private static let mode: UInt32 = 0o600

    package typealias Handler = @Sendable (ControlRequest) async -> ControlReply

    private let path: String
    private let group: any EventLoopGroup
    private let listener = Locked<ListeningChannel?>(nil)

    package init(path: String, group: any EventLoopGroup) {
        self.path = path
        self.group = group
    }

    /// Takes the socket, never from an instance that lives, and serves until ``stop()``.
    package func start(_ handler: @escaping Handler) async throws(ListenError) {
        let bootstrap = ServerBootstrap(group: group).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    LineHandler(limit: Self.requestLimitBytes) { line, channel in
                        Self.answer(line, on: channel, handler)
                    })
            }
        }
        let channel = try await ListeningChannel.open(
            .unix(path: path), with: bootstrap, mode: Self.mode, group: nil, setting: "control.socket")
        listener.withLock { $0 = channel }
    }

    /// Accepts no more; requests under way are still answered.
    package func stop() async { await listener.withLock { $0.take() }?.close() }

    private static func answer(_ line: ByteBuffer, on channel: any Channel, _ handler: @escaping Handler) {
        Task {
            let reply: ControlReply
            if let request = try? JSONDecoder().decode(ControlRequest.self, from: Data(line.readableBytesView)) {
                guard request.isWanted else {
                    try? await channel.close()
                    return
                }
                reply = await handler(request)
            } else {
                reply = ControlReply(succeeded: false, lines: ["not a request this version knows"])
            }
            try? await channel.writeAndFlush(ByteBuffer(bytes: encoded(reply) + Data("\n".utf8)))
            try? await channel.close()
        }
    }

    private static func encoded(_ reply: ControlReply) -> Data {
        let encoder = JSONEncoder()
        do { return try encoder.encode(reply) } catch {
            let failure = ControlReply(succeeded: false, lines: ["the answer cannot be written as JSON: \(error)"])
            // A truth value and a text cannot fail.
            return (try? encoder.encode(failure)) ?? Data()
        }
    }
}

/// Asks the daemon that serves a control socket.
package enum ControlClient {
    /// Octets of one answer: `status` names each source and light, and at most a hundred held domains.
    static let answerLimitBytes = 4 << 20

    /// How long a daemon may take.
    private static func limit(_ command: ControlRequest.Command) -> TimeAmount {
        switch command {
        case .status, .pause, .resume: .seconds(10)
        // They wait for the disk, or for the network.
        case .forget, .refresh: .seconds(90)
        }
    }

    package static func ask(_ request: ControlRequest, at path: String, group: any EventLoopGroup)
        async throws(ControlError) -> ControlReply
    {
        let limit = limit(request.command)
        var request = request
        request.wantedUntil = (NIODeadline.now() + limit).uptimeNanoseconds
        let answer = group.next().makePromise(of: ByteBuffer.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            LineHandler(limit: answerLimitBytes) { line, _ in answer.succeed(line) })
                    }
                }
                .connect(unixDomainSocketPath: path).get()
        } catch {
            answer.fail(error)
            let code = (error as? IOError)?.errnoCode
            if code == EACCES || code == EPERM { throw .notPermitted(path) }
            throw .notRunning(path, cause: code.map { String(cString: strerror($0)) } ?? "\(error)")
        }
        channel.closeFuture.whenComplete { _ in answer.fail(ChannelError.eof) }
        let timer = channel.eventLoop.scheduleTask(in: limit) {
            answer.fail(ChannelError.connectTimeout(limit))
        }
        defer { timer.cancel() }
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: try JSONEncoder().encode(request) + Data("\n".utf8)))
            let line = try await answer.futureResult.get()
            try? await channel.close()
            return try JSONDecoder().decode(ControlReply.self, from: Data(line.readableBytesView))
        } catch {
            try? await channel.close()
            throw .noAnswer(path)
        }
    }
}

/// Gathers bytes to the first line feed and hands the line on, once.
private final class LineHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var gathered = ByteBuffer()
    private let limit: Int
    private var take: ((ByteBuffer, any Channel) -> Void)?

    init(limit: Int, _ take: @escaping (ByteBuffer, any Channel) -> Void) {
        self.limit = limit
        self.take = take
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        gathered.writeBuffer(&buffer)
        if let end = gathered.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let line = gathered.getSlice(at: gathered.readerIndex, length: end - gathered.readerIndex) ?? ByteBuffer()
            take?(line, context.channel)
            take = nil
        } else if gathered.readableBytes > limit {
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
