// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOPosix

/// One question to a policy map over a connection of its own, as a delivery agent asks it.
package struct MapQuestion: Sendable {
    private static let waitLimit = TimeAmount.seconds(60)

    package let address: String
    package let port: Int
    package let map: String

    package init(address: String, port: Int = 8461, map: String = "postfix") {
        self.address = address
        self.port = port
        self.map = map
    }

    /// What the map says of the key, such as `NOTFOUND `.
    package func ask(_ key: String) async throws -> String {
        let request = "\(map) \(key)"
        let (channel, answer) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: address, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let reader = AnswerReader(channel.eventLoop.makePromise())
                    try channel.pipeline.syncOperations.addHandler(reader)
                    return (channel, reader.answer.futureResult)
                }
            }
        let timer = channel.eventLoop.scheduleTask(in: Self.waitLimit) { channel.close(promise: nil) }
        channel.writeAndFlush(ByteBuffer(string: "\(request.utf8.count):\(request),"), promise: nil)
        defer {
            timer.cancel()
            channel.close(promise: nil)
        }
        return try await answer.get()
    }
}

/// Keeps the one netstring that comes.
private final class AnswerReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let answer: EventLoopPromise<String>
    private var text = ""

    init(_ answer: EventLoopPromise<String>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        guard let colon = text.firstIndex(of: ":"), let length = Int(text[..<colon]) else { return }
        let rest = text[text.index(after: colon)...]
        if rest.utf8.count > length { answer.succeed(String(rest.prefix(length))) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(LabError("the policy map answered only: \(text)"))
    }
}
