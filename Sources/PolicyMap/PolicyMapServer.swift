// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import NIOCore
import NIOPosix
import Sockets

/// Serves the policy map of Postfix (`socketmap:`) and Sendmail (FEATURE(`sts')).
package final class PolicyMapServer: Sendable {
    /// Connections that may wait to be accepted; MTAs that find none waiting come back.
    private static let backlog: Int32 = 1024
    /// Octets of answers that one connection may have waiting in the process: reading stops above, goes on below.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)

    /// Until the next try after a connection could not be accepted.
    private static let acceptPause = TimeAmount.milliseconds(100)

    private let started: PolicyMapSettings
    private let service: MapService
    private let group: any EventLoopGroup
    private let listener = Locked<ListeningChannel?>(nil)

    /// - Parameters:
    ///   - settings: the socket holds for the life of the server, the rest until ``apply(_:)``.
    ///   - group: the threads that serve; what memory decides is answered on them.
    package init(settings: PolicyMapSettings, resolver: any MapResolver, group: any EventLoopGroup, logger: Logger) {
        started = settings
        self.group = group
        service = MapService(settings: settings, resolver: resolver, logger: logger)
    }

    /// Connections of MTAs.
    package var connections: Int { service.connections }
    /// Requests answered or being answered since the start.
    package var requests: Int { service.requests.load(ordering: .relaxed) }
    /// What was answered since the start.
    package var counts: MapCounts { service.counts }
    /// Lookups that wait for the network.
    package var lookupsUnderWay: Int { service.lookups }
    /// The port in use, which matters when the settings say 0; nil for a Unix socket.
    package var port: Int? { listener.withLock { $0?.port } }

    /// Takes the socket, never from an instance that lives, and serves until ``stop(within:)``.
    package func start() async throws(ListenError) {
        let opened = try await ListeningChannel.open(
            started.socket, with: bootstrap, mode: started.socketMode, group: started.socketGroup,
            setting: "policy_map.socket")
        listener.withLock { $0 = opened }
        service.logger.info("policy map: serving", metadata: ["socket": "\(started.socket)"])
    }

    /// Puts new settings in force: the socket's excepted, for connections that begin from now on.
    package func apply(_ settings: PolicyMapSettings) { service.apply(settings) }

    /// Accepts no more, answers what was asked, and closes what is still open after the limit.
    package func stop(within limit: Duration = .seconds(5)) async {
        let listener = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        await listener?.close()
        let channels = service.stopAccepting()
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(MapSession.StopEvent.stop) }
        let loop = group.next()
        let timer = loop.scheduleTask(in: .init(limit)) { for channel in channels { channel.close(promise: nil) } }
        try? await EventLoopFuture.andAllComplete(channels.map(\.closeFuture), on: loop).get()
        timer.cancel()
    }

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: Self.waterMark)
            .serverChannelInitializer { [service] channel in
                channel.eventLoop.makeCompletedFuture {
                    // Without a pause the loop would turn for as long as it lasts, and serve nobody well.
                    let pause = AcceptBackoffHandler { _ in Self.acceptPause }
                    try channel.pipeline.syncOperations.addHandlers([pause, AcceptFailures(service.warnings)])
                }
            }
            .childChannelInitializer { self.serve($0) }
    }

    /// Answers what is asked on a connection, by the settings that are in force now.
    package func serve(_ channel: any Channel) -> EventLoopFuture<Void> {
        MapConnection.Peer.of(channel).flatMapThrowing { [service] peer in
            let served = service.currentSettings
            guard let client = service.admit(channel, of: peer, limit: served.settings.maxConnections) else {
                return channel.close(promise: nil)
            }
            try channel.pipeline.syncOperations.addHandler(
                MapSession(service: service, served: served, client: client))
        }
    }
}
