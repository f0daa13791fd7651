// SPDX-License-Identifier: Apache-2.0
import Glibc
import NIOCore
import Synchronization

/// One connection of a policy map: whose it is, and when it last asked.
final class MapConnection: Sendable {
    /// Who holds a connection.
    enum Peer: Sendable, Hashable, CustomStringConvertible {
        /// A user of this machine, by a Unix socket.
        case user(UInt32)
        /// An address; all users of this machine share one.
        case address(String)
        case unknown

        var description: String {
            switch self {
            case .user(let id): "uid:\(id)"
            case .address(let text): text
            case .unknown: "unknown"
            }
        }

        /// `struct ucred` of unix(7), which Glibc's headers show to GNU sources only.
        private struct Credentials {
            var process: Int32 = 0
            var user: UInt32 = 0
            var group: UInt32 = 0
        }

        static func of(_ channel: any Channel) -> EventLoopFuture<Peer> {
            guard let socket = channel as? any SocketOptionProvider, channel.localAddress?.protocol == .unix else {
                let address = channel.remoteAddress?.ipAddress
                return channel.eventLoop.makeSucceededFuture(address.map(Peer.address) ?? .unknown)
            }
            return socket.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
                .map { (credentials: Credentials) in Peer.user(credentials.user) }
                .flatMapErrorThrowing { _ in .unknown }
        }
    }

    /// Set while an answer is due: such a connection is the last to lose its place.
    private static let waiting: UInt64 = 1 << 63

    let channel: any Channel
    let peer: Peer
    private let standing: Atomic<UInt64>

    init(_ channel: any Channel, of peer: Peer) {
        self.channel = channel
        self.peer = peer
        standing = Atomic(NIODeadline.now().uptimeNanoseconds)
    }

    /// Says when it last asked, and whether it waits for an answer.
    func note(_ time: NIODeadline, isWaiting: Bool) {
        standing.store(time.uptimeNanoseconds | (isWaiting ? Self.waiting : 0), ordering: .relaxed)
    }

    /// The least has been idle longest.
    var rank: UInt64 { standing.load(ordering: .relaxed) }
}

/// All connections of a policy map, and who loses one when they are too many: of the peer that holds most, the
/// connection that has been idle longest. A peer that takes many takes them from itself, and an MTA that
/// loses one asks again on a new one.
struct MapConnections {
    private var clients: [ObjectIdentifier: MapConnection] = [:]
    private var counts: [MapConnection.Peer: Int] = [:]
    private var isClosing = false

    var count: Int { clients.count }

    func count(of peer: MapConnection.Peer) -> Int { counts[peer] ?? 0 }

    /// Takes a connection in.
    /// - Returns: whether it is in, and the one that has lost its place.
    mutating func admit(_ client: MapConnection, limit: Int) -> (isAdmitted: Bool, loser: MapConnection?) {
        guard !isClosing else { return (false, nil) }
        let loser = clients.count >= limit ? leastWanted(for: client.peer) : nil
        if let loser { leave(loser) }
        clients[ObjectIdentifier(client)] = client
        counts[client.peer, default: 0] += 1
        return (true, loser)
    }

    /// Forgets a connection, if it has not lost its place already.
    mutating func leave(_ client: MapConnection) {
        guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil, let count = counts[client.peer] else {
            return
        }
        counts[client.peer] = count > 1 ? count - 1 : nil
    }

    /// Lets nobody in any more.
    mutating func stopAccepting() -> [any Channel] {
        isClosing = true
        return clients.values.map(\.channel)
    }

    /// - Parameter newcomer: counted with the connection that it is about to get.
    private func leastWanted(for newcomer: MapConnection.Peer) -> MapConnection? {
        func holding(_ peer: MapConnection.Peer) -> Int { count(of: peer) + (peer == newcomer ? 1 : 0) }
        // A peer without a connection has none to lose.
        let most = counts.keys.map(holding).max() ?? 0
        return clients.values.filter { holding($0.peer) == most }.min { $0.rank < $1.rank }
    }
}
