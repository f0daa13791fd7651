// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTP1

/// What a policy host sends below HTTP so as to keep a client busy; none of it ever becomes a response.
///
/// No MTA fetches policies itself; HTTP libraries wait for a head as long as they are told to, and most of them read any
/// number of 1xx answers.
package enum PolicyAttack: Sendable, Hashable {
    /// The status line and header come octet by octet.
    case headOctetEvery(milliseconds: Int64)
    /// `100 Continue`, again and again.
    case continueWithoutEnd
    /// Header fields without end.
    case headerWithoutEnd
    /// A chunk whose extension never ends, so that no octet of a body comes. - RFC 9112 §7.1.1: Chunk Extensions.
    case chunkExtensionWithoutEnd
    /// These octets in place of a response, whatever they are, and the end of the connection.
    case octets([UInt8])

    /// Between two chunks of what has no end: it is to cost the machine of the test little.
    private static let pause = TimeAmount.milliseconds(10)
    private static let lines = 16

    func start(on channel: any Channel) {
        switch self {
        case .headOctetEvery(let milliseconds):
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Long: " + String(repeating: "x", count: 4000)
            let octets = Array(head.utf8)
            Self.send(on: channel, every: .milliseconds(milliseconds)) { index in
                octets.indices.contains(index) ? [octets[index]] : nil
            }
        case .continueWithoutEnd:
            let chunk = Array(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: Self.lines).utf8)
            Self.send(on: channel, every: Self.pause) { _ in chunk }
        case .headerWithoutEnd:
            Self.send(on: channel, every: Self.pause) { index in
                Array(((index == 0 ? "HTTP/1.1 200 OK\r\n" : "") + "X-More\(index): and more\r\n").utf8)
            }
        case .chunkExtensionWithoutEnd:
            let more = [UInt8](repeating: UInt8(ascii: "x"), count: 8192)
            Self.send(on: channel, every: Self.pause) { index in
                index == 0 ? Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=".utf8) : more
            }
        case .octets(let octets):
            Self.send(on: channel, every: Self.pause) { index in
                guard index == 0 else {
                    channel.close(promise: nil)
                    return nil
                }
                return octets
            }
        }
    }

    /// Sends chunk after chunk, until there is none or the connection has gone.
    private static func send(
        on channel: any Channel, every interval: TimeAmount, _ chunk: @escaping @Sendable (Int) -> [UInt8]?
    ) {
        @Sendable func next(_ index: Int) {
            // What is written from the encoder's place goes through TLS and is not encoded.
            guard let octets = chunk(index),
                let context = try? channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
            else { return }
            context.writeAndFlush(NIOAny(ByteBuffer(bytes: octets))).whenSuccess {
                channel.eventLoop.scheduleTask(in: interval) { next(index + 1) }
            }
        }
        next(0)
    }
}
