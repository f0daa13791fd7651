// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTP1

/// Why a connection was given up before its answer.
package struct TooManyInterimAnswers: Error, Sendable, CustomStringConvertible {
    package var description: String { "interim answers (1xx) without an answer behind them" }
}

/// Ends a connection that sends interim answers without end. - RFC 9110 §15.2: Informational 1xx. Clients must take any
/// number of them, but a server of policies or reports has no use for more than a few.
package final class InterimAnswers: ChannelInboundHandler {
    package typealias InboundIn = HTTPClientResponsePart
    package typealias InboundOut = HTTPClientResponsePart

    /// Most interim answers before the answer.
    private static let maxCount = 16
    /// Octets of names and values of all their fields.
    private static let maxOctets = 64 << 10

    private var count = 0
    private var octets = 0

    /// Puts the bound into a fresh HTTP/1.1 connection. Must run on the channel's event loop; completes at once.
    package static func bound(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
        try pipeline.addHandler(InterimAnswers(), position: .after(decoder))
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard count <= Self.maxCount, octets <= Self.maxOctets else { return }
        if case .head(let head) = unwrapInboundIn(data), (100..<200).contains(head.status.code) {
            count += 1
            octets += head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
            guard count <= Self.maxCount, octets <= Self.maxOctets else {
                context.fireErrorCaught(TooManyInterimAnswers())
                context.close(promise: nil)
                return
            }
        }
        context.fireChannelRead(data)
    }
}
