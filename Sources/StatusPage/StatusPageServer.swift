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
    package func start() async throws(StatusPageError) {
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

    private func open() async throws(StatusPageError) -> Listener {
        let socket = settings.socket
        do {
            switch socket {
            case .inet(let host, let port):
                return Listener(channel: try await listen(host ?? "0.0.0.0", port), unix: nil)
            case .inet6(let host, let port): return Listener(channel: try await listen(host ?? "::", port), unix: nil)
            case .descriptor(let number):
                guard ListenAddress.isListening(number) else { throw StatusPageError.notListening(socket) }
                return Listener(channel: try await bootstrap.withBoundSocket(number).get(), unix: nil)
            case .unix(let path):
                let unix = try UnixSocket(
                    .stream, path: path, mode: settings.socketMode, group: settings.socketGroup)
                return Listener(channel: try await bootstrap.withBoundSocket(unix.descriptor).get(), unix: unix)
            }
        } catch let error as StatusPageError {
            throw error
        } catch let error as UnixSocketError {
            throw StatusPageError(error, at: socket)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw .alreadyServed(socket)
        } catch let error as IOError {
            throw .cannotListen(socket, String(cString: strerror(error.errnoCode)))
        } catch {
            throw .cannotListen(socket, printable("\(error)"))
        }
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

/// Why the status page is not served, and what cures it.
package enum StatusPageError: Error, Sendable, Hashable, CustomStringConvertible {
    case alreadyServed(ListenAddress), notListening(ListenAddress), notASocket(String)
    case cannotListen(ListenAddress, String), noGroup(String, String)

    package var description: String {
        switch self {
        case .alreadyServed(let socket):
            "somebody answers at \(socket) already: stop the other instance, or set another status.listen"
        case .notListening(let socket):
            "\(socket) is not a listening socket: start by the socket unit, or set another status.listen"
        case .notASocket(let path):
            "\(printable(path)) exists and is no socket: move it away, or set another status.listen"
        case .cannotListen(let socket, let why):
            "cannot listen at \(socket): \(why): see to the address or directory, or set another status.listen"
        case .noGroup(let name, let why):
            "cannot give the socket to group '\(printable(name))': \(why): see to status.socket_group"
        }
    }

    init(_ error: UnixSocketError, at socket: ListenAddress) {
        self =
            switch error {
            case .alreadyServed: .alreadyServed(socket)
            case .notASocket(let path): .notASocket(path)
            case .cannotBind(_, let why): .cannotListen(socket, why)
            case .noGroup(let name, let why): .noGroup(name, why)
            }
    }
}
