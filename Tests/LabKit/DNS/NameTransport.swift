// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// The UDP side of a ``NameServer``.
final class NameDatagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    // Weak: the server owns the channel, and must go away with its last user.
    private weak let server: NameServer?

    init(server: NameServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let datagram = unwrapInboundIn(data)
        guard let reply = server?.reply(to: Array(buffer: datagram.data), overTCP: false) else { return }
        let envelope = AddressedEnvelope(remoteAddress: datagram.remoteAddress, data: ByteBuffer(bytes: reply.bytes))
        let channel = context.channel
        guard reply.delay > .zero else { return channel.writeAndFlush(envelope, promise: nil) }
        channel.eventLoop.scheduleTask(in: reply.delay) { channel.writeAndFlush(envelope, promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// One TCP connection to a ``NameServer``: messages with a length of two octets. - RFC 1035 §4.2.2: TCP usage.
final class NameStream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private weak let server: NameServer?
    private var input = ByteBuffer()

    init(server: NameServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        let channel = context.channel
        while let message = input.readLengthPrefixedSlice(as: UInt16.self) {
            guard let reply = server?.reply(to: Array(buffer: message), overTCP: true) else { continue }
            let framed = ByteBuffer(bytes: UInt16(reply.bytes.count).octets + reply.bytes)
            channel.eventLoop.scheduleTask(in: reply.delay) { channel.writeAndFlush(framed, promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
