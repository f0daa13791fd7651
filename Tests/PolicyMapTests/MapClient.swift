// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOPosix
import Testing

/// An MTA's end of a socketmap connection; each wait has a deadline.
final class MapClient: Sendable {
    static let deadline = TimeAmount.seconds(20)

    let channel: any Channel
    private let handler: NIOLoopBoundBox<RepliesHandler>

    /// - Parameter source: the address that the client has.
    static func connect(
        port: Int, host: String = MapLab.address, from source: String? = nil, isReading: Bool = true
    ) async throws -> MapClient {
        let source = try source.map { try SocketAddress(ipAddress: $0, port: 0) }
        // An address, not a name: resolving one takes a thread of libdispatch, which may wait a second for it.
        let destination = try SocketAddress(ipAddress: host, port: port)
        return try await connect(isReading) { bootstrap in
            let bound = source.map { bootstrap.bind(to: $0) } ?? bootstrap
            return try await bound.connect(to: destination).get()
        }
    }

    static func connect(path: String) async throws -> MapClient {
        try await connect(true) { try await $0.connect(unixDomainSocketPath: path).get() }
    }

    private static func connect(
        _ isReading: Bool, _ dial: (ClientBootstrap) async throws -> any Channel
    ) async throws -> MapClient {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let handler = NIOLoopBoundBox.makeBoxSendingValue(RepliesHandler(), eventLoop: loop)
        let bootstrap = ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: false)
            .channelOption(.autoRead, value: isReading)
            .channelOption(.socketOption(.so_rcvbuf), value: isReading ? 1 << 20 : 64 << 10)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
            }
        return MapClient(channel: try await dial(bootstrap), handler: handler)
    }

    private init(channel: any Channel, handler: NIOLoopBoundBox<RepliesHandler>) {
        self.channel = channel
        self.handler = handler
    }

    /// Sends octets as they are.
    func send(_ octets: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: octets)) }

    func ask(_ requests: [String]) async throws { try await send(requests.map(netstring).joined()) }

    func ask(_ request: String) async throws -> String? {
        try await ask([request])
        return try await reply()
    }

    /// The next reply; nil when the server has closed the connection.
    func reply() async throws -> String? {
        try await channel.eventLoop.flatSubmit { self.handler.value.next(on: self.channel.eventLoop) }.get()
    }

    func replies(_ count: Int) async throws -> [String] {
        var replies: [String] = []
        while replies.count < count, let reply = try await reply() { replies.append(reply) }
        return replies
    }

    func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    func finishSending() async throws { try await channel.close(mode: .output) }

    func close() async { try? await channel.close() }
}

/// Takes replies apart; any octet that does not belong to a netstring is an issue of the test.
private final class RepliesHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var input = ByteBuffer()
    private var replies = CircularBuffer<String>()
    private var waiting = CircularBuffer<EventLoopPromise<String?>>()
    private var isClosed = false

    func next(on loop: any EventLoop) -> EventLoopFuture<String?> {
        let promise = loop.makePromise(of: String?.self)
        if let reply = replies.popFirst() {
            promise.succeed(reply)
        } else if isClosed {
            promise.succeed(nil)
        } else {
            waiting.append(promise)
            let timer = loop.scheduleTask(in: MapClient.deadline) {
                promise.fail(ChannelError.connectTimeout(MapClient.deadline))
            }
            promise.futureResult.whenComplete { _ in timer.cancel() }
        }
        return promise.futureResult
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var arrived = unwrapInboundIn(data)
        input.writeBuffer(&arrived)
        while let colon = input.readableBytesView.firstIndex(of: UInt8(ascii: ":")) {
            let digits = String(decoding: input.readableBytesView[..<colon], as: UTF8.self)
            guard let length = Int(digits) else {
                Issue.record("no netstring: \(digits)")
                return context.close(promise: nil)
            }
            let start = colon - input.readerIndex + 1
            guard input.readableBytes > start + length else { return }
            input.moveReaderIndex(forwardBy: start)
            let reply = input.readString(length: length) ?? ""
            #expect(input.readInteger() == UInt8(ascii: ","))
            if let promise = waiting.popFirst() { promise.succeed(reply) } else { replies.append(reply) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        #expect(input.readableBytes == 0, "a reply was cut off")
        while let promise = waiting.popFirst() { promise.succeed(nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
