// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore
import NIOPosix

/// A listening TCP socket with the connections it accepted: the part that all TCP servers of the laboratory share.
package final class Listener: Sendable {
    private struct State {
        var server: (any Channel)?
        var children: [ObjectIdentifier: any Channel] = [:]
        var accepted = 0
        /// The port once known, so that a server with port 0 comes back on the same one.
        var port: Int
    }

    package let address: String
    private let state: Locked<State>
    private let configure: @Sendable (any Channel) -> EventLoopFuture<Void>

    /// Binds at once. Port 0 takes any free port.
    init(address: String, port: Int, configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>) throws {
        self.address = address
        self.configure = configure
        state = Locked(State(port: port))
        try start()
    }

    package var port: Int { state.withLock { $0.port } }

    /// Connections accepted since the start.
    package var connections: Int { state.withLock { $0.accepted } }

    /// Connections open now.
    package var openConnections: Int { state.withLock { $0.children.count } }

    /// Listens again after ``stop()``; does nothing while listening.
    package func start() throws {
        let (running, port) = state.withLock { ($0.server != nil, $0.port) }
        guard !running else { return }
        let server: any Channel
        do {
            server = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.backlog, value: 1024)
                .childChannelInitializer { [weak self] child in
                    guard let self else { return child.close() }
                    self.remember(child)
                    return self.configure(child)
                }
                .bind(host: address, port: port).wait()
        } catch {
            throw LabError("cannot listen on \(address) port \(port): \(error)")
        }
        state.withLock {
            $0.server = server
            $0.port = server.localAddress?.port ?? port
        }
    }

    /// Closes the socket and every connection, and waits for both: a new connection is refused when this returns.
    package func stop() {
        let channels = state.withLock { state in
            defer { state.server = nil }
            return [state.server].compactMap { $0 } + state.children.values
        }
        for channel in channels { try? channel.close().wait() }
    }

    private func remember(_ child: any Channel) {
        let key = ObjectIdentifier(child)
        state.withLock {
            $0.children[key] = child
            $0.accepted += 1
        }
        child.closeFuture.whenComplete { [weak self] _ in
            _ = self?.state.withLock { $0.children.removeValue(forKey: key) }
        }
    }

    deinit {
        let channels = state.withLock { [$0.server].compactMap { $0 } + $0.children.values }
        for channel in channels { channel.close(promise: nil) }
    }
}
