// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc
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

    private struct Listener: Sendable {
        let channel: any Channel
        let unix: UnixSocket?
    }

    private let started: PolicyMapSettings
    private let service: MapService
    private let group: any EventLoopGroup
    private let listener = Locked<Listener?>(nil)

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
    package var port: Int? { listener.withLock { $0?.channel.localAddress?.port } }

    /// Takes the socket, never from an instance that lives, and serves until ``stop(within:)``.
    package func start() async throws(ListenError) {
        let opened = try await open()
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
        try? await listener?.channel.close().get()
        listener?.unix?.remove()
        let channels = service.stopAccepting()
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(MapSession.StopEvent.stop) }
        let loop = group.next()
        let timer = loop.scheduleTask(in: .init(limit)) { for channel in channels { channel.close(promise: nil) } }
        try? await EventLoopFuture.andAllComplete(channels.map(\.closeFuture), on: loop).get()
        timer.cancel()
    }

    private func open() async throws(ListenError) -> Listener {
        let socket = started.socket
        do {
            switch socket {
            case .inet(let host, let port):
                return Listener(channel: try await listen(host ?? "0.0.0.0", port), unix: nil)
            case .inet6(let host, let port): return Listener(channel: try await listen(host ?? "::", port), unix: nil)
            case .descriptor(let number):
                guard ListenAddress.isListening(number) else { throw Self.error(.notListening, at: socket) }
                return Listener(channel: try await bootstrap.withBoundSocket(number).get(), unix: nil)
            case .unix(let path):
                let unix = try UnixSocket(.stream, path: path, mode: started.socketMode, group: started.socketGroup)
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

    private static let setting = "policy_map.socket"

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
