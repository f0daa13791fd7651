// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Preload

/// Policies that a command fetches serve it alone: the store's are the daemon's to write.
struct NoPolicyStore: PolicyStore {
    func save(_ policy: CachedPolicy) async throws {}
    func save(uses: [DomainName: UTCTime]) async throws {}
    func remove(_ domain: DomainName) async throws {}
}

/// The settings' own policies, and the preload list as the daemon has kept it.
struct KeptOverrides: PolicyOverrides {
    let pins: LocalPolicies
    let preload: PreloadLists

    func pinned(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? { pins.policy(for: domain, at: time) }
    func preloaded(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? { preload.policy(for: domain, at: time) }
}
