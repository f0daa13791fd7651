// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore
import Synchronization

/// What an https server does to a client of HTTP/2. - RFC 9113 §5.1, §6: Frames.
package enum HTTP2Fault: Sendable, Hashable {
    /// No octet of a request's body may be sent, ever.
    case noWindow
    /// The request is refused as one that was not looked at, so that a client may ask again over another connection.
    case refusedRequest
    /// The same once some of the request's body is there.
    case refusedBody
    /// Both: refused while no octet of a body may be sent.
    case noWindowAndRefused
    /// Answers to nothing, which are none.
    case pingsWithoutEnd
    /// A status, and then a body that is all padding.
    case paddingWithoutEnd(status: Int)
}

/// An https server that speaks HTTP/2 by hand, with a fault that real ones do not have.
package final class HTTP2FaultHost: Sendable {
    package let address: String
    private let fault: HTTP2Fault
    private let credential: Credential
    private let listener = Locked<Listener?>(nil)
    private let seen = Locked(0)
    private let isMute = Atomic(false)

    /// Listens at once, on port 443.
    package init(address: String, credential: Credential, _ fault: HTTP2Fault) throws {
        self.address = address
        self.fault = fault
        self.credential = credential
        let bound = try Listener(address: address, port: 443) { [weak self] channel in
            guard let self else { return channel.close() }
            return channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
        }
        listener.withLock { $0 = bound }
    }

    /// Connections accepted so far.
    package var connections: Int { listener.withLock { $0?.connections ?? 0 } }

    /// Connections open now.
    package var openConnections: Int { listener.withLock { $0?.openConnections ?? 0 } }

    /// Heads of requests so far.
    package var requests: Int { seen.withLock { $0 } }

    /// From now on connections are accepted, and not one octet is sent over them.
    package func fallSilent() { isMute.store(true, ordering: .relaxed) }

    fileprivate func noteRequest() { seen.withLock { $0 += 1 } }

    private func prepare(_ channel: any Channel) throws {
        guard !isMute.load(ordering: .relaxed) else { return }
        var settings = TLSServerSettings(credential: credential)
        settings.protocols = ["h2"]
        try channel.pipeline.syncOperations.addHandler(try TLSServerHandler(settings))
        try channel.pipeline.syncOperations.addHandler(HTTP2FaultSession(host: self, fault))
    }
}

private final class HTTP2FaultSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let reset: UInt8 = 3
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
    }

    /// "PRI * HTTP/2.0" and so on. - RFC 9113 §3.4: HTTP/2 Connection Preface.
    private static let prefaceOctets = 24
    /// Between two bursts of what has no end: it is to cost the machine of the test little.
    private static let pause = TimeAmount.milliseconds(5)
    /// Frames of a burst.
    private static let burst = 100

    private let host: HTTP2FaultHost
    private let fault: HTTP2Fault
    private var input = ByteBuffer()
    private var hasPreface = false

    init(host: HTTP2FaultHost, _ fault: HTTP2Fault) {
        self.host = host
        self.fault = fault
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        input.writeBuffer(&part)
        if !hasPreface {
            guard input.readSlice(length: Self.prefaceOctets) != nil else { return }
            hasPreface = true
            // SETTINGS_INITIAL_WINDOW_SIZE, and the default of it.
            let isClosed = fault == .noWindow || fault == .noWindowAndRefused
            send(context.channel, Self.frame(Kind.settings, 0, [0, 4] + Self.octets(isClosed ? 0 : 65_535)))
        }
        while let (kind, flags) = readFrame() { take(kind, flags, context.channel) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func readFrame() -> (kind: UInt8, flags: UInt8)? {
        let start = input.readerIndex
        guard let size = input.getInteger(at: start, as: UInt32.self),
            let flags = input.getInteger(at: start + 4, as: UInt8.self),
            input.readSlice(length: 9 + Int(size >> 8)) != nil
        else { return nil }
        return (UInt8(truncatingIfNeeded: size), flags)
    }

    private func take(_ kind: UInt8, _ flags: UInt8, _ channel: any Channel) {
        switch (kind, fault) {
        case (Kind.settings, _) where flags == 0: send(channel, Self.frame(Kind.settings, 0, flags: 1, []))
        case (Kind.headers, _):
            host.noteRequest()
            answer(channel)
        case (Kind.data, .refusedBody): send(channel, Self.refusal)
        default: break
        }
    }

    private func answer(_ channel: any Channel) {
        switch fault {
        case .noWindow, .refusedBody: break
        case .refusedRequest, .noWindowAndRefused: send(channel, Self.refusal)
        case .pingsWithoutEnd:
            // Marked as answers, so that the client has nothing to say to them.
            let ping = Self.frame(Kind.ping, 0, flags: 1, [UInt8](repeating: 0, count: 8))
            repeatedly(channel, [[UInt8]](repeating: ping, count: Self.burst).flatMap { $0 })
        case .paddingWithoutEnd(let status):
            // A literal field with the name of the table's place 8, `:status`. - RFC 7541 §6.2.1, Appendix A.
            let fields = [0x48, 3] + Array("\(status)".utf8)
            send(channel, Self.frame(Kind.headers, 1, flags: 4, fields))
            let padding = Self.frame(Kind.data, 1, flags: 8, [255] + [UInt8](repeating: 0, count: 255))
            repeatedly(channel, [[UInt8]](repeating: padding, count: Self.burst).flatMap { $0 })
        }
    }

    private func send(_ channel: any Channel, _ octets: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: octets), promise: nil)
    }

    private func repeatedly(_ channel: any Channel, _ octets: [UInt8]) {
        let buffer = ByteBuffer(bytes: octets)
        @Sendable func next() {
            channel.writeAndFlush(buffer).whenSuccess {
                channel.eventLoop.scheduleTask(in: Self.pause) { next() }
            }
        }
        next()
    }

    /// REFUSED_STREAM. - RFC 9113 §8.7: Request Reliability.
    private static let refusal = frame(Kind.reset, 1, octets(7))

    private static func frame(_ kind: UInt8, _ stream: UInt32, flags: UInt8 = 0, _ payload: [UInt8]) -> [UInt8] {
        octets(UInt32(payload.count)).dropFirst() + [kind, flags] + octets(stream) + payload
    }

    private static func octets(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}
