// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Logging
import Settings
import Store

/// What a command looks at domains with, beside a daemon that may be running: the network, and what the daemon keeps.
struct InspectionContext: Sendable {
    let settings: Settings
    let network: NetworkAdapters
    private let store: Store?
    private let overrides: any PolicyOverrides
    private let clock = SystemClock()

    /// Looks by these adapters, without what the daemon keeps.
    init(_ settings: Settings, by network: NetworkAdapters) {
        self.settings = settings
        self.network = network
        store = nil
        overrides = NoPolicyOverrides()
    }

    /// - Parameter workspace: its logger tells of a store that cannot be read; the command goes on without it.
    init(_ workspace: Workspace) async throws {
        settings = workspace.settings
        let opened = try await workspace.openNetwork()
        network = opened.adapters
        // Without a store there is no cached policy to fall back on: the domain is seen as by a new daemon.
        store =
            FileManager.default.isReadableFile(atPath: settings.storePath) ? try? workspace.openStore() : nil
        overrides = await KeptOverrides(settings, documents: opened, clock: clock, logger: workspace.logger)
    }

    func shutdown() { network.shutdown() }

    /// A walk with an empty memory.
    func walk(by discoverer: any PolicyDiscoverer) -> DomainWalk {
        // What happens is shown, not logged.
        let silent = Logger(label: "check") { _ in SwiftLogNoOpLogHandler() }
        let memory = PolicyTable(logger: silent)
        let policies = PolicyCache(
            memory: memory, store: NoPolicyStore(), discoverer: discoverer, overrides: overrides, clock: clock,
            logger: silent, settings: settings.policyCache)
        let resolver = NextHopResolver(
            policies: policies, routes: RouteCache(router: network.router, clock: clock), prober: network.prober,
            surveyor: network.prober, clock: clock)
        return DomainWalk(memory: memory, policies: policies, store: store, resolver: resolver)
    }
}
