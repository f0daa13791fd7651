// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Glibc
import NIOCore

/// Says that connections cannot be accepted, as when descriptors run out. The listener goes on and tries again.
final class AcceptFailures: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let warnings: RateLimitedLog<MapWarning>

    init(_ warnings: RateLimitedLog<MapWarning>) { self.warnings = warnings }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let cause = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? printable("\(error)")
        warnings.warn(.acceptFailed, ["cause": "\(cause)"])
        context.fireErrorCaught(error)
    }
}
