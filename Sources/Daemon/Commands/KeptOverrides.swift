// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Logging
import Preload
import Settings

/// Policies that a command fetches serve it alone: the store's are the daemon's to write.
struct NoPolicyStore: PolicyStore {
    func save(_ policy: CachedPolicy) async throws {}
    func save(uses: [DomainName: UTCTime]) async throws {}
    func remove(_ domain: DomainName) async throws {}
}

/// The settings' own policies, and the preload list as the daemon has kept it.
struct KeptOverrides: PolicyOverrides {
    private let pins: LocalPolicies
    private let preload: PreloadLists

    /// Reads what is kept beside the store; signatures are checked elsewhere, since the directory is the daemon's to write to.
    init(_ settings: Settings, documents: any DocumentSource, clock: any WallClock, logger: Logger) async {
        pins = settings.localPolicies
        preload = PreloadLists(
            directory: settings.storeDirectory, scratch: FileManager.default.temporaryDirectory.path,
            documents: documents, clock: clock, logger: logger)
        await preload.serveKept(settings.preload)
    }

    func pinned(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? { pins.policy(for: domain, at: time) }
    func preloaded(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? { preload.policy(for: domain, at: time) }
}
