// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore
import NIOPosix

/// Local clients in number that connect, say a little and stay: what any local user can do to a socket on loopback.
package final class Crowd: Sendable {
    /// What each client sends before it falls silent.
    package enum Opening: Sendable, Hashable {
        /// Nothing at all.
        case nothing
        /// Two octets of the length of a milter packet. libmilter keeps a thread for each.
        case halfMilterPacket
        /// A milter packet's length that no packet has.
        case hugeMilterPacket
        /// A netstring's length without its colon.
        case halfNetstring
        /// A netstring that ends before its comma.
        case netstringWithoutEnd
        /// A netstring of a length that no request has.
        case hugeNetstring

        var octets: [UInt8] {
            switch self {
            case .nothing: []
            case .halfMilterPacket: [0, 0]
            case .hugeMilterPacket: [0xFF, 0xFF, 0xFF, 0xFF, UInt8(ascii: "O")]
            case .halfNetstring: Array("12".utf8)
            case .netstringWithoutEnd: Array("27:postfix example".utf8)
            case .hugeNetstring: Array("99999999:postfix ".utf8)
            }
        }
    }

    private let channels = Locked<[any Channel]>([])

    package init() {}

    /// Connects `count` more clients; returns once all are connected, or refused.
    ///
    /// Each takes a descriptor here as well as there.
    package func connect(_ count: Int, to address: String, port: Int, opening: Opening = .nothing) async {
        await withTaskGroup(of: (any Channel)?.self) { group in
            for _ in 0..<count {
                group.addTask {
                    let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .connect(host: address, port: port).get()
                    if !opening.octets.isEmpty {
                        try? await channel?.writeAndFlush(ByteBuffer(bytes: opening.octets))
                    }
                    return channel
                }
            }
            for await channel in group { if let channel { channels.withLock { $0.append(channel) } } }
        }
    }

    /// Those that are still connected.
    package var connected: Int { channels.withLock { $0.count { $0.isActive } } }

    /// All go away.
    package func stop() {
        for channel in channels.withLock({ $0 }) { channel.close(promise: nil) }
        channels.withLock { $0 = [] }
    }

    deinit { stop() }
}
