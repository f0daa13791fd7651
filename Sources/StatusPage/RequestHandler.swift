// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore
import NIOHTTP1

/// Closes a connection that sends more than a request can be.
final class RequestLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Octets of a request: browsers send a tenth of it.
    static let maxOctets = 8 << 10

    struct Exceeded: Error {}

    private var octets = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        octets += unwrapInboundIn(data).readableBytes
        guard octets <= Self.maxOctets else { return context.fireErrorCaught(Exceeded()) }
        context.fireChannelRead(data)
    }
}

/// One connection: one request, one answer, then it is closed.
///
/// All state belongs to the channel's event loop.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// For all of it: a client that takes longer has gone, or is up to something.
    static let timeLimit = TimeAmount.seconds(20)

    private let pages: Pages
    /// Whether only names of this machine may be asked for.
    private let wantsLocalNames: Bool
    private var head: HTTPRequestHead?
    private var isAnswered = false

    /// - Parameter wantsLocalNames: for a listener on loopback. A page of somebody else that is open in a browser here can
    ///   have its own name resolve to 127.0.0.1, and would read the status as if it were its own.
    init(pages: Pages, wantsLocalNames: Bool) {
        self.pages = pages
        self.wantsLocalNames = wantsLocalNames
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.timeLimit) { channel.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: write(.text(.badRequest, "a request has no body here"), context)
        case .end: if let head { serve(head, context) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is RequestLimit.Exceeded: write(.text(.headTooLong, "the request is too long"), context)
        case is HTTPParserError: write(.text(.badRequest, "not a request of HTTP/1.1"), context)
        default: context.close(promise: nil)
        }
    }

    private func serve(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.method == .GET || head.method == .HEAD else {
            return write(.text(.notAllowed, "only GET and HEAD: nothing can be changed here"), context)
        }
        guard !wantsLocalNames || Self.isLocal(head.headers["host"]) else {
            return write(
                .text(.misdirected, "ask by address or as localhost, or set status.remote = true"), context)
        }
        guard let route = Route(head.uri) else { return write(.text(.notFound, "there is no such page"), context) }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        isAnswered = true
        Task { [pages] in
            let answer = await pages.answer(route)
            loop.execute {
                handler.value.isAnswered = false
                handler.value.write(answer, bound.value)
            }
        }
    }

    /// Whether the one Host field names this machine: by an address, or as `localhost`.
    private static func isLocal(_ hosts: [String]) -> Bool {
        guard hosts.count == 1, let host = hosts.first else { return hosts.isEmpty }
        if host.hasPrefix("[") {
            return host.firstIndex(of: "]").map { IPAddress(host[host.index(after: host.startIndex)..<$0]) != nil }
                ?? false
        }
        let name = host.prefix { $0 != ":" }
        return name.lowercased() == "localhost" || IPAddress(name) != nil
    }

    private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
        guard !isAnswered, context.channel.isActive else { return }
        isAnswered = true
        let body = ByteBuffer(string: answer.body)
        var headers = HTTPHeaders([
            ("Content-Type", answer.contentType), ("Content-Length", "\(body.readableBytes)"),
            ("Connection", "close"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("Content-Security-Policy", Self.policy),
        ])
        if answer.status == .notAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
        let status = HTTPResponseStatus(statusCode: answer.status.rawValue, reasonPhrase: answer.status.reason)
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if self.head?.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    /// A page loads its style from here, sends its form here, and does nothing else.
    private static let policy =
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
