// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// TLS in a server's pipeline: the handlers behind it read and write in the clear.
final class TLSServerHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a client has to say goodbye as well: a close with octets unread would take our last from it.
    private static let farewell = TimeAmount.milliseconds(500)

    private let tls: TLSServerConnection
    private var isUp = false
    private var isClosing = false
    /// Written before TLS was up.
    private var early: [(octets: ByteBuffer, promise: EventLoopPromise<Void>?)] = []

    init(_ settings: TLSServerSettings) throws { tls = try TLSServerConnection(settings) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        tls.feed(Array(unwrapInboundIn(data).readableBytesView))
        if !isUp {
            let step = tls.handshake()
            send(context)
            guard proceeds(step, context), case .done = step else { return }
            isUp = true
            for (octets, promise) in early { encrypt(context, octets, promise) }
            early = []
            context.flush()
        }
        read(context)
    }

    private func read(_ context: ChannelHandlerContext) {
        while true {
            var clear: [UInt8] = []
            let step = tls.read(into: &clear)
            send(context)
            if !clear.isEmpty, !isClosing { context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: clear))) }
            guard proceeds(step, context), case .done = step else { return }
        }
    }

    /// Ends the connection unless the step leaves it open.
    private func proceeds(_ step: TLSServerConnection.Step, _ context: ChannelHandlerContext) -> Bool {
        switch step {
        case .done, .wantsInput: return true
        case .ended: context.close(promise: nil)
        case .failed(let reason):
            context.fireErrorCaught(LabError("TLS: \(reason)"))
            context.close(promise: nil)
        }
        return false
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let octets = unwrapOutboundIn(data)
        if isUp { encrypt(context, octets, promise) } else { early.append((octets, promise)) }
    }

    private func encrypt(_ context: ChannelHandlerContext, _ octets: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        if octets.readableBytes > 0 { _ = tls.write(Array(octets.readableBytesView)) }
        context.write(wrapOutboundOut(ByteBuffer(bytes: tls.takeOutput())), promise: promise)
    }

    /// Sends what TLS itself has to say.
    private func send(_ context: ChannelHandlerContext) {
        let output = tls.takeOutput()
        if !output.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: output)), promise: nil) }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, isUp, !isClosing else { return context.close(mode: mode, promise: promise) }
        isClosing = true
        tls.shutdown()
        send(context)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.farewell) { bound.value.close(promise: nil) }
        if let promise { context.channel.closeFuture.cascade(to: promise) }
    }
}
