// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import NIOCore

/// Says that connections cannot be accepted, as when descriptors run out. The listener goes on and tries again.
final class AcceptFailures: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let complaints: Complaints

    init(_ complaints: Complaints) { self.complaints = complaints }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let cause = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? printable("\(error)")
        complaints.log(.acceptFailed, ["cause": "\(cause)"])
        context.fireErrorCaught(error)
    }
}
