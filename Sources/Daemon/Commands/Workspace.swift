// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Logging
import NIOPosix
import Settings
import Store

/// What the settings name, opened when it is needed: by the daemon, and by commands beside one that may be running.
package struct Workspace: Sendable {
    package let settings: Settings
    package let logger: Logger

    package init(_ settings: Settings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// For a command, which logs to standard error.
    /// - Parameter label: what its lines begin with.
    package init(_ settings: Settings, label: String, level: Logger.Level = .info) {
        self.init(
            settings,
            logger: Logger(label: label) { label in
                var handler = StreamLogHandler.standardError(label: label)
                handler.logLevel = level
                return handler
            })
    }

    /// Opens the database.
    /// - Parameter createIfMissing: the daemon's right alone: a file of this user's would be closed to the daemon's.
    func openStore(createIfMissing: Bool = false) throws(StoreError) -> Store {
        try Store(path: settings.storePath, createIfMissing: createIfMissing, logger: logger)
    }

    /// Makes adapters to the network; waits for some seconds to hear whether the resolver can do DNSSEC.
    func openNetwork() async throws -> Network { try await Network(settings) }

    /// Asks the running daemon.
    /// - Returns: its answer; nil if none is running, or it has no control socket.
    package func askDaemon(
        _ command: ControlRequest.Command, _ domains: [DomainName] = []
    ) async throws(ControlError) -> ControlReply? {
        do throws(ControlError) {
            return try await tellDaemon(ControlRequest(command, domains: domains.map(\.ascii)))
        } catch {
            switch error {
            case .notRunning, .noSocket: return nil
            case .notPermitted, .noAnswer: throw error
            }
        }
    }

    /// Has the running daemon do what nobody else can.
    package func tellDaemon(_ request: ControlRequest) async throws(ControlError) -> ControlReply {
        guard let path = settings.controlSocket else { throw .noSocket }
        return try await ControlClient.ask(request, at: path, group: .singletonMultiThreadedEventLoopGroup)
    }
}

extension Workspace {
    /// How many connections the milter of the running daemon has; nil if none is running, or its milter does not answer.
    package func milterConnections() async -> Int? {
        guard let reply = try? await askDaemon(.status), reply.succeeded else { return nil }
        return reply.status?.milter.connections
    }
}
