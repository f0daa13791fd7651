// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization

/// Serves metrics and pages.
package final class StatusPageServer: Sendable {
    /// Connections at one time: a few browsers and scrapers. One more is closed at once.
    static let maxConnections = 64
    private static let backlog: Int32 = 64

    private struct Listener: Sendable {
        let channel: any Channel
        let unix: UnixSocket?
    }

    private let settings: StatusPageSettings
    private let pages: Pages
    private let group: any EventLoopGroup
    private let logger: Logger
    private let listener = Locked<Listener?>(nil)
    private let connections = Atomic(0)

    package init(
        settings: StatusPageSettings, source: any StatusSource, group: any EventLoopGroup, logger: Logger
    ) {
        self.settings = settings
        pages = Pages(source: source)
        self.group = group
        self.logger = logger
    }

    /// The port in use; nil for a Unix socket.
    package var port: Int? { listener.withLock { $0?.channel.localAddress?.port } }

    /// Takes the socket, never from an instance that lives, and serves until ``stop()``.
    package func start() async throws(ListenError) {
        let opened = try await open()
        listener.withLock { $0 = opened }
        logger.info("status page: serving", metadata: ["socket": "\(settings.socket)"])
    }

    /// Accepts no more; requests under way are still answered.
    package func stop() async {
        let listener = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        try? await listener?.channel.close()
        listener?.unix?.remove()
    }

    private func open() async throws(ListenError) -> Listener {
        let socket = settings.socket
        do {
            switch socket {
            case .inet(let host, let port):
                return Listener(channel: try await listen(host ?? "0.0.0.0", port), unix: nil)
            case .inet6(let host, let port): return Listener(channel: try await listen(host ?? "::", port), unix: nil)
            case .descriptor(let number):
                guard ListenAddress.isListening(number) else { throw Self.error(.notListening, at: socket) }
                return Listener(channel: try await bootstrap.withBoundSocket(number).get(), unix: nil)
            case .unix(let path):
                let unix = try UnixSocket(
                    .stream, path: path, mode: settings.socketMode, group: settings.socketGroup)
                return Listener(channel: try await bootstrap.withBoundSocket(unix.descriptor).get(), unix: unix)
            }
        } catch let error as ListenError {
            throw error
        } catch let error as UnixSocketError {
            throw ListenError(error, at: socket, setting: Self.setting)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw Self.error(.alreadyServed, at: socket)
        } catch let error as IOError {
            throw Self.error(.cannotListen(String(cString: strerror(error.errnoCode))), at: socket)
        } catch {
            throw Self.error(.cannotListen(printable("\(error)")), at: socket)
        }
    }

    private static let setting = "status.listen"

    private static func error(_ cause: ListenError.Cause, at socket: ListenAddress) -> ListenError {
        ListenError(cause, at: socket, setting: setting)
    }

    private func listen(_ host: String, _ port: UInt16) async throws -> any Channel {
        try await bootstrap.bind(host: host, port: Int(port)).get()
    }

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { self.serve($0) }
    }

    private func serve(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard connections.add(1, ordering: .relaxed).newValue <= Self.maxConnections else {
            connections.subtract(1, ordering: .relaxed)
            return channel.close()
        }
        channel.closeFuture.whenComplete { _ in self.connections.subtract(1, ordering: .relaxed) }
        return channel.eventLoop.makeCompletedFuture {
            let isNetwork =
                switch settings.socket {
                case .inet, .inet6: true
                case .unix, .descriptor: false
                }
            try channel.pipeline.syncOperations.addHandler(RequestLimit())
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false)
            try channel.pipeline.syncOperations.addHandler(
                RequestHandler(pages: pages, wantsLocalNames: isNetwork && settings.socket.isLocal))
        }
    }
}
