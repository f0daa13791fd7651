// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Core
import Logging
import NIOPosix
import Settings
import Store

/// The stored policies, read beside a daemon that may be running.
package struct StoredPolicies {
    private let store: Store

    package init(_ settings: Settings) throws {
        store = try Store(
            path: settings.storePath, createIfMissing: false,
            logger: Logger(label: "policy") { StreamLogHandler.standardError(label: $0) })
    }

    package func policy(for domain: DomainName) throws -> CachedPolicy? {
        try blocking { [store] in try await store.policy(for: domain) }
    }

    /// Every stored policy in the order of the domains, a piece in memory at a time.
    package func forEach(_ body: (CachedPolicy) -> Void) throws {
        var last: DomainName?
        while true {
            let piece = try blocking { [store, last] in try await store.policies(after: last) }
            guard let end = piece.last else { return }
            piece.forEach(body)
            last = end.domain
        }
    }
}

/// Carries `policy` commands to the running daemon, or to the store when none is running.
package struct PolicyOffice: Sendable {
    private let settings: Settings

    package init(_ settings: Settings) { self.settings = settings }

    package func carryOut(_ command: ControlRequest.Command, _ domains: [DomainName]) async throws -> ControlReply {
        let request = ControlRequest(command, domains: domains.map(\.ascii))
        if let path = settings.controlSocket {
            do throws(ControlError) {
                return try await ControlClient.ask(request, at: path, group: .singletonMultiThreadedEventLoopGroup)
            } catch {
                guard case .notRunning = error else { throw error }
            }
        }
        return try await atRest(command, domains)
    }

    /// Without a daemon there is no memory to change: the store alone is.
    private func atRest(_ command: ControlRequest.Command, _ domains: [DomainName]) async throws -> ControlReply {
        guard command != .status else { return ControlReply(succeeded: false, lines: ["no sts-milter is running"]) }
        let logger = Logger(label: "policy") { StreamLogHandler.standardError(label: $0) }
        // Not made here: a file of this user's would be closed to the daemon's.
        let store = try Store(path: settings.storePath, createIfMissing: false, logger: logger)
        let table = PolicyTable(logger: logger)
        let clock = SystemClock()
        for domain in domains { if let cached = try await store.policy(for: domain) { table.set(cached) } }
        let network = Network(
            command == .refresh ? try await NetworkAdapters.adapted(to: settings).0 : try NetworkAdapters(settings))
        defer { network.shutdown() }
        let keeper = PolicyCache(
            memory: table, store: store, discoverer: network, clock: clock, logger: logger, settings: settings.keeper)
        let commands = PolicyCommands(keeper: keeper)
        switch command {
        case .forget: return await commands.forget(domains)
        case .refresh:
            let reply = await commands.refresh(domains)
            guard await keeper.saveUnsaved() == 0 else {
                return ControlReply(
                    succeeded: false, lines: reply.lines + ["not written to the store at \(settings.storePath)"])
            }
            return reply
        case .status: return ControlReply(succeeded: false, lines: ["no sts-milter is running"])
        }
    }
}
