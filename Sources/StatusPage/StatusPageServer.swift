// SPDX-License-Identifier: Apache-2.0
import Basics
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

    private let settings: StatusPageSettings
    private let pages: Pages
    private let group: any EventLoopGroup
    private let logger: Logger
    private let listener = Locked<ListeningChannel?>(nil)
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
    package var port: Int? { listener.withLock { $0?.port } }

    /// Takes the socket, never from an instance that lives, and serves until ``stop()``.
    package func start() async throws(ListenError) {
        let opened = try await ListeningChannel.open(
            settings.socket, with: bootstrap, mode: settings.socketMode, group: settings.socketGroup,
            setting: "status.listen")
        listener.withLock { $0 = opened }
        logger.info("status page: serving", metadata: ["socket": "\(settings.socket)"])
    }

    /// Accepts no more; requests under way are still answered.
    package func stop() async {
        let listener = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        await listener?.close()
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
