// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTP1

/// One connection to a ``PolicyHost``.
final class PolicySession: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let host: PolicyHost
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(host: PolicyHost) { self.host = host }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let received):
            head = received
            body.clear()
            if host.answersEarly { respond(context.channel) }
        case .body(var part): body.writeBuffer(&part)
        case .end: respond(context.channel)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func respond(_ channel: any Channel) {
        guard let head else { return }
        self.head = nil
        let name = head.headers.first(name: "host") ?? ""
        let request = PolicyHost.Request(
            host: String(name.prefix { $0 != ":" }).lowercased(), method: head.method.rawValue, path: head.uri,
            headers: head.headers.map { ($0.name.lowercased(), $0.value) }, octets: Array(body.readableBytesView))
        let answer = host.answer(request)
        let keepAlive = head.isKeepAlive
        channel.eventLoop.scheduleTask(in: .nanoseconds(answer.delay.nanoseconds)) {
            Self.send(answer, on: channel, keepAlive: keepAlive)
        }
    }

    @Sendable private static func send(_ answer: PolicyAnswer, on channel: any Channel, keepAlive: Bool) {
        if let attack = answer.attack { return attack.start(on: channel) }
        switch answer.fault {
        case .none: break
        case .hang: return
        case .interimWithoutEnd: return sendInterim(on: channel)
        case .dropBeforeHeaders: return channel.close(promise: nil)
        case .dropAfterHeaders:
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers(answer, length: 1000))
            channel.writeAndFlush(HTTPServerResponsePart.head(head)).whenComplete { _ in channel.close(promise: nil) }
            return
        case .cut: return cut(answer, on: channel)
        }
        let length: Int? =
            switch answer.body {
            case .text(let text), .drip(let text, _): text.utf8.count
            case .octets(let octets): octets.count
            case .bytes(let count): count
            case .endless: nil
            }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status),
            headers: headers(answer, length: length))
        channel.writeAndFlush(HTTPServerResponsePart.head(head), promise: nil)
        sendBody(answer.body, on: channel) {
            channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
                if !keepAlive { channel.close(promise: nil) }
            }
        }
    }

    private static func sendInterim(on channel: any Channel) {
        let head = HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .continue))
        for _ in 0..<100 { channel.write(head, promise: nil) }
        channel.writeAndFlush(head).whenSuccess { channel.eventLoop.execute { sendInterim(on: channel) } }
    }

    /// Closes below TLS, which would say goodbye otherwise.
    private static func cut(_ answer: PolicyAnswer, on channel: any Channel) {
        // Version 1.0 keeps the encoder from sending chunks.
        let head = HTTPResponseHead(version: .http1_0, status: .ok, headers: headers(answer, length: nil))
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        guard case .text(let text) = answer.body else { return channel.close(promise: nil) }
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text)))).whenComplete { _ in
            let tls = try? channel.pipeline.syncOperations.context(handlerType: TLSServerHandler.self)
            if let tls { tls.close(promise: nil) } else { channel.close(promise: nil) }
        }
    }

    private static func headers(_ answer: PolicyAnswer, length: Int?) -> HTTPHeaders {
        var headers = HTTPHeaders(answer.headers.map { ($0.name, $0.value) })
        if let type = answer.contentType { headers.add(name: "Content-Type", value: type) }
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        return headers
    }

    private static func sendBody(
        _ body: PolicyAnswer.Body, on channel: any Channel, then end: @escaping @Sendable () -> Void
    ) {
        @Sendable func write(_ bytes: ByteBuffer) -> EventLoopFuture<Void> {
            channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(bytes)))
        }
        switch body {
        case .text(let text): write(ByteBuffer(string: text)).whenSuccess(end)
        case .octets(let octets): write(ByteBuffer(bytes: octets)).whenSuccess(end)
        case .bytes(let count):
            write(ByteBuffer(repeating: UInt8(ascii: "x"), count: count)).whenSuccess(end)
        case .endless:
            let chunk = ByteBuffer(repeating: UInt8(ascii: "x"), count: 8192)
            @Sendable func next() { write(chunk).whenSuccess { channel.eventLoop.execute { next() } } }
            next()
        case .drip(let text, let milliseconds):
            let bytes = Array(text.utf8)
            @Sendable func next(_ index: Int) {
                guard bytes.indices.contains(index) else { return end() }
                write(ByteBuffer(bytes: [bytes[index]])).whenSuccess {
                    channel.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) { next(index + 1) }
                }
            }
            next(0)
        }
    }
}
