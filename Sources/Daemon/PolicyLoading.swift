// SPDX-License-Identifier: Apache-2.0
import Basics
import CMemory
import Core
import Logging
import Store

/// Brings policies and their uses from the store into memory, the most of a large store while the daemon serves.
///
/// A domain whose row is not in memory yet is looked up by its name, so no answer is weaker meanwhile. A store that
/// cannot be read to its end ends the daemon, as it does when that shows before it serves.
final class PolicyLoading: Sendable {
    /// Pieces of the store that are loaded before anybody is served: a store of ordinary size as a whole.
    private static let firstPieces = 10

    private let store: Store
    private let loader: PolicyLoader
    private let policyCache: PolicyCache
    private let logger: Logger
    private let began = ContinuousClock.now
    private let isDone = Locked(false)

    /// From now on the table answers by what it has, and by the rows that it is asked for.
    init(_ store: Store, loader: PolicyLoader, into policyCache: PolicyCache, logger: Logger) {
        self.store = store
        self.loader = loader
        self.policyCache = policyCache
        self.logger = logger
    }

    /// Loads the first of it, and all of a store of ordinary size.
    func begin() async throws {
        for _ in 0..<Self.firstPieces {
            guard try loader.loadPiece() else { return try await finish() }
        }
    }

    /// Loads the rest, unless the task is cancelled.
    func run() async throws {
        guard !isDone.withLock({ $0 }) else { return }
        try await loader.loadRest()
        if !Task.isCancelled { try await finish() }
    }

    /// Ends a load that is not done, before the store is closed: what is not in memory stays unproven.
    func stop() { loader.close() }

    private func finish() async throws {
        isDone.withLock { $0 = true }
        loader.close()
        let count = loader.count
        logger.info(
            "policies loaded",
            metadata: [
                "count": "\(count.loaded)", "skipped": "\(count.skipped)", "took": "\(ContinuousClock.now - began)",
            ])
        try await loadUses()
        // What loading took beside the table would count as ours as long as we run.
        malloc_trim(0)
    }

    private func loadUses() async throws {
        let oldest = policyCache.now - PolicyCache.unusedAfter
        var last = ""
        while !Task.isCancelled, let piece = try await store.uses(since: oldest, after: last) {
            policyCache.loadUses(piece.uses)
            last = piece.last
        }
        try await store.removeUses(before: oldest)
    }
}
