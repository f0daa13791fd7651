// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Core
import Store

/// The stored policies, beside a daemon that may be running.
package struct StoredPolicies: Sendable {
    private let workspace: Workspace
    private let store: Store

    package init(_ workspace: Workspace) throws {
        self.workspace = workspace
        store = try workspace.openStore()
    }

    package func policy(for domain: DomainName) throws -> CachedPolicy? {
        try runAndWait { [store] in try await store.policy(for: domain) }
    }

    /// Every stored policy in the order of the domains, a piece in memory at a time.
    package func forEach(_ body: (CachedPolicy) -> Void) throws {
        var last: DomainName?
        while true {
            let piece = try runAndWait { [store, last] in try await store.policies(after: last) }
            guard let end = piece.last else { return }
            piece.forEach(body)
            last = end.domain
        }
    }

    /// Removes policies while no daemon is running: there is no memory to change.
    package func forget(_ domains: [DomainName]) async -> ControlReply {
        let isInFleet = workspace.settings.fleet != nil
        return await PolicyCommands.forget(domains) { [store] domain in
            if (try? await store.policy(for: domain)) != nil { return true }
            // A policy that cannot be read is one as well.
            let rows = try? await store.listing(holding: domain.ascii, after: "", limit: 1000)
            return rows?.contains { $0.domain == domain.ascii } ?? true
        } by: { [store] domain in
            // Other machines hear of it by the next daemon.
            if isInFleet { try await store.keepForgotten(domain, at: SystemClock().now) }
            try await store.remove(domain)
        } failure: { error in
            "not forgotten: \(error)"
        }
    }

    /// Fetches policies while no daemon is running.
    package func refresh(_ domains: [DomainName]) async throws -> ControlReply {
        let table = PolicyTable(logger: workspace.logger)
        for domain in domains { if let cached = try await store.policy(for: domain) { table.set(cached) } }
        let policyCache = PolicyCache(
            memory: table, store: store, discoverer: try await workspace.openNetwork(), clock: SystemClock(),
            logger: workspace.logger, settings: workspace.settings.policyCache)
        let reply = await PolicyCommands(policyCache: policyCache).refresh(domains)
        guard await policyCache.saveUnsaved() == 0 else {
            return ControlReply(
                succeeded: false, lines: reply.lines + ["not written to the store at \(store.path)"])
        }
        return reply
    }
}
