// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Fleet
import Logging
import Settings
import Store

/// The store, the network, and the policies between them: what everything else rests on.
struct PolicyParts: Sendable {
    let clock: SteadyClock
    let store: Store
    let table: PolicyTable
    let ledger: Ledger
    let network: Network
    let overrides: ConfiguredOverrides
    let cache: PolicyCache
    let loading: PolicyLoading
    /// Nil where this machine is a sender of its own.
    let exchange: PolicyExchange?

    /// Opens the store and begins to read it.
    init(_ settings: Settings, logger: Logger) async throws {
        clock = SteadyClock(logger: logger)
        try ServiceDirectories(settings, logger: logger).prepare()
        let workspace = Workspace(settings, logger: logger)
        store = try workspace.openStore(createIfMissing: true)
        clock.start(after: try store.newestEntry(since: clock.now - SteadyClock.longestAbsence))
        table = PolicyTable(logger: logger)
        let loader = try PolicyLoader(store, into: table, at: clock.now)
        ledger = Ledger(store: store, clock: clock, logger: logger)
        network = try await workspace.openNetwork()
        network.warn(logger)
        overrides = ConfiguredOverrides(settings, documents: network, clock: clock, logger: logger)
        await overrides.apply(settings)
        exchange = try await PolicyExchange(settings, store: store, clock: clock, logger: logger)
        cache = PolicyCache(
            memory: table, store: store, discoverer: network, overrides: overrides, peers: exchange ?? NoPolicyPeers(),
            clock: clock, logger: logger, settings: settings.policyCache)
        loading = PolicyLoading(store, loader: loader, into: cache, logger: logger)
        try await loading.begin()
    }
}
